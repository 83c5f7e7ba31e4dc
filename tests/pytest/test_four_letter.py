"""Four-letter words, in Apache's format, for the monitoring that reads them."""
import re
import socket

import pytest

pytestmark = pytest.mark.sanitized


def test_ruok(server):
    assert server.ask("ruok") == "imok"


def test_isro(server):
    assert server.ask("isro") == "rw"


SRVR = re.compile(r"""Zookeeper version: [^\n]+
Latency min/avg/max: \d+/\d+(\.\d{1,4})?/\d+
Received: \d+
Sent: \d+
Connections: \d+
Outstanding: \d+
Zxid: 0x[0-9a-f]+
Mode: standalone
Node count: \d+
""")


def test_srvr(server):
    assert SRVR.fullmatch(server.ask("srvr"))


def field(answer, name):
    return re.search(rf"^{name}: (\S+)$", answer, re.M)[1]


def test_srvr_counts(new_server):
    server = new_server()
    raw = server.session()
    before = server.ask("srvr")
    for i in range(10):
        zxid = raw.create(f"/n{i}").zxid
    after = server.ask("srvr")
    assert field(after, "Zxid") == f"{zxid:#x}"
    assert int(field(after, "Node count")) == int(field(before, "Node count")) + 10
    assert int(field(after, "Received")) >= int(field(before, "Received")) + 10
    assert int(field(after, "Sent")) >= int(field(before, "Sent")) + 10
    assert field(after, "Outstanding") == "0"


MNTR_NUMBERS = """avg_latency max_latency min_latency packets_received packets_sent
    num_alive_connections outstanding_requests znode_count watch_count ephemerals_count
    approximate_data_size open_file_descriptor_count max_file_descriptor_count global_sessions
    uptime""".split()


def test_mntr(server):
    for line in server.ask("mntr").splitlines():
        assert re.fullmatch(r"zk_\S+\t\S.*", line), line
    values = server.mntr()
    assert values["zk_server_state"] == "standalone"
    assert values["zk_version"]
    for key in MNTR_NUMBERS:
        assert re.fullmatch(r"-?\d+(\.\d+)?(E\d+)?", values["zk_" + key]), key


def test_mntr_counts(new_server):
    server = new_server()
    raw = server.session()
    raw.made("/dir", b"12345")
    raw.made("/dir/eph", b"", 1)
    raw.get_data("/dir", watch=True)
    values = server.mntr()
    assert values["zk_znode_count"] == "7"  # the root, /zookeeper and the two in it count
    assert values["zk_ephemerals_count"] == "1"
    assert values["zk_watch_count"] == "1"
    assert values["zk_global_sessions"] == "1"
    assert values["zk_num_alive_connections"] == "2"  # the asking one counts


def test_a_word_that_is_not_whitelisted_is_refused_by_name(new_server):
    server = new_server(whitelist=None)
    assert SRVR.fullmatch(server.ask("srvr"))
    for word in ("ruok", "mntr", "isro"):
        assert server.ask(word) == f"{word} is not executed because it is not in the whitelist.\n"


def test_the_whitelist_names_what_is_allowed(new_server):
    server = new_server(whitelist="srvr, ruok")
    assert server.ask("ruok") == "imok"
    assert "not in the whitelist" in server.ask("mntr")


def test_a_word_may_come_in_pieces(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for letter in b"ruok":
            sock.sendall(bytes([letter]))
        assert sock.recv(10) == b"imok"
        assert sock.recv(10) == b""


def test_an_unknown_word_is_just_a_length_and_closes(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"what")
        assert sock.recv(100) == b""


def test_telnets_interrupt_closes_silently(server):
    assert server.ask(b"\xff\xf4\xff\xfd") == ""
