"""One TCP connection to a server, frame by frame.

Requests can be sent without waiting (send), awaited one by one (reply, event), or both
(call). What arrives is kept in order in `log`: ("event", type, path) and ("reply", xid, err).
"""
import errno
import socket
import time
from collections import deque, namedtuple
from contextlib import suppress

from . import wire

DEADLINE = 60.0
SESSION_MS = 30_000  # to be scheduled late may not cost a client its session

Event = namedtuple("Event", "type path zxid")
Connected = namedtuple("Connected", "protocol timeout_ms session_id password read_only")


class ConnectionClosed(Exception):
    pass


class Reply:
    def __init__(self, xid, zxid, err, body):
        self.xid, self.zxid, self.err, self.body = xid, zxid, err, wire.Reader(body)

    def __repr__(self):
        return f"Reply(xid={self.xid}, zxid={self.zxid:#x}, err={self.err})"


class RawClient:
    def __init__(self, port, deadline=DEADLINE, receive_bytes=None):
        """RECEIVE_BYTES makes the receive buffer that small, for clients that do not read."""
        self.deadline = deadline
        self.sock = socket.socket()
        if receive_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.settimeout(deadline)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.xid = 0
        self.session = None
        self.events = deque()
        self.log = []

    def close(self):
        self.sock.close()

    # Bytes and frames

    def send_bytes(self, data):
        self.sock.sendall(data)

    def receive(self, count):
        data = b""
        end = time.monotonic() + self.deadline
        while len(data) < count:
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                piece = self.sock.recv(count - len(data))
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise ConnectionClosed(f"after {len(data)} of {count} bytes")
            data += piece
        return data

    def receive_frame(self):
        """The payload of the next frame; ConnectionClosed at the end of the stream."""
        length = wire.Reader(self.receive(4)).integer()
        return self.receive(length)

    def expect_close(self):
        """The server closes the connection, and says nothing more."""
        try:
            data = self.receive(1)
        except ConnectionClosed:
            return
        raise AssertionError(f"more bytes instead of a close: {data.hex()}")

    def hang_up(self):
        """Says that nothing more will come, and reads until the server closes."""
        with suppress(ConnectionError):
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError as error:
                if error.errno != errno.ENOTCONN:
                    raise
            while self.sock.recv(65536):
                pass

    def quiet(self, seconds=0.1):
        """Nothing arrives within SECONDS."""
        self.sock.settimeout(seconds)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
            return False
        except TimeoutError:
            return True

    # The handshake

    def connect(self, timeout_ms=SESSION_MS, session_id=0, password=wire.NO_PASSWORD, last_zxid=0,
                read_only=False):
        """The whole handshake. ConnectionClosed when the server closes instead of answering."""
        self.send_bytes(wire.frame(wire.connect_request(timeout_ms, session_id, password,
                                                        last_zxid, read_only)))
        return self.connected()

    def connected(self):
        body = wire.Reader(self.receive_frame())
        self.session = Connected(body.integer(), body.integer(), body.long(), body.buffer(),
                                 body.boolean() if body.at < len(body.data) else None)
        body.end()
        return self.session

    # Requests and replies

    def request_bytes(self, op, body=b"", xid=None):
        if xid is None:
            self.xid += 1
            xid = self.xid
        return wire.frame(wire.header(xid, op) + body)

    def send(self, op, body=b"", xid=None):
        """Sends a request and gives its xid."""
        self.send_bytes(self.request_bytes(op, body, xid))
        return self.xid if xid is None else xid

    def message(self):
        """The next Reply or Event."""
        payload = wire.Reader(self.receive_frame())
        xid, zxid, err = payload.integer(), payload.long(), payload.integer()
        body = payload.data[payload.at:]
        if xid != wire.XID_EVENT:
            self.log.append(("reply", xid, err))
            return Reply(xid, zxid, err, body)
        body = wire.Reader(body)
        kind, state, path = body.integer(), body.integer(), body.string()
        assert err == 0 and state == 3
        body.end()
        self.log.append(("event", kind, path))
        return Event(kind, path, zxid)

    def reply(self, xid=None):
        """The next reply (it has to have XID); events on the way are kept for event()."""
        while True:
            message = self.message()
            if isinstance(message, Reply):
                assert xid in (None, message.xid), f"reply {message} instead of xid {xid}"
                return message
            self.events.append(message)

    def event(self):
        """The next notification as (type, path), kept or still to come."""
        while not self.events:
            message = self.message()
            assert isinstance(message, Event), f"{message} where an event was expected"
            self.events.append(message)
        event = self.events.popleft()
        return event.type, event.path

    def call(self, op, body=b"", xid=None):
        return self.reply(self.send(op, body, xid))

    def no_event(self):
        """No notification came so far; a ping's reply shows that all before it was read."""
        self.ping()
        assert not self.events, list(self.events)

    # Operations. Each gives the Reply; the body is left to be read.

    def ping(self):
        return self.call(wire.PING, xid=wire.XID_PING)

    def create(self, path, data=b"", flags=wire.PERSISTENT, acl=wire.OPEN_ACL, op=wire.CREATE):
        return self.call(op, create_body(path, data, flags, acl))

    def create2(self, path, data=b"", flags=wire.PERSISTENT, acl=wire.OPEN_ACL):
        return self.create(path, data, flags, acl, op=wire.CREATE2)

    def create_container(self, path, data=b""):
        return self.create(path, data, wire.CONTAINER, op=wire.CREATE_CONTAINER)

    def create_ttl(self, path, ttl_ms, data=b""):
        body = create_body(path, data, wire.TTL) + wire.long(ttl_ms)
        return self.call(wire.CREATE_TTL, body)

    def delete(self, path, version=-1):
        return self.call(wire.DELETE, wire.string(path) + wire.integer(version))

    def set_data(self, path, data, version=-1):
        return self.call(wire.SET_DATA, set_data_body(path, data, version))

    def set_acl(self, path, acl, version=-1):
        return self.call(wire.SET_ACL, wire.string(path) + wire.acl_list(acl) +
                         wire.integer(version))

    def get_acl(self, path):
        return self.call(wire.GET_ACL, wire.string(path))

    def sync(self, path):
        return self.call(wire.SYNC, wire.string(path))

    def exists(self, path, watch=False):
        return self.call(wire.EXISTS, read_body(path, watch))

    def get_data(self, path, watch=False):
        return self.call(wire.GET_DATA, read_body(path, watch))

    def get_children(self, path, watch=False, op=wire.GET_CHILDREN):
        return self.call(op, read_body(path, watch))

    def close_session(self):
        return self.call(wire.CLOSE_SESSION)

    def set_watches(self, zxid, data=(), exist=(), child=()):
        body = wire.long(zxid) + b"".join(wire.vector(paths, wire.string)
                                          for paths in (data, exist, child))
        return self.call(wire.SET_WATCHES, body, xid=wire.XID_SET_WATCHES)

    # Shorthands that insist on success

    def made(self, path, data=b"", flags=wire.PERSISTENT, acl=wire.OPEN_ACL):
        """Creates PATH and gives its name."""
        reply = self.create(path, data, flags, acl)
        assert reply.err == wire.OK, f"create {path}: {reply}"
        return reply.body.string()

    def stat(self, path):
        reply = self.exists(path)
        assert reply.err == wire.OK, f"exists {path}: {reply}"
        return reply.body.stat()

    def data(self, path):
        reply = self.get_data(path)
        assert reply.err == wire.OK, f"getData {path}: {reply}"
        return reply.body.buffer()

    def children(self, path):
        reply = self.get_children(path)
        assert reply.err == wire.OK, f"getChildren {path}: {reply}"
        return sorted(reply.body.vector(reply.body.string))


def create_body(path, data=b"", flags=wire.PERSISTENT, acl=wire.OPEN_ACL):
    return wire.string(path) + wire.buffer(data) + wire.acl_list(acl) + wire.integer(flags)


def set_data_body(path, data, version=-1):
    return wire.string(path) + wire.buffer(data) + wire.integer(version)


def read_body(path, watch=False):
    return wire.string(path) + wire.boolean(watch)


def four_letters(port, word, deadline=DEADLINE):
    """The whole answer to a four-letter word, as text."""
    with socket.create_connection(("127.0.0.1", port), timeout=deadline) as sock:
        sock.sendall(word if isinstance(word, bytes) else word.encode())
        answer = b""
        while True:
            piece = sock.recv(65536)
            if not piece:
                return answer.decode()
            answer += piece
