"""The order in which a request is checked: every operation with every kind of path, ACL, flag and
version, one after the other on zkfsd and on Apache, each beginning with the same tree. Error,
length of the answer and zxid (a refused write has one as well) must be the same.

What 3.8.0 and newer releases are known to do differently is in DIFFERENCES, with the reason."""
import itertools

from harness import wire
from harness.wire import acl_list, buffer, integer, long, string

PATHS = (None, "", "/", "x", "/a", "/a/", "//a", "/a\0b", "/e", "/e/x", "/nope", "/nope/..",
         "/nope/x", "/prot", "/prot/x", "/zookeeper", "/zookeeper/config", "/zookeeper/quota",
         "/zookeeper/quota/x", "zookeeper")
SOME_PATHS = (None, "/a", "/nope", "/nope/..", "/nope/x", "/prot", "/prot/x")

TREE = (("/a", 0, wire.OPEN_ACL), ("/a/child", 0, wire.OPEN_ACL), ("/e", 1, wire.OPEN_ACL),
        ("/prot", 0, ((wire.READ, "world", "anyone"),)))


def one(scheme, ident, perms=31):
    return ((perms, scheme, ident),)


ACLS = {
    "open": wire.OPEN_ACL, "null": None, "empty": (), "no perms": one("world", "anyone", 0),
    "other perms": one("world", "anyone", 255), "twice": wire.OPEN_ACL * 2,
    "unknown": one("nosuch", "x"), "null scheme": one(None, "x"), "empty scheme": one("", "x"),
    "null id": one("digest", None), "world of somebody": one("world", "me"),
    "world of null": one("world", None), "auth": one("auth", ""), "auth of null": one("auth", None),
    "x509": one("x509", "CN=x"), "sasl": one("sasl", "bob"), "super": one("super", ""),
    "ensemble": one("ensemble", "x"), "digest": one("digest", "bob:hash"),
    "digest of nobody": one("digest", ":x"), "digest of three": one("digest", "a:b:c"),
    "digest without hash": one("digest", "a:"), "digest without colon": one("digest", "a"),
    "ip": one("ip", "10.1.2.3"), "ip bits": one("ip", "10.0.0.0/8"), "ip 0": one("ip", "1.2.3.4/0"),
    "ip 33": one("ip", "1.2.3.4/33"), "ip -1": one("ip", "1.2.3.4/-1"),
    "ip leading zeros": one("ip", "01.2.3.4/08"), "ip signs": one("ip", "1.+2.3.4/+8"),
    "ip of three": one("ip", "1.2.3"), "ip of five": one("ip", "1.2.3.4.5"),
    "ip slash": one("ip", "1.2.3.4/"), "ip 256": one("ip", "1.2.3.256"), "ip name": one("ip", "a"),
    "ip empty": one("ip", ""), "ipv6": one("ip", "::1"),
}

CREATES = {wire.CREATE: "create", wire.CREATE2: "create2", wire.CREATE_CONTAINER: "createContainer"}
GET_ACL, GET_EPHEMERALS, CHILDREN_NUMBER, WHO_AM_I, ADD_WATCH = wire.GET_ACL, 103, 104, 107, 106
CHECK_WATCHES, REMOVE_WATCHES, SET_WATCHES2, RECONFIG = 17, 18, 105, 16


def create_body(path, flags=0, acl=wire.OPEN_ACL):
    return string(path) + buffer(b"new") + acl_list(acl) + integer(flags)


def reads(path):
    for op, name in ((wire.EXISTS, "exists"), (wire.GET_DATA, "getData"),
                     (wire.GET_CHILDREN, "getChildren"), (wire.GET_CHILDREN2, "getChildren2")):
        for watch in False, True:
            yield f"{name} watch={watch}", op, string(path) + wire.boolean(watch)
    yield "getACL", GET_ACL, string(path)
    yield "sync", wire.SYNC, string(path)
    yield "getEphemerals", GET_EPHEMERALS, string(path)
    yield "getAllChildrenNumber", CHILDREN_NUMBER, string(path)


