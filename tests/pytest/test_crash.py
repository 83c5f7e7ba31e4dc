"""kill -9 under load, again and again: what was acknowledged is there, once, afterwards."""
import random
import threading

import pytest

from harness import wire
from harness.rawclient import DEADLINE, SESSION_MS, ConnectionClosed, create_body, set_data_body

IN_FLIGHT = 64


class Writer(threading.Thread):
    """One session that keeps IN_FLIGHT requests under way until its connection breaks.

    Requests alternate between a setData of ROOT whose data is its number (so that after n of
    them version and data are n) and a sequential create below ROOT with a payload of its own.
    """

    def __init__(self, server, root):
        super().__init__(daemon=True)
        self.root = root
        self.raw = server.session()
        self.raw.made(root, b"0")
        self.sets_sent = 0
        self.sets_acked = 0
        self.creates_acked = {}  # name: (payload, zxid)
        self.creates_sent = 0
        self.first_zxid = self.zxid = 0
        self.kinds = []

    def attach(self, server):
        """A new session on the restarted server, going on from what is there."""
        threading.Thread.__init__(self, daemon=True)
        self.raw = server.session()
        self.sets_sent = self.sets_acked = self.raw.stat(self.root).version
        self.kinds = []

    def run_until(self, acknowledgements):
        """Starts; `enough` is set after that many acknowledgements, and it goes on."""
        self.wanted = acknowledgements
        self.enough = threading.Event()
        self.start()

    def request(self):
        if len(self.kinds) % 2:
            self.creates_sent += 1
            payload = b"%d" % self.creates_sent
            self.kinds.append(payload)
            return self.raw.request_bytes(wire.CREATE, create_body(self.root + "/n", payload,
                                                                   wire.SEQUENTIAL))
        self.sets_sent += 1
        self.kinds.append(None)
        return self.raw.request_bytes(wire.SET_DATA,
                                      set_data_body(self.root, b"%d" % self.sets_sent))

    def run(self):
        first = self.raw.xid + 1
        try:
            self.raw.send_bytes(b"".join(self.request() for _ in range(IN_FLIGHT)))
            while True:
                reply = self.raw.reply()
                self.acknowledged(reply, self.kinds[reply.xid - first])
                self.raw.send_bytes(self.request())
        except (ConnectionClosed, ConnectionError):
            pass
        finally:
            self.raw.close()

    def acknowledged(self, reply, payload):
        assert reply.err == wire.OK
        assert reply.zxid > self.zxid
        self.zxid = reply.zxid
        if payload is None:
            self.sets_acked += 1
            assert reply.body.stat().version == self.sets_acked
        else:
            self.creates_acked[reply.body.string()] = (payload, reply.zxid)
        self.wanted -= 1
        if self.wanted == 0:
            self.enough.set()

    def check(self, raw):
        """Everything acknowledged is there, and nothing twice."""
        body = raw.get_data(self.root).body
        value, stat = body.buffer(), body.stat()
        assert self.sets_acked <= stat.version <= self.sets_sent
        assert value == b"%d" % stat.version

        found = {}
        for name in raw.children(self.root):
            path = f"{self.root}/{name}"
            found[path] = raw.data(path)
        assert len(set(found.values())) == len(found), "a create was done twice"
        for path, (payload, zxid) in self.creates_acked.items():
            assert found.get(path) == payload, f"{path} was acknowledged in {zxid:#x}"
        for path, (_, zxid) in list(self.creates_acked.items())[-20:]:
            assert raw.stat(path).czxid == zxid
        assert stat.numChildren == len(found)
        assert stat.cversion == len(found)


def keep_session(server, session):
    """Attaches the long-lived session again; its ephemeral is still there."""
    raw = server.raw()
    again = raw.connect(SESSION_MS, session.session_id, session.password)
    assert again.session_id == session.session_id
    assert raw.stat("/eph").ephemeralOwner == session.session_id
    raw.close()


def crash_rounds(server, seed, rounds):
    chance = random.Random(seed)
    holder = server.session()
    holder.made("/eph", b"", wire.EPHEMERAL)
    writers = [Writer(server, f"/w{i}") for i in range(3)]
    for _ in range(rounds):
        for writer in writers:
            writer.run_until(chance.randrange(1, 400))
        for writer in writers:
            assert writer.enough.wait(DEADLINE)
        server.kill9()
        for writer in writers:
            writer.join(DEADLINE)
        server.start()
        keep_session(server, holder.session)
        raw = server.session()
        assert raw.ping().zxid >= max(writer.zxid for writer in writers)
        for writer in writers:
            writer.check(raw)
            writer.attach(server)
        raw.close()


@pytest.mark.sanitized
@pytest.mark.parametrize("seed", [1, 2])
def test_acknowledged_writes_survive_kill_9(new_server, seed):
    server = new_server()
    crash_rounds(server, seed, rounds=8 if server.kind == "zkfsd" else 2)


@pytest.mark.parametrize("seed", [3])
def test_acknowledged_writes_survive_kill_9_between_checkpoints(new_zkfsd, seed):
    crash_rounds(new_zkfsd(snapCount="200", preAllocSize="64"), seed, rounds=8)


def test_kill_9_right_after_the_start_loses_nothing(new_zkfsd):
    server = new_zkfsd(snapCount="50")
    raw = server.session()
    for i in range(120):
        raw.made(f"/n{i}", b"%d" % i)
    for _ in range(10):
        server.kill9()
        server.start()
    raw = server.session()
    assert [raw.data(f"/n{i}") for i in range(120)] == [b"%d" % i for i in range(120)]


@pytest.mark.sanitized
def test_sigterm_ends_cleanly_and_keeps_everything(new_server):
    server = new_server()
    clients = [server.session() for _ in range(5)]
    for i, raw in enumerate(clients):
        raw.made(f"/n{i}", b"x")
    status = server.stop()
    assert status in ((0,) if server.kind == "zkfsd" else (0, 143))
    for raw in clients:
        raw.expect_close()
    server.start()
    assert set(server.session().children("/")) >= {f"n{i}" for i in range(5)}


@pytest.mark.sanitized
def test_sigterm_under_load_keeps_what_was_acknowledged(new_zkfsd):
    server = new_zkfsd()
    writers = [Writer(server, f"/w{i}") for i in range(3)]
    for writer in writers:
        writer.run_until(100)
    for writer in writers:
        assert writer.enough.wait(DEADLINE)
    assert server.stop() == 0
    for writer in writers:
        writer.join(DEADLINE)
    server.start()
    raw = server.session()
    for writer in writers:
        writer.check(raw)


def test_versions_and_times_come_back_as_they_were(new_server):
    server = new_server()
    raw = server.session()
    raw.made("/dir", None)
    raw.made("/dir/file", b"")
    for i in range(3):
        raw.set_data("/dir/file", b"%d" % i)
    raw.set_acl("/dir", [(31, "world", "anyone"), (1, "world", "anyone")])
    raw.made("/dir/gone-", flags=wire.SEQUENTIAL)
    raw.delete("/dir/gone-0000000001")
    before = [raw.stat(path) for path in ("/", "/dir", "/dir/file")]
    server.kill9()
    server.start()
    raw = server.session()
    assert [raw.stat(path) for path in ("/", "/dir", "/dir/file")] == before
    assert (raw.data("/dir"), raw.data("/dir/file")) == (None, b"2")
    assert raw.get_acl("/dir").body.acl_list() == [(31, "world", "anyone"), (1, "world", "anyone")]
    assert raw.made("/dir/n-", flags=wire.SEQUENTIAL) == "/dir/n-0000000002"
