"""Trees of unusual shape, and whole trees over restarts and checkpoints."""
import random

import pytest

from harness import wire
from harness.rawclient import SESSION_MS, create_body, read_body
from harness.wire import OK

pytestmark = pytest.mark.sanitized

BATCH = 500


def pipelined(raw, op, bodies):
    """Sends all, some hundred at a time, and gives the error codes."""
    errors = []
    for at in range(0, len(bodies), BATCH):
        part = bodies[at:at + BATCH]
        raw.send_bytes(b"".join(raw.request_bytes(op, body) for body in part))
        errors += [raw.reply().err for _ in part]
    return errors


def dump(raw, path="/"):
    """{path: (data, Stat, ACL)} of everything."""
    tree, todo = {}, [path]
    while todo:
        path = todo.pop()
        body = raw.get_data(path).body
        tree[path] = (body.buffer(), body.stat(), raw.get_acl(path).body.acl_list())
        todo += [path.rstrip("/") + "/" + name for name in raw.children(path)]
    return tree


def restarted(server):
    """A session after kill -9 and a start."""
    server.kill9()
    server.start()
    return server.session()


def test_a_deep_tree(new_server):
    server = new_server(snapCount="300")
    raw = server.session()
    paths = ["/d" * depth for depth in range(1, 1500)]
    assert set(pipelined(raw, wire.CREATE, [create_body(p, b"x") for p in paths])) == {OK}
    raw = restarted(server)
    assert raw.data(paths[-1]) == b"x"
    assert raw.stat(paths[-2]).numChildren == 1
    deletions = [wire.string(p) + wire.integer(-1) for p in reversed(paths)]
    assert set(pipelined(raw, wire.DELETE, deletions)) == {OK}
    assert raw.children("/") == ["zookeeper"]


def test_a_name_of_a_hundred_thousand_bytes(new_server):
    server = new_server()
    raw = server.session()
    name = "/" + "n" * 100_000
    assert raw.made(name, b"x") == name
    assert raw.made(name + "/child", b"y") == name + "/child"
    raw.get_data(name, watch=True)
    raw.set_data(name, b"z")
    assert raw.event() == (wire.CHANGED, name)
    raw = restarted(server)
    assert raw.data(name + "/child") == b"y"


def test_a_directory_of_ten_thousand(new_server):
    server = new_server(snapCount="3000")
    raw = server.session()
    raw.made("/dir")
    names = [f"{i:05d}" for i in range(10_000)]
    bodies = [create_body(f"/dir/{name}", b"v") for name in names]
    assert set(pipelined(raw, wire.CREATE, bodies)) == {OK}
    assert raw.children("/dir") == names
    raw = restarted(server)
    assert raw.children("/dir") == names
    assert raw.stat("/dir").cversion == 10_000
    odd = [wire.string(f"/dir/{name}") + wire.integer(0) for name in names[1::2]]
    assert set(pipelined(raw, wire.DELETE, odd)) == {OK}
    assert raw.children("/dir") == names[::2]


def test_many_different_acls(new_server):
    server = new_server(snapCount="200")
    raw = server.session()
    acls = [((31, "world", "anyone"), (i % 32, "digest", f"user{i}:hash{i}=")) for i in range(500)]
    for i, acl in enumerate(acls):
        raw.made(f"/n{i}", acl=acl)
    for i in range(0, 500, 2):
        raw.set_acl(f"/n{i}", acls[499 - i])
    raw = restarted(server)
    for i in range(500):
        expected = acls[i] if i % 2 else acls[499 - i]
        assert raw.get_acl(f"/n{i}").body.acl_list() == list(expected)


def test_one_client_with_thousands_of_watches(server, path):
    watcher, writer = server.session(), server.session()
    writer.made(path)
    names = [f"{path}/{i}" for i in range(5000)]
    assert set(pipelined(writer, wire.CREATE, [create_body(n) for n in names])) == {OK}
    assert set(pipelined(watcher, wire.GET_DATA, [read_body(n, True) for n in names])) == {OK}
    deletions = [wire.string(n) + wire.integer(-1) for n in names]
    assert set(pipelined(writer, wire.DELETE, deletions)) == {OK}
    assert [watcher.event() for _ in names] == [(wire.DELETED, n) for n in names]


class Gardener:
    """Makes random changes to the tree, most of them accepted."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.paths = []

    def request(self, raw):
        chance = self.chance
        kind = chance.choice(("create", "create", "create", "set", "set", "delete", "acl"))
        if kind == "create" or not self.paths:
            parent = chance.choice(["", *self.paths])
            path = f"{parent}/{chance.randrange(10**6)}"
            flags = chance.choice((0, 0, wire.SEQUENTIAL, wire.EPHEMERAL))
            data = chance.choice((None, b"", chance.randbytes(chance.randrange(200)),
                                  chance.randbytes(9000)))
            reply = raw.create(path, data, flags)
            if reply.err == OK:
                self.paths.append(reply.body.string())
            return
        path = chance.choice(self.paths)
        if kind == "set":
            raw.set_data(path, chance.randbytes(chance.randrange(300)))
        elif kind == "delete" and raw.delete(path).err == OK:
            self.paths.remove(path)
        elif kind == "acl":
            raw.set_acl(path, [(31, "world", "anyone"), (chance.randrange(32), "ip", "10.0.0.1")])


@pytest.mark.parametrize("snap_count", ["2", "17", "100000"])
def test_a_random_tree_comes_back_exactly(new_zkfsd, snap_count):
    server = new_zkfsd(snapCount=snap_count, preAllocSize="64")
    raw = server.session()
    gardener = Gardener(seed=int(snap_count))
    for round_ in range(6):
        for _ in range(150):
            gardener.request(raw)
        before = dump(raw)
        if round_ == 4:
            server.stop()
        else:
            server.kill9()
        server.start()
        again = server.raw()
        again.connect(SESSION_MS, raw.session.session_id, raw.session.password)
        raw = again
        assert dump(raw) == before
