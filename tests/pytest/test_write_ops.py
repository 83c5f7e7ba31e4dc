"""create, delete, setData: what they change, what they refuse, and which refusal comes first."""
import itertools
import time

import pytest

from harness import wire
from harness.wire import (BADARGUMENTS, BADVERSION, EPHEMERAL, INVALIDACL, MARSHALLINGERROR, NOAUTH,
                          NOCHILDRENFOREPHEMERALS, NODEEXISTS, NONODE, NOTEMPTY, OK, SEQUENTIAL)

READ_ONLY_ACL = ((wire.READ | wire.ADMIN, "world", "anyone"),)


@pytest.fixture
def raw(server):
    return server.session()


def now_ms():
    return time.time_ns() // 1_000_000


@pytest.mark.sanitized
def test_create_answers_the_path_and_sets_the_stat(raw, path):
    before = now_ms()
    reply = raw.create(path, b"12345")
    after = now_ms()
    assert reply.err == OK
    assert reply.body.string() == path
    reply.body.end()
    stat = raw.stat(path)
    assert stat.czxid == stat.mzxid == stat.pzxid == reply.zxid
    assert before - 1 <= stat.ctime == stat.mtime <= after + 1
    assert (stat.version, stat.cversion, stat.aversion) == (0, 0, 0)
    assert (stat.ephemeralOwner, stat.dataLength, stat.numChildren) == (0, 5, 0)


def test_create2_answers_the_stat_as_well(raw, path):
    reply = raw.create2(path, b"12345")
    assert reply.err == OK
    assert reply.body.string() == path
    assert reply.body.stat() == raw.stat(path)
    reply.body.end()


def test_every_create_and_delete_below_changes_the_parents_cversion_and_pzxid(raw, path):
    raw.made(path)
    made = raw.stat(path)
    one, two = raw.create(path + "/1"), raw.create(path + "/2")
    stat = raw.stat(path)
    assert (stat.cversion, stat.numChildren, stat.pzxid) == (2, 2, two.zxid)
    assert one.zxid < two.zxid

    gone = raw.delete(path + "/1")
    stat = raw.stat(path)
    assert (stat.cversion, stat.numChildren, stat.pzxid) == (3, 1, gone.zxid)
    assert (stat.mzxid, stat.mtime, stat.version) == (made.mzxid, made.mtime, 0)


def test_grandchildren_and_values_below_do_not_touch_a_znode(raw, path):
    raw.made(path)
    raw.made(path + "/child")
    before = raw.stat(path)
    raw.made(path + "/child/grandchild")
    raw.set_data(path + "/child", b"x")
    assert raw.stat(path) == before


def test_null_and_empty_data_are_two_values(raw, path):
    raw.made(path, None)
    assert raw.data(path) is None
    assert raw.stat(path).dataLength == 0
    raw.set_data(path, b"")
    assert raw.data(path) == b""
    raw.set_data(path, None)
    assert raw.data(path) is None


def test_data_of_any_bytes_comes_back(raw, path):
    data = bytes(range(256)) * 3
    raw.made(path, data)
    assert raw.data(path) == data


@pytest.mark.parametrize("name", ["ä", "日本", "...", ".x", "a b", "\uffef", "x" * 3000, "%2f", "\\"])
def test_legal_names(raw, path, name):
    full = raw.made(path) + "/" + name
    assert raw.made(full, b"here") == full
    assert raw.data(full) == b"here"
    assert raw.children(path) == [name]


@pytest.mark.parametrize("bad", [
    "", "x", "no/slash", "//", "/a//b", "/w/", "/.", "/..", "/a/./b", "/a/../b", "/w/..",
    "/nul\0x", "/\x01", "/\x1f", "/\x7f", "/\x9f", "/\ue000", "/\ufff0", "/\uffff", "/\U0001F600"])
def test_create_refuses_bad_paths(raw, path, bad):
    if bad.startswith("/w"):
        raw.made(path)
        bad = path + bad[2:]
    # What comes before the last slash is looked up before the whole path is judged.
    parent_is_missing = bad.startswith("/a") or bad == "no/slash"
    assert raw.create(bad).err == (NONODE if parent_is_missing else BADARGUMENTS)


@pytest.mark.parametrize("bad", ["", "x", "/w/", "/.", "/..", "/a/../b", "/nul\0x", "/\x7f", "//"])
def test_set_data_refuses_bad_paths(raw, bad):
    assert raw.set_data(bad, b"").err == BADARGUMENTS


def test_bytes_that_are_no_utf8_are_refused_in_a_created_path(raw):
    assert raw.create(b"/bad\xff\xfe").err == BADARGUMENTS
    assert raw.create(b"/surrogate\xed\xa0\x80").err == BADARGUMENTS


def test_delete_looks_at_little_of_its_path(raw, path):
    raw.made(path)
    assert raw.delete("nothing").err == BADARGUMENTS
    assert raw.delete("/nul\0x").err == BADARGUMENTS
    assert raw.delete(path + "/").err == NONODE
    assert raw.delete(path + "/..").err == NONODE


