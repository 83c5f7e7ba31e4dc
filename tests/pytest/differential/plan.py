"""Random sequences of operations, from a seed.

A sequence is a list of Op: which client, what, and its arguments. It says nothing of either
server, so it can be played on any, cut down, and printed. Paths live below a root that the player
puts in front ("" is the root itself), so that sequences do not meet each other; "quota:PATH" is
the place below /zookeeper/quota that belongs to PATH.

What 3.8.0 is known to do wrong, or other than the newest release, is not asked for (each place
says so); everything else is, the malformed included.
"""
import random
from dataclasses import dataclass, field

CLIENTS = 3
OPS = 60

PLAIN = ("/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/deep", "/c")
ODD = ("/a/", "//a", "/a/..", "/.", "/a//x", "/a/\u0001", "/\ufff0", "/missing/x",
       "/a/.x", "/...", "/ä/ö", "/b/\u00a0", "/a\ud7ff")

OPEN = ((31, "world", "anyone"),)
ACLS = (
    OPEN, OPEN, OPEN, OPEN, OPEN, OPEN,
    ((1, "world", "anyone"),),
    ((31, "auth", ""),),
    ((5, "world", "anyone"), (31, "digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=")),
    ((31, "ip", "127.0.0.1"),),
    ((31, "ip", "10.0.0.0/8"), (16, "world", "anyone")),
    ((31, "world", "anyone"), (31, "world", "anyone")),
    (),
    None,
    ((31, "world", "somebody"),),
    ((31, "nosuch", "x"),),
    ((31, "digest", "nocolon"),),
    ((0, "world", "anyone"),),
    ((255, "world", "anyone"),),
    ((31, "ip", "1.2.3.4/99"),),
)
# Characters above U+FFFF are left out: Apache sends them back as two surrogates, which is no UTF-8.
DATA = (b"", None, b"x", b"some data", b"z" * 40)
VERSIONS = (-1, -1, -1, 0, 1, 2, -2, 7)
# The player makes what leads to their limits and stats.
QUOTA_PATHS = ("", "/a", "/a/x")
SOFT_LIMITS = (-1, 0, 5)
HARD_LIMITS = (-1, 2, 4, 8)
CREDENTIALS = (("digest", b"bob:secret"), ("digest", b"alice:pw"), ("digest", b"nocolon"),
               ("ip", b""))


@dataclass
class Op:
    client: int
    name: str
    args: dict = field(default_factory=dict)

    def __str__(self):
        args = " ".join(f"{key}={value!r}" for key, value in self.args.items())
        return f"client {self.client}: {self.name} {args}"


