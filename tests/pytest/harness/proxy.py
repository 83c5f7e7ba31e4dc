"""A proxy between a client and a server that loses a connection at a chosen request.

It understands just enough of the protocol to know one request from the other: frames, and the
op code of each after the handshake. Threads: one per connection and direction.
"""
import socket
import struct
import threading

REQUEST = "request"  # lost on the way: the server never sees it
REPLY = "reply"      # done by the server, but the client never hears of it


class Proxy:
    def __init__(self, port):
        self.server_port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.hosts = f"127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.planned = None
        self.links = []
        self.happened = threading.Event()
        self.meanwhile = None
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, what, op, meanwhile=None):
        """The next request OP loses its connection: REQUEST or REPLY. MEANWHILE is called before
        the client can connect again."""
        with self.lock:
            self.happened.clear()
            self.meanwhile = meanwhile
            self.planned = (what, op)

    def cut(self):
        """All connections die now; new ones are taken."""
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            link.end()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server_port))
            link = _Link(self, client, server)
            with self.lock:
                self.links.append(link)
            threading.Thread(target=link.requests, daemon=True).start()
            threading.Thread(target=link.replies, daemon=True).start()

    def due(self, op):
        with self.lock:
            if self.planned is None or self.planned[1] != op:
                return None
            what, self.planned = self.planned[0], None
            return what


class _Link:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.lost_xid = None
        self.greeted = False

    def requests(self):
        for frame in _frames(self.client):
            if self.greeted:
                xid, op = struct.unpack_from(">ii", frame, 4)
                what = self.proxy.due(op)
                if what == REQUEST:
                    self.cut()
                    return
                if what == REPLY:
                    self.lost_xid = xid
            self.greeted = True
            if not _send(self.server, frame):
                break
        self.end()

    def replies(self):
        first = True
        for frame in _frames(self.server):
            if not first and struct.unpack_from(">i", frame, 4)[0] == self.lost_xid:
                self.cut()
                return
            first = False
            if not _send(self.client, frame):
                break
        self.end()

    def cut(self):
        if self.proxy.meanwhile is not None:
            self.proxy.meanwhile()
        self.proxy.happened.set()
        self.end()

    def end(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _frames(connection):
    """Whole frames, length included, until the end of the connection."""
    data = b""
    while True:
        while len(data) >= 4 and len(data) >= 4 + struct.unpack_from(">i", data)[0]:
            length = 4 + struct.unpack_from(">i", data)[0]
            yield data[:length]
            data = data[length:]
        try:
            more = connection.recv(65536)
        except OSError:
            return
        if not more:
            return
        data += more


def _send(connection, frame):
    try:
        connection.sendall(frame)
    except OSError:
        return False
    return True