def changes(path):
    for version in (-1, 0, 5, -2):
        yield f"setData version={version}", wire.SET_DATA, (
            string(path) + buffer(b"set") + integer(version))
        if version != -1:
            yield f"delete version={version}", wire.DELETE, string(path) + integer(version)
            yield f"setACL version={version}", wire.SET_ACL, (
                string(path) + acl_list(wire.OPEN_ACL) + integer(version + 100))
    if path not in ("/a/child", "/e", "/prot", "/a"):
        yield "delete version=-1", wire.DELETE, string(path) + integer(-1)


def creates(path):
    for op, flags in itertools.product(CREATES, (0, 1, 2, 3, 4, 5, 6, 7, -1)):
        yield f"{CREATES[op]} flags={flags}", op, create_body(path, flags)
    for flags, ttl in itertools.product((5, 6), (0, -1, 1, 2**40 - 1, 2**40)):
        yield f"createTTL flags={flags} ttl={ttl}", wire.CREATE_TTL, (
            create_body(path, flags) + long(ttl))


def acls(path):
    for name, acl in ACLS.items():
        yield f"create acl={name}", wire.CREATE, create_body(path, 0, acl)
        yield f"create acl={name} flags=9", wire.CREATE, create_body(path, 9, acl)
        yield f"setACL acl={name}", wire.SET_ACL, string(path) + acl_list(acl) + integer(77)


def watches(path):
    for kind in (1, 2, 3, 4, 5, 0, -1):
        yield f"checkWatches {kind}", CHECK_WATCHES, string(path) + integer(kind)
        yield f"removeWatches {kind}", REMOVE_WATCHES, string(path) + integer(kind)
    for mode in (0, 1, 2, -1):
        yield f"addWatch {mode}", ADD_WATCH, string(path) + integer(mode)
    yield "removeWatches all", REMOVE_WATCHES, string(path) + integer(3)
    lists = integer(1) + string(path)
    yield "setWatches", wire.SET_WATCHES, long(0) + lists * 3
    yield "setWatches2", SET_WATCHES2, long(0) + integer(0) * 3 + lists * 2


def part(op, body):
    return integer(op) + b"\0" + integer(-1) + body


END = integer(-1) + b"\1" + integer(-1)


def multis(path):
    parts = {
        "create": part(wire.CREATE, create_body(path)),
        "create flags=9": part(wire.CREATE, create_body(path, 9)),
        "create flags=5": part(wire.CREATE, create_body(path, 5)),
        "create2 flags=2": part(wire.CREATE2, create_body(path, 2)),
        "createContainer": part(wire.CREATE_CONTAINER, create_body(path, 4)),
        "createTTL": part(wire.CREATE_TTL, create_body(path, 5) + long(1000000)),
        "create acl=null": part(wire.CREATE, create_body(path, 0, None)),
        "create acl=null id": part(wire.CREATE, create_body(path, 0, ACLS["null id"])),
        "delete": part(wire.DELETE, string(path) + integer(9)),
        "setData": part(wire.SET_DATA, string(path) + buffer(b"") + integer(-1)),
        "check": part(wire.CHECK, string(path) + integer(-1)),
        "getData": part(wire.GET_DATA, string(path) + b"\1"),
        "getChildren": part(wire.GET_CHILDREN, string(path) + b"\1"),
        "exists": part(wire.EXISTS, string(path) + b"\0"),
        "setACL": part(wire.SET_ACL, string(path) + acl_list(wire.OPEN_ACL) + integer(-1)),
    }
    first = part(wire.CHECK, string("/a") + integer(-1))
    for name, body in parts.items():
        yield f"multi {name}", wire.MULTI, body + END
        yield f"multi check, {name}", wire.MULTI, first + body + END
        yield f"multi {name}, check", wire.MULTI, body + first + END
        yield f"multi {name}, cut", wire.MULTI, body
        yield f"multiRead {name}", wire.MULTI_READ, body + END