@pytest.mark.parametrize("reserved", ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"])
def test_reserved_znodes_cannot_be_deleted(raw, reserved):
    assert raw.delete(reserved).err == BADARGUMENTS
    assert raw.exists(reserved).err == OK


@pytest.mark.parametrize("flags", [-1, 5, 6, 7, 100])
def test_create_refuses_unknown_and_ttl_flags(raw, path, flags):
    # TTL flags: BADARGUMENTS, or UNIMPLEMENTED while extended types are off.
    assert raw.create(path, flags=flags).err in (BADARGUMENTS, wire.UNIMPLEMENTED)
    assert raw.exists(path).err == NONODE


def test_create_with_the_container_flag_makes_a_plain_znode(raw, path):
    assert raw.create(path, flags=4).err == OK
    assert raw.stat(path).ephemeralOwner == 0


@pytest.mark.sanitized
def test_set_data_counts_versions_and_leaves_the_rest(raw, path):
    raw.made(path, b"0")
    made = raw.stat(path)
    reply = raw.set_data(path, b"new value")
    stat = reply.body.stat()
    assert stat == raw.stat(path)
    assert (stat.version, stat.dataLength, stat.mzxid) == (1, 9, reply.zxid)
    assert stat.mtime >= made.mtime
    assert (stat.czxid, stat.ctime, stat.cversion, stat.aversion, stat.pzxid) == (
        made.czxid, made.ctime, 0, 0, made.pzxid)
    assert raw.set_data(path, b"new value").body.stat().version == 2


def test_of_two_writers_with_one_version_the_second_is_refused(server, path):
    a, b = server.session(), server.session()
    a.made(path, b"0")
    assert a.set_data(path, b"a", version=0).err == OK
    assert b.set_data(path, b"b", version=0).err == BADVERSION
    assert b.data(path) == b"a"


@pytest.mark.parametrize("version, err", [(-1, OK), (1, OK), (0, BADVERSION), (2, BADVERSION),
                                          (-2, BADVERSION), (2**31 - 1, BADVERSION)])
def test_a_version_is_any_or_equal(raw, path, version, err):
    raw.made(path)
    raw.set_data(path, b"")
    assert raw.set_data(path, b"", version).err == err
    raw.made(path + "-d")
    raw.set_data(path + "-d", b"")
    assert raw.delete(path + "-d", version).err == err


def test_a_refused_write_consumes_a_zxid_and_says_so(new_server):
    raw = new_server().session()
    first = raw.create("/x")
    again = raw.create("/x")
    assert (again.err, again.zxid) == (NODEEXISTS, first.zxid + 1)
    assert raw.set_data("/x", b"", version=9).zxid == first.zxid + 2
    assert raw.delete("/missing").zxid == first.zxid + 3


def test_reads_pings_and_sync_consume_no_zxid(new_server):
    raw = new_server().session()
    zxid = raw.create("/x").zxid
    replies = [raw.get_data("/x"), raw.exists("/none"), raw.ping(), raw.sync("/x"),
               raw.get_children("/"), raw.get_acl("/x")]
    assert [reply.zxid for reply in replies] == [zxid] * len(replies)


def test_the_built_in_znodes(new_server):
    raw = new_server().session()
    assert raw.children("/") == ["zookeeper"]
    assert raw.children("/zookeeper") == ["config", "quota"]
    root = raw.stat("/")
    assert (root.cversion, root.numChildren, root.czxid, root.ctime) == (-1, 1, 0, 0)
    assert raw.stat("/zookeeper").cversion == -2
    assert raw.stat("/zookeeper/config").aversion == -1
    assert raw.data("/zookeeper") == b""
    raw.made("/x")
    assert raw.stat("/").cversion == 0


def test_ephemerals_have_an_owner_and_no_children(raw, path):
    raw.made(path, b"", EPHEMERAL)
    assert raw.stat(path).ephemeralOwner == raw.session.session_id
    assert raw.create(path + "/child").err == NOCHILDRENFOREPHEMERALS
    assert raw.create(path + "/child", flags=EPHEMERAL).err == NOCHILDRENFOREPHEMERALS


def test_anybody_may_delete_an_ephemeral(server, raw, path):
    raw.made(path, b"", EPHEMERAL)
    assert server.session().delete(path).err == OK
    assert raw.exists(path).err == NONODE
    raw.close_session()


def test_a_znode_with_children_cannot_be_deleted(raw, path):
    raw.made(path)
    raw.made(path + "/child")
    assert raw.delete(path).err == NOTEMPTY
    assert raw.delete(path, version=7).err == BADVERSION  # the version is looked at first
    raw.delete(path + "/child")
    assert raw.delete(path).err == OK


# Order of the checks: each case breaks one rule more than its first failure needs.

def create_order(raw, path):
    raw.made(path + "p", acl=READ_ONLY_ACL)
    raw.made(path + "e", flags=EPHEMERAL)
    no_acl = ()
    yield "flags beat path", raw.create("bad", flags=9).err, BADARGUMENTS
    yield "NUL beats ACL", raw.create("/a\0", acl=no_acl).err, BADARGUMENTS
    yield "ACL beats missing parent", raw.create("/no/x", acl=no_acl).err, INVALIDACL
    yield "missing parent beats bad path", raw.create("/no/..").err, NONODE
    yield "permission beats bad path", raw.create(path + "p/..").err, NOAUTH
    yield "permission beats existing", raw.create(path + "p/child").err, NOAUTH
    yield "existing", raw.create(path + "p").err, NODEEXISTS
    yield "bad path beats ephemeral parent", raw.create(path + "e/.").err, BADARGUMENTS
    yield "a null path is no path at all", raw.create(None).err, MARSHALLINGERROR


def delete_order(raw, path):
    raw.made(path + "p", acl=READ_ONLY_ACL)
    raw.made(path + "q")
    raw.made(path + "q/child")
    yield "missing parent", raw.delete("/no/x").err, NONODE
    yield "permission beats missing", raw.delete(path + "p/x").err, NOAUTH
    yield "missing", raw.delete(path + "q/x", 4).err, NONODE
    yield "version beats not empty", raw.delete(path + "q", 4).err, BADVERSION


def set_data_order(raw, path):
    raw.made(path + "p", acl=READ_ONLY_ACL)
    yield "path beats missing", raw.set_data("/no/", b"").err, BADARGUMENTS
    yield "missing", raw.set_data("/no/x", b"", 9).err, NONODE
    yield "permission beats version", raw.set_data(path + "p", b"", 9).err, NOAUTH


@pytest.mark.parametrize("order", [create_order, delete_order, set_data_order])
def test_the_first_of_several_faults_is_told(raw, path, order):
    cases = list(order(raw, path))
    assert [(what, err) for what, err, _ in cases] == [(what, want) for what, _, want in cases]


def test_a_body_that_cannot_be_decoded_is_a_marshalling_error_and_no_more(raw, path):
    assert raw.call(wire.CREATE, wire.string(path)).err == MARSHALLINGERROR
    assert raw.call(wire.SET_DATA, wire.integer(-7)).err == MARSHALLINGERROR
    assert raw.call(wire.CREATE, wire.string(path) + wire.buffer(b"") + wire.integer(-1) +
                    wire.integer(0)).err in (MARSHALLINGERROR, INVALIDACL)
    assert raw.create(path).err == OK


# Sequential names

def test_sequential_names_count_all_children_ever_made(raw, path):
    raw.made(path)
    assert raw.made(path + "/a-", flags=SEQUENTIAL) == path + "/a-0000000000"
    raw.made(path + "/plain")
    assert raw.made(path + "/b-", flags=SEQUENTIAL) == path + "/b-0000000002"
    raw.delete(path + "/plain")
    assert raw.made(path + "/a-", flags=wire.EPHEMERAL_SEQUENTIAL) == path + "/a-0000000003"
    assert raw.create(path + "/a-0000000003").err == NODEEXISTS
    assert raw.made(path + "/a-", flags=SEQUENTIAL) == path + "/a-0000000004"
    assert raw.stat(path).cversion == 6


def test_a_sequential_name_may_be_the_number_alone(raw, path):
    raw.made(path)
    assert raw.made(path + "/", flags=SEQUENTIAL) == path + "/0000000000"
    assert raw.made(path + "/.", flags=SEQUENTIAL) == path + "/.0000000001"


def test_a_sequential_ephemeral_has_an_owner(raw, path):
    name = raw.made(path, flags=wire.EPHEMERAL_SEQUENTIAL)
    assert raw.stat(name).ephemeralOwner == raw.session.session_id


def test_many_clients_never_get_the_same_sequential_name(server, path):
    clients = [server.session() for _ in range(4)]
    clients[0].made(path)
    body = wire.string(path + "/n") + wire.buffer(b"") + wire.acl_list(wire.OPEN_ACL)
    for _ in range(50):
        for client in clients:
            client.send(wire.CREATE, body + wire.integer(SEQUENTIAL))
    names = [client.reply().body.string() for client in clients for _ in range(50)]
    assert sorted(names) == [f"{path}/n{i:010d}" for i in range(200)]


def test_zxids_of_all_clients_are_one_sequence(server, path):
    clients = [server.session() for _ in range(3)]
    clients[0].made(path)
    for client, _ in itertools.product(clients, range(20)):
        client.send(wire.SET_DATA, wire.string(path) + wire.buffer(b"x") + wire.integer(-1))
    replies = [client.reply() for client in clients for _ in range(20)]
    zxids = [reply.zxid for reply in replies]
    assert len(set(zxids)) == 60
    assert all(zxids[i:i + 20] == sorted(zxids[i:i + 20]) for i in (0, 20, 40))
    # None is left out, but for the ends of sessions of other tests.
    assert max(zxids) - min(zxids) < 120
    assert sorted(reply.body.stat().version for reply in replies) == list(range(1, 61))
