"""exists, getData, getChildren, getACL and setACL, sync; order of replies on a connection."""
import pytest

from harness import wire
from harness.rawclient import create_body, read_body, set_data_body
from harness.wire import BADARGUMENTS, INVALIDACL, MARSHALLINGERROR, NOAUTH, NONODE, OK


@pytest.fixture
def raw(server):
    return server.session()


@pytest.mark.sanitized
def test_get_data_answers_data_and_stat(raw, path):
    raw.made(path, b"value")
    body = raw.get_data(path).body
    assert body.buffer() == b"value"
    assert body.stat() == raw.stat(path)
    body.end()


def test_get_children_answers_names_and_get_children2_the_stat_as_well(raw, path):
    raw.made(path)
    for name in ("b", "a", "c"):
        raw.made(f"{path}/{name}")
    assert raw.children(path) == ["a", "b", "c"]
    body = raw.get_children(path, op=wire.GET_CHILDREN2).body
    assert sorted(body.vector(body.string)) == ["a", "b", "c"]
    assert body.stat() == raw.stat(path)
    body.end()


def test_a_leaf_has_an_empty_list_of_children(raw, path):
    raw.made(path)
    assert raw.get_children(path).body.data == bytes(4)


@pytest.mark.parametrize("op", [wire.EXISTS, wire.GET_DATA, wire.GET_CHILDREN, wire.GET_CHILDREN2])
@pytest.mark.parametrize("missing", ["/none", "/none/x", "no-slash", "/a//b", "/w/", "/..", "//"])
def test_reads_of_what_is_not_there_or_could_not_be(raw, op, missing):
    assert raw.call(op, read_body(missing)).err == NONODE


def test_exists_refuses_a_nul_and_other_reads_find_nothing_there(raw):
    assert raw.exists("/a\0b").err == BADARGUMENTS
    assert raw.get_data("/a\0b").err == NONODE


def test_the_empty_path_is_the_root(raw):
    assert raw.stat("") == raw.stat("/")
    assert raw.children("") == raw.children("/")


def test_sync_echoes_any_path(raw):
    for path in ("/", "/none", "nonsense", ""):
        reply = raw.sync(path)
        assert (reply.err, reply.body.string()) == (OK, path)


def test_a_large_directory_is_listed_whole(raw, path):
    raw.made(path)
    names = [f"{i:06d}-{'x' * 100}" for i in range(3000)]
    for name in names:
        raw.send(wire.CREATE, create_body(f"{path}/{name}"))
    for name in names:
        assert raw.reply().err == OK
    assert raw.children(path) == names


# ACLs of the scheme world

READERS = ((wire.READ, "world", "anyone"),)


def test_the_default_acl_is_open(raw, path):
    raw.made(path)
    body = raw.get_acl(path).body
    assert body.acl_list() == [(31, "world", "anyone")]
    assert body.stat() == raw.stat(path)
    body.end()
    assert raw.get_acl("/zookeeper/config").body.acl_list() == [(1, "world", "anyone")]


@pytest.mark.sanitized
def test_set_acl_counts_aversion_and_nothing_else(raw, path):
    raw.made(path, b"x")
    before = raw.stat(path)
    reply = raw.set_acl(path, [(wire.READ | wire.ADMIN, "world", "anyone")])
    assert reply.body.stat() == before._replace(aversion=1) == raw.stat(path)
    assert raw.get_acl(path).body.acl_list() == [(17, "world", "anyone")]


def test_set_acl_compares_the_aversion(raw, path):
    raw.made(path)
    raw.set_data(path, b"")
    assert raw.set_acl(path, wire.OPEN_ACL, version=1).err == wire.BADVERSION
    assert raw.set_acl(path, wire.OPEN_ACL, version=0).err == OK
    assert raw.set_acl(path, wire.OPEN_ACL, version=0).err == wire.BADVERSION


@pytest.mark.parametrize("perms, allowed", [
    (wire.READ, {"get", "children", "acl"}), (wire.WRITE, {"set"}), (wire.PERM_CREATE, {"create"}),
    (wire.PERM_DELETE, {"delete"}), (wire.ADMIN, {"setacl", "acl"}), (0, set())])