OTHERS = (
    ("whoAmI", WHO_AM_I, b""), ("multi empty", wire.MULTI, END),
    ("multi nothing", wire.MULTI, b""), ("multiRead empty", wire.MULTI_READ, END),
    ("deleteContainer", wire.DELETE_CONTAINER, b""),
    ("deleteContainer /a", wire.DELETE_CONTAINER, string("/a")),
    ("setWatches nulls", wire.SET_WATCHES, long(0) + integer(-1) * 3),
    ("setWatches2 nulls", SET_WATCHES2, long(0) + integer(-1) * 5),
    ("setWatches cut", wire.SET_WATCHES, long(0)),
    ("reconfig", RECONFIG, integer(-1) * 3 + long(-1)),
)


def cases():
    """(name, path, op, body) of all requests, in the order in which they are made."""
    for path in PATHS:
        groups = [reads, watches, changes, creates, multis]
        if path in SOME_PATHS:
            groups.append(acls)
        for name, op, body in itertools.chain.from_iterable(group(path) for group in groups):
            yield name, path, op, body
    for name, op, body in OTHERS:
        yield name, None, op, body


def cases_of_what_may_be_off():
    """The requests among them that extendedTypesEnabled and reconfigEnabled matter to."""
    return (case for case in cases() if case[0] == "reconfig" or (
        case[1] in SOME_PATHS and case[0].startswith(("create", "multi create"))))


# (what 3.8.0 does otherwise, whose case it is)
DIFFERENCES = (
    ("types 4 and 5 of watches came with 3.9.0",
     lambda name, path: name.startswith(("checkWatches", "removeWatches")) and name[-1] in "45"),
    ("3.8.0 looks for watches on all parents, of a path that begins with / [PathParentIterator]",
     lambda name, path: name.startswith("checkWatches") and (path or "x")[0] != "/"),
    ("3.8.0 watches what has no path",
     lambda name, path: name in ("addWatch 0", "removeWatches all") and path is None),
    ("a create2 in a multi was answered as a create",
     lambda name, path: name.startswith("multi ") and "create2" in name),
    ("x509 is there for TLS to come, IPv6 since a newer release",
     lambda name, path: name.endswith(("acl=x509", "acl=ipv6"))),
)


def excused(name, path):
    return any(applies(name, path) for _, applies in DIFFERENCES)


class Asker:
    """A session that tells of each answer, and puts the tree back as it was."""

    def __init__(self, server):
        self.raw = server.session(30000)
        for path, flags, acl in TREE:
            self.last = self.raw.create(path, b"data", flags, acl).zxid

    def answer(self, xid):
        """(error, bytes of the answer, zxids used), and the reply."""
        reply = self.raw.reply(xid)
        self.raw.events.clear()
        used, self.last = reply.zxid - self.last, reply.zxid
        size = len(reply.body.data) if reply.err == wire.OK else 0
        return (reply.err, size, used), reply

    def remove(self, path):
        self.answer(self.raw.send(wire.DELETE, string(path) + integer(-1)))

    def ask(self, name, path, op, body):
        """Sends a request, and gives what gives the outcome: both servers work at a time."""
        xid = self.raw.send(op, body)
        return lambda: self.outcome(path, op, xid)

    def outcome(self, path, op, xid):
        found, reply = self.answer(xid)
        if reply.err == wire.MARSHALLINGERROR:
            # Apache may take a zxid for what it cannot decode, and not tell it in the answer.
            self.remove("/missing")
            return found[:2]
        if reply.err == wire.OK and op in (*CREATES, wire.CREATE_TTL):
            self.remove(reply.body.string())
        if op == wire.MULTI and path == "/nope":
            self.remove(path)
        return found


def compare(make, to_ask, **config):
    config.update(forceSync="no", tickTime="2000")
    askers = [Asker(make(kind, **config)) for kind in ("zkfsd", "apache")]
    for case in to_ask:
        ours, theirs = (outcome() for outcome in [asker.ask(*case) for asker in askers])
        if not excused(*case[:2]):
            assert ours == theirs, case


def test_a_request_fails_at_the_same_check_as_at_apaches(new_zkfsd):
    compare(new_zkfsd, cases())


def test_so_does_what_has_to_be_turned_on(new_zkfsd):
    compare(new_zkfsd, cases_of_what_may_be_off(), extendedTypesEnabled="true",
            reconfigEnabled="true")