class Planner:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        # On 3.8.0 the watches of one connection on one path replace each other when their modes
        # differ (ZOOKEEPER-4466): a client has one mode for all it watches.
        self.modes = [self.rng.choice(("one-shot", "persistent", "recursive"))
                      for _ in range(CLIENTS)]
        # Apache judges a write by what it happens to have applied: quotas or bursts.
        self.quotas = self.rng.random() < 0.3

    def path(self):
        if self.rng.random() < 0.06:
            return self.rng.choice(ODD)
        return self.rng.choice(PLAIN)

    def flags(self):
        return self.rng.choice((0, 0, 0, 0, 1, 1, 2, 3, 4, 7, -1))

    def create(self):
        return {"path": self.path(), "data": self.rng.choice(DATA),
                "acl": self.rng.choice(ACLS), "flags": self.flags()}

    def create_ttl(self):
        """Not a TTL operation with other flags: 3.8.0 would log what kills it."""
        return {**self.create(), "flags": self.rng.choice((5, 5, 6, 7)),
                "ttl": self.rng.choice((100_000_000, 1, 0, -1, 2**40 - 1, 2**40))}

    def delete(self):
        return {"path": self.path(), "version": self.rng.choice(VERSIONS)}

    def set_data(self):
        return {"path": self.path(), "data": self.rng.choice(DATA),
                "version": self.rng.choice(VERSIONS)}

    def set_acl(self):
        return {"path": self.path(), "acl": self.rng.choice(ACLS),
                "version": self.rng.choice(VERSIONS)}

    def read(self, client):
        return {"path": self.path(),
                "watch": self.modes[client] == "one-shot" and self.rng.random() < 0.5}

    def limits(self):
        count, size = self.rng.choice(SOFT_LIMITS), self.rng.choice(SOFT_LIMITS)
        text = f"count={count},bytes={size}"
        if self.rng.random() < 0.7:
            count, size = self.rng.choice(HARD_LIMITS), self.rng.choice(HARD_LIMITS)
            text += f"=;byteHardLimit={size};countHardLimit={count}"
        return text.encode()

    def quota_op(self, names=("create", "create", "setData", "delete", "getData")):
        """Nothing that is no quota: 3.8.0 dies of stats that it cannot read, and answers -5 to
        all writes below limits that it cannot read. No create2: it tells of the data that it
        overwrites."""
        kind = self.rng.choice(("limits", "stats"))
        path = f"quota:{self.rng.choice(QUOTA_PATHS)}/zookeeper_{kind}"
        name = self.rng.choice(names)
        if name == "getData":
            return name, {"path": path, "watch": False}
        if name == "delete":
            return name, {"path": path, "version": -1}
        data = self.limits() if kind == "limits" else b"count=3,bytes=30"
        if name == "setData":
            return name, {"path": path, "data": data, "version": self.rng.choice(VERSIONS)}
        return name, {"path": path, "data": data, "acl": OPEN, "flags": 0}

    def beginning(self):
        """With quotas: one of them, so that there is something to go over."""
        if not self.quotas:
            return []
        made = {"acl": OPEN, "flags": 0}
        where = f"quota:{self.rng.choice(QUOTA_PATHS)}"
        return [Op(0, "create", {"path": f"{where}/zookeeper_limits", "data": self.limits(),
                                 **made}),
                Op(0, "create", {"path": f"{where}/zookeeper_stats", "data": b"", **made})]

    def multi_op(self):
        if self.quotas and self.rng.random() < 0.1:
            return self.quota_op(("create", "setData", "delete"))
        name = self.rng.choice(("create", "create", "create2", "delete", "setData", "check",
                                "createContainer"))
        if name.startswith("create"):
            return name, self.create()
        if name == "setData":
            return name, self.set_data()
        return name, self.delete()

    def multi(self):
        ops = [self.multi_op() for _ in range(self.rng.randrange(6))]
        if self.rng.random() < 0.04:
            ops.append(("exists", {"path": "/a", "watch": False}))  # has no place in a multi
        return {"ops": ops}

    def multi_read(self):
        return {"ops": [(self.rng.choice(("getData", "getChildren")),
                         {"path": self.path(), "watch": self.rng.random() < 0.2})
                        for _ in range(self.rng.randrange(5))]}

    def watch_op(self, client):
        """addWatch, checkWatches, removeWatches or setWatches that fit the client's mode."""
        mode = self.modes[client]
        if mode == "one-shot":
            if self.rng.random() < 0.5:
                return "setWatches", {"back": self.rng.choice((0, 1, 3, 10, 1000)),
                                      "data": self.some_paths(), "exist": self.some_paths(),
                                      "child": self.some_paths()}
            kind = self.rng.choice((1, 2, 3, 9))
        else:
            if self.rng.random() < 0.6:
                number = {"persistent": 0, "recursive": 1}[mode]
                return "addWatch", {"path": self.path(),
                                    "mode": number if self.rng.random() < 0.95 else 5}
            kind = 3  # 1 and 2 match persistent watches on 3.8.0 and one-shot ones only later
        return self.rng.choice(("checkWatches", "removeWatches")), {"path": self.path(),
                                                                    "type": kind}

    def some_paths(self):
        return [self.path() for _ in range(self.rng.randrange(3))]

    def op(self):
        client = self.rng.randrange(CLIENTS)
        kinds = {
            "create": 22, "create2": 8, "createContainer": 3, "createTTL": 3, "delete": 16,
            "setData": 14, "exists": 8, "getData": 10, "getChildren": 5, "getChildren2": 5,
            "getACL": 4, "setACL": 6, "sync": 1, "multi": 9, "multiRead": 3, "watch": 10,
            "auth": 3, "getEphemerals": 2, "getAllChildrenNumber": 2, "whoAmI": 1, "ping": 1,
            "malformed": 1, "reattach": 2, "replace": 1,
            "quota": 15 if self.quotas else 0, "burst": 0 if self.quotas else 3,
        }
        name = self.rng.choices(list(kinds), kinds.values())[0]
        if name == "watch":
            return Op(client, *self.watch_op(client))
        if name == "quota":
            return Op(client, *self.quota_op())
        if name == "burst":
            return Op(client, "burst", {"ops": [self.simple(client) for _ in range(4)]})
        return Op(client, *self.simple(client, name))

    def simple(self, client, name=None):
        """(name, args) of an operation with one reply."""
        if name is None:
            name = self.rng.choice(("create", "delete", "setData", "getData", "exists",
                                    "getChildren2", "multi"))
        args = {
            "create": self.create, "create2": self.create, "createContainer": self.create,
            "createTTL": self.create_ttl, "delete": self.delete, "setData": self.set_data,
            "setACL": self.set_acl, "multi": self.multi, "multiRead": self.multi_read,
        }
        if name in args:
            return name, args[name]()
        if name in ("exists", "getData", "getChildren", "getChildren2"):
            return name, self.read(client)
        if name in ("getACL", "sync", "getAllChildrenNumber", "getEphemerals"):
            return name, {"path": self.path()}
        if name == "auth":
            scheme, credential = self.rng.choice(CREDENTIALS)
            return name, {"scheme": scheme, "credential": credential}
        if name == "malformed":
            return name, {"op": self.rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 12, 14, 101, 106)),
                          "body": self.rng.choice((b"", b"\0\0", b"\xff\xff\xff\xfb", bytes(3)))}
        return name, {}


def plan(seed, length=OPS):
    planner = Planner(seed)
    return planner.beginning() + [planner.op() for _ in range(length)]