def test_each_permission_opens_its_own_doors(raw, path, perms, allowed):
    raw.made(path)
    raw.made(path + "/old")
    assert raw.set_acl(path, [(perms, "world", "anyone")]).err == OK
    tries = {
        "get": lambda: raw.get_data(path), "children": lambda: raw.get_children(path),
        "acl": lambda: raw.get_acl(path), "set": lambda: raw.set_data(path, b"x"),
        "create": lambda: raw.create(path + "/new"), "delete": lambda: raw.delete(path + "/old"),
        "setacl": lambda: raw.set_acl(path, [(perms, "world", "anyone")])}
    answers = {what: attempt().err for what, attempt in tries.items()}
    assert answers == {what: OK if what in allowed else NOAUTH for what in tries}


def test_permission_bits_are_stored_as_sent(raw, path):
    raw.made(path, acl=((255, "world", "anyone"),))
    assert raw.get_acl(path).body.acl_list() == [(255, "world", "anyone")]


def test_duplicate_entries_are_dropped(raw, path):
    raw.made(path, acl=((31, "world", "anyone"), (1, "world", "anyone"), (31, "world", "anyone")))
    assert raw.get_acl(path).body.acl_list() == [(31, "world", "anyone"), (1, "world", "anyone")]


@pytest.mark.parametrize("acl", [(), ((31, "world", "someone"),), ((31, "nosuch", "x"),),
                                 ((31, None, "anyone"),), ((31, "auth", ""),)])
def test_an_acl_that_means_nothing_is_refused(raw, path, acl):
    assert raw.create(path, acl=acl).err == INVALIDACL
    raw.made(path)
    assert raw.set_acl(path, acl).err == INVALIDACL


def test_a_null_id_is_a_marshalling_error(raw, path):
    assert raw.create(path, acl=((31, "world", None),)).err == MARSHALLINGERROR


def test_the_order_of_set_acls_refusals(raw, path):
    raw.made(path, acl=READERS)
    assert raw.set_acl("bad", ()).err == BADARGUMENTS
    assert raw.set_acl("/none", ()).err == INVALIDACL
    assert raw.set_acl("/none", READERS).err == NONODE
    assert raw.set_acl(path, READERS, version=9).err == NOAUTH


# Pipelining

@pytest.mark.sanitized
def test_replies_come_in_the_order_of_the_requests(raw, path):
    raw.made(path, b"0")
    burst, expected = b"", []
    for i in range(1, 201):
        value = str(i).encode()
        burst += raw.request_bytes(wire.SET_DATA, set_data_body(path, value))
        burst += raw.request_bytes(wire.GET_DATA, read_body(path))
        expected.append(value)
    first = raw.xid - 399
    raw.send_bytes(burst)
    for i, value in enumerate(expected):
        raw.reply(first + 2 * i)
        read = raw.reply(first + 2 * i + 1)
        assert read.body.buffer() == value  # a read sees the writes before it, and no later ones
        assert read.body.stat().version == i + 1


def test_refused_and_accepted_writes_keep_their_order(raw, path):
    kinds = [(wire.CREATE, create_body(path), OK), (wire.CREATE, create_body(path), wire.NODEEXISTS),
             (wire.GET_DATA, read_body(path), OK), (wire.EXISTS, read_body("/none"), NONODE),
             (wire.SET_DATA, set_data_body(path, b"", 0), OK),
             (wire.SET_DATA, set_data_body(path, b"", 0), wire.BADVERSION),
             (wire.DELETE, wire.string(path) + wire.integer(1), OK),
             (wire.GET_DATA, read_body(path), NONODE)]
    raw.send_bytes(b"".join(raw.request_bytes(op, body) for op, body, _ in kinds))
    replies = [raw.reply() for _ in kinds]
    assert [reply.err for reply in replies] == [err for _, _, err in kinds]
    assert [reply.xid for reply in replies] == list(range(replies[0].xid, replies[0].xid + 8))


def test_any_xid_is_echoed(raw, path):
    for xid in (0x7FFFFFFF, 5, 5, 1):
        raw.send(wire.EXISTS, read_body("/"), xid=xid)
        assert raw.reply().xid == xid
