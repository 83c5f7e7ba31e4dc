"""Plays a sequence on one server and notes what is seen, in a form that two servers share.

zxids become distances from the zxid of the sequence's root, session ids become numbers of
clients, paths lose the root, times are left out, and what has no defined order is sorted.
"""
from harness import wire
from harness.rawclient import ConnectionClosed, Event, RawClient

from .plan import QUOTA_PATHS

SUPER = b"super:test"
SUPER_DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
TIMEOUT_MS = 30_000

OPS = {"create": 1, "delete": 2, "exists": 3, "getData": 4, "setData": 5, "getACL": 6,
       "setACL": 7, "getChildren": 8, "sync": 9, "ping": 11, "getChildren2": 12, "check": 13,
       "multi": 14, "create2": 15, "checkWatches": 17, "removeWatches": 18,
       "createContainer": 19, "createTTL": 21, "multiRead": 22, "auth": 100, "setWatches": 101,
       "getEphemerals": 103, "getAllChildrenNumber": 104, "addWatch": 106, "whoAmI": 107}
XIDS = {"ping": -2, "auth": -4, "setWatches": -8}
CREATES_WITH_STAT = ("create2", "createContainer", "createTTL")


QUOTA = "quota:"  # in front of what belongs below /zookeeper/quota


class Encoder:
    """Requests, with the root put in front of every path."""

    def __init__(self, root):
        self.root = root

    def path(self, path):
        return wire.string(self.whole(path))

    def whole(self, path):
        """The path on the server."""
        if path.startswith(QUOTA):
            return f"/zookeeper/quota{self.root}{path[len(QUOTA):]}"
        return self.root + path

    def paths(self, paths):
        return wire.vector(paths, self.path)

    def body(self, name, args):
        """The body of a plain operation, as it stands in a multi too."""
        a = args
        if name in ("create", *CREATES_WITH_STAT):
            ttl = wire.long(a["ttl"]) if name == "createTTL" else b""
            return (self.path(a["path"]) + wire.buffer(a["data"]) + wire.acl_list(a["acl"]) +
                    wire.integer(a["flags"]) + ttl)
        if name in ("delete", "check"):
            return self.path(a["path"]) + wire.integer(a["version"])
        if name == "setData":
            return self.path(a["path"]) + wire.buffer(a["data"]) + wire.integer(a["version"])
        if name == "setACL":
            return self.path(a["path"]) + wire.acl_list(a["acl"]) + wire.integer(a["version"])
        if name in ("exists", "getData", "getChildren", "getChildren2"):
            return self.path(a["path"]) + wire.boolean(a["watch"])
        if name in ("getACL", "sync", "getAllChildrenNumber", "getEphemerals"):
            return self.path(a["path"])
        if name == "addWatch":
            return self.path(a["path"]) + wire.integer(a["mode"])
        if name in ("checkWatches", "removeWatches"):
            return self.path(a["path"]) + wire.integer(a["type"])
        if name == "auth":
            return wire.integer(0) + wire.string(a["scheme"]) + wire.buffer(a["credential"])
        if name in ("multi", "multiRead"):
            return b"".join(wire.integer(OPS[n]) + wire.boolean(False) + wire.integer(-1) +
                            self.body(n, x) for n, x in a["ops"]) + MULTI_END
        assert name in ("ping", "whoAmI"), name
        return b""


MULTI_END = wire.integer(-1) + wire.boolean(True) + wire.integer(-1)


