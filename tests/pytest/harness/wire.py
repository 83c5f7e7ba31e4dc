"""The client protocol's bytes: jute encoding, op codes, error codes.

Written from the protocol's description and not from the server's code, so that a mistake
in one of the two shows.
"""
import struct
from collections import namedtuple

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN, SYNC = range(1, 10)
PING, GET_CHILDREN2, CHECK, MULTI, CREATE2 = 11, 12, 13, 14, 15
CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL = 19, 20, 21
MULTI_READ, AUTH, SET_WATCHES = 22, 100, 101
CREATE_SESSION, CLOSE_SESSION = -10, -11

XID_EVENT, XID_PING, XID_SET_WATCHES = -1, -2, -8

OK = 0
SYSTEMERROR, MARSHALLINGERROR, UNIMPLEMENTED, BADARGUMENTS = -1, -5, -6, -8
NONODE, NOAUTH, BADVERSION, NOCHILDRENFOREPHEMERALS = -101, -102, -103, -108
NODEEXISTS, NOTEMPTY, SESSIONEXPIRED, INVALIDACL = -110, -111, -112, -114
QUOTAEXCEEDED = -125

CREATED, DELETED, CHANGED, CHILD = 1, 2, 3, 4

READ, WRITE, PERM_CREATE, PERM_DELETE, ADMIN, ALL = 1, 2, 4, 8, 16, 31

PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL, CONTAINER, TTL = 0, 1, 2, 3, 4, 5

OPEN_ACL = ((ALL, "world", "anyone"),)
NO_PASSWORD = bytes(16)
FRAME_MAX = 0xFFFFF

Stat = namedtuple("Stat", "czxid mzxid ctime mtime version cversion aversion ephemeralOwner "
                          "dataLength numChildren pzxid")
STAT = struct.Struct(">qqqqiiiqiiq")


def integer(value):
    return struct.pack(">i", value)


def long(value):
    return struct.pack(">q", value)


def boolean(value):
    return b"\1" if value else b"\0"


def buffer(value):
    return integer(-1) if value is None else integer(len(value)) + value


def string(value):
    return buffer(value.encode() if isinstance(value, str) else value)


def vector(values, encode):
    if values is None:
        return integer(-1)
    return integer(len(values)) + b"".join(encode(v) for v in values)


def acl_list(acl):
    return vector(acl, lambda a: integer(a[0]) + string(a[1]) + string(a[2]))


def frame(payload):
    return integer(len(payload)) + payload


def header(xid, op):
    return struct.pack(">ii", xid, op)


def connect_request(timeout_ms=30_000, session_id=0, password=NO_PASSWORD, last_zxid=0,
                    read_only=False):
    """READ_ONLY None leaves the flag out, as clients up to 3.3 do."""
    body = integer(0) + long(last_zxid) + integer(timeout_ms) + long(session_id) + buffer(password)
    return body if read_only is None else body + boolean(read_only)


class Reader:
    """Takes a body apart; end() says that nothing may be left."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        assert self.at + count <= len(self.data), f"short record: {self.data.hex()}"
        piece = self.data[self.at:self.at + count]
        self.at += count
        return piece

    def integer(self):
        return struct.unpack(">i", self.take(4))[0]

    def long(self):
        return struct.unpack(">q", self.take(8))[0]

    def boolean(self):
        return self.take(1) != b"\0"

    def buffer(self):
        length = self.integer()
        return None if length == -1 else self.take(length)

    def string(self):
        data = self.buffer()
        return None if data is None else data.decode()

    def vector(self, decode):
        return [decode() for _ in range(self.integer())]

    def acl_list(self):
        return self.vector(lambda: (self.integer(), self.string(), self.string()))

    def stat(self):
        return Stat(*STAT.unpack(self.take(STAT.size)))

    def end(self):
        assert self.at == len(self.data), f"surplus bytes: {self.data[self.at:].hex()}"