class Player:
    """One server's side of a sequence."""

    def __init__(self, server, root, clients):
        self.server = server
        self.encoder = Encoder(root)
        self.root = root
        self.admin = self.open()
        assert self.admin.call(OPS["auth"], self.encoder.body(
            "auth", {"scheme": "digest", "credential": SUPER}), xid=-4).err == 0
        self.admin.made(root)
        self.base = self.admin.stat(root).czxid
        for path in QUOTA_PATHS:
            self.admin.made(self.encoder.whole(QUOTA + path))
        self.clients = [self.open() for _ in range(clients)]
        self.sessions = {c.session.session_id: i for i, c in enumerate(self.clients)}
        self.seen = [self.base] * clients

    def open(self, session=None, last_zxid=0):
        client = RawClient(self.server.port)
        if session is None:
            client.connect(TIMEOUT_MS)
        else:
            client.connect(TIMEOUT_MS, session.session_id, session.password, last_zxid)
        return client

    def close(self):
        """The sessions end, so that the server keeps nothing of the sequence but its tree."""
        for client in (*self.clients, self.admin):
            try:
                client.send(wire.CLOSE_SESSION)
                while True:  # answers that nobody waited for, after a difference
                    client.receive_frame()
            except (ConnectionClosed, OSError):
                client.close()

    # Sending

    def send(self, op):
        """Sends what OP asks and gives a function that reads the answer."""
        client = self.clients[op.client]
        if op.name in ("reattach", "replace"):
            return self.reattach(op.client, keep_old=op.name == "replace")
        if op.name == "burst":
            readers = [self.send_one(client, name, args) for name, args in op.args["ops"]]
            return lambda: [reader() for reader in readers]
        return self.send_one(client, op.name, op.args)

    def send_one(self, client, name, args):
        if name == "malformed":
            number, body = args["op"], args["body"]
        elif name == "setWatches":
            zxid = max(self.base, self.seen[self.clients.index(client)] - args["back"])
            number = OPS[name]
            body = wire.long(zxid) + b"".join(self.encoder.paths(args[k])
                                              for k in ("data", "exist", "child"))
        else:
            number, body = OPS[name], self.encoder.body(name, args)
        xid = client.send(number, body, XIDS.get(name))
        return lambda: self.answer(client, xid, name)

    def reattach(self, index, keep_old):
        old = self.clients[index]
        if not keep_old:
            old.close()
        new = self.open(old.session, self.seen[index])
        same = (new.session.session_id == old.session.session_id and
                new.session.password == old.session.password)
        new.xid = old.xid
        self.clients[index] = new
        return lambda: self.reattached(old, keep_old, same, new.session.timeout_ms)

    def reattached(self, old, keep_old, same, timeout_ms):
        """A connection that was replaced tells the events it has, and ends."""
        events = []
        try:
            while keep_old:
                events.append(self.event(old.message()))
        except ConnectionClosed:
            old.close()
        return events, "reattached", same, timeout_ms

    # Reading

    def answer(self, client, xid, name):
        """What came up to the reply of XID: its events, then the reply itself."""
        events = []
        while True:
            message = client.message()
            if isinstance(message, Event):
                events.append(self.event(message))
                continue
            assert message.xid == xid, f"{message} where xid {xid} was due"
            index = self.clients.index(client)
            self.seen[index] = max(self.seen[index], message.zxid)
            body = None
            if message.err == 0 and name != "malformed":
                body = self.body(name, message.body)
                message.body.end()
            return events, message.err, self.zxid(message.zxid), body

    def event(self, event):
        return event.type, self.local(event.path)

    def zxid(self, zxid):
        return zxid if zxid <= 0 else zxid - self.base

    def local(self, path):
        for prefix in ("", QUOTA):
            whole = self.encoder.whole(prefix)
            if path and path.startswith(whole):
                return prefix + path[len(whole):]
        return path

    def stat(self, s):
        return {"czxid": self.zxid(s.czxid), "mzxid": self.zxid(s.mzxid),
                "pzxid": self.zxid(s.pzxid), "version": s.version, "cversion": s.cversion,
                "aversion": s.aversion,
                "owner": self.sessions.get(s.ephemeralOwner, s.ephemeralOwner),
                "length": s.dataLength, "children": s.numChildren, "timed": s.ctime > 0,
                "changed later": s.mtime >= s.ctime}

    def body(self, name, r):
        """The decoded and normalised body of a reply of operation NAME."""
        if name in ("create", "sync"):
            return self.local(r.string())
        if name in CREATES_WITH_STAT:
            return self.local(r.string()), self.stat(r.stat())
        if name in ("exists", "setData", "setACL"):
            return self.stat(r.stat())
        if name == "getData":
            return r.buffer(), self.stat(r.stat())
        if name == "getACL":
            # Apache expands scheme auth in the order of a hash set.
            return sorted(r.acl_list()), self.stat(r.stat())
        if name == "getChildren":
            return sorted(r.vector(r.string))
        if name == "getChildren2":
            return sorted(r.vector(r.string)), self.stat(r.stat())
        if name == "getEphemerals":
            return sorted(self.local(p) for p in r.vector(r.string))
        if name == "whoAmI":
            return sorted(r.vector(lambda: (r.string(), r.string())))
        if name in ("getAllChildrenNumber", "addWatch"):
            return r.integer()
        if name in ("multi", "multiRead"):
            return list(self.results(r))
        return None

    def results(self, r):
        while True:
            kind, done, err = r.integer(), r.boolean(), r.integer()
            if done:
                return
            if kind == -1:
                assert r.integer() == err
                yield "error", err
            elif kind in (1, 15, 19, 21):
                # 3.8.0 answers a create2 in a multi as a create, the newest with its Stat.
                yield "created", self.local(r.string())
                if kind != 1:
                    r.stat()
            elif kind == 4:
                yield "data", r.buffer(), self.stat(r.stat())
            elif kind == 5:
                yield "stat", self.stat(r.stat())
            elif kind == 8:
                yield "children", sorted(r.vector(r.string))
            else:
                yield kind, err

    # The end

    def leftovers(self):
        """Events not told yet, per client, and the whole tree as the super user sees it."""
        events = []
        for client in self.clients:
            client.send(OPS["ping"], xid=XIDS["ping"])
            events.append(self.answer(client, XIDS["ping"], "ping")[0])
        return events, self.tree(""), self.tree(QUOTA)

    def tree(self, path):
        data = self.admin.call(OPS["getData"], self.encoder.body(
            "getData", {"path": path, "watch": False}))
        acl = self.admin.call(OPS["getACL"], self.encoder.body("getACL", {"path": path}))
        children = self.admin.call(OPS["getChildren"], self.encoder.body(
            "getChildren", {"path": path, "watch": False}))
        nodes = {path: (self.body("getData", data.body), self.body("getACL", acl.body)[0])}
        for name in self.body("getChildren", children.body):
            nodes.update(self.tree(f"{path}/{name}"))
        return nodes
