"""Four-letter words, in Apache's format, for the monitoring that reads them."""
import re
import socket

import pytest

from harness import wire

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


# What follows is compared line by line, with numbers and names of this run replaced.

def settled(server):
    """A server with known sessions, ephemerals and watches; their session ids."""
    a, b, idle = server.session(20000), server.session(6000), server.raw()
    a.made("/dir", b"x")
    a.made("/dir/e", b"", 1)
    b.made("/dir/f", b"", 1)
    a.get_data("/dir", watch=True)
    b.get_data("/dir", watch=True)
    b.get_data("/dir/f", watch=True)
    b.get_children("/dir", watch=True)
    idle.send_bytes(b"\0")  # accepted before the next word is answered
    return a, b


CONNECTION = r" /127\.0\.0\.1:\d+\[[0145]\]\(queued=\d+,recved=\d+,sent=\d+"
SESSION = (r",sid=0x[0-9a-f]+,lop=%s,est=\d{13},to=\d+%s,lzxid=0x[0-9a-f]+,lresp=\d+,llat=\d+,"
           r"minlat=\d+,avglat=\d+,maxlat=\d+")


def hexid(raw):
    return f"{raw.session.session_id:#x}"


def test_stat_lists_the_clients(new_server):
    server = new_server()
    settled(server)
    version, rest = server.ask("stat").split("\n", 1)
    assert version.startswith("Zookeeper version: ")
    assert re.fullmatch(rf"Clients:\n({CONNECTION}\)\n){{4}}\n" + SRVR.pattern.split("\n", 1)[1], rest)


def test_cons_tells_of_each_connection(new_server):
    server = new_server()
    a, b = settled(server)
    lines = server.ask("cons").split("\n")
    assert lines[-2:] == ["", ""]
    lines = lines[:-2]
    assert len(lines) == 4
    of_a, = [line for line in lines if f"sid={hexid(a)}," in line]
    of_b, = [line for line in lines if f"sid={hexid(b)}," in line]
    assert re.fullmatch(CONNECTION + SESSION % ("GETD", ",lcxid=0x3") + r"\)", of_a), of_a
    assert re.fullmatch(CONNECTION + SESSION % ("GETC", ",lcxid=0x4") + r"\)", of_b), of_b
    others = [line for line in lines if line not in (of_a, of_b)]
    assert all(re.fullmatch(CONNECTION + r"\)", line) for line in others), others


def test_crst_resets_the_figures_of_connections(new_server):
    server = new_server()
    a, _ = settled(server)
    assert server.ask("crst") == "Connection stats reset.\n"
    line, = [line for line in server.ask("cons").split("\n") if f"sid={hexid(a)}," in line]
    assert re.fullmatch(CONNECTION + SESSION % ("NA", "") + r"\)", line), line
    assert "recved=0,sent=0," in line and "lzxid=0xffffffffffffffff,lresp=0,llat=0" in line


def test_srst_resets_the_figures_of_the_server(new_server):
    server = new_server()
    settled(server)
    assert int(field(server.ask("srvr"), "Received")) >= 7
    before = int(server.mntr()["zk_bytes_received_count"])
    assert server.ask("srst") == "Server stats reset.\n"
    answer = server.ask("srvr")
    assert int(field(answer, "Received")) <= 2
    assert int(field(answer, "Sent")) <= 2
    assert field(answer, "Latency min/avg/max") == "0/0.0/0"
    assert int(server.mntr()["zk_bytes_received_count"]) < before


DATE = r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}"


# Sets that Apache has emptied but not dropped yet come anywhere between the others.
EMPTY = rf"(?:0 expire at {DATE}:\n)*"


def test_dump_tells_sessions_ephemerals_and_connections(new_server):
    server = new_server()
    a, b = settled(server)
    dump = server.ask("dump")
    assert re.fullmatch(rf"""SessionTracker dump:
Session Sets \(\d\)/\(2\):
{EMPTY}1 expire at {DATE}:
\t{hexid(b)}
{EMPTY}1 expire at {DATE}:
\t{hexid(a)}
{EMPTY}ephemeral nodes dump:
Sessions with Ephemerals \(2\):
(?:{hexid(a)}:
\t/dir/e
|{hexid(b)}:
\t/dir/f
){{2}}Connections dump:
Connections Sets \(\d\)/\(4\):
(?:\d expire at {DATE}:
(?:\tip: /127\.0\.0\.1:\d+ sessionId: 0x[0-9a-f]+
)*)+""", dump), dump


def test_watches_in_all_by_session_and_by_path(new_server):
    server = new_server()
    assert server.ask("wchs") == "0 connections watching 0 paths\nTotal watches:0\n"
    assert server.ask("wchc") == server.ask("wchp") == "\n"
    a, b = settled(server)
    assert server.ask("wchs") == "2 connections watching 2 paths\nTotal watches:3\n"
    by_session = groups(server.ask("wchc"))
    assert by_session == {hexid(a): {"/dir"}, hexid(b): {"/dir", "/dir/f"}}
    by_path = groups(server.ask("wchp"))
    assert by_path == {"/dir": {hexid(a), hexid(b)}, "/dir/f": {hexid(b)}}
    assert server.mntr()["zk_watch_count"] == "4"  # the children of /dir as well


def groups(answer):
    """{head: {tab-indented lines below it}} of an answer that an empty line ends."""
    assert answer.endswith("\n\n")
    found = {}
    for line in answer[:-2].split("\n"):
        if line.startswith("\t"):
            found[head].add(line[1:])
        else:
            head = line
            found[head] = set()
    return found


def test_conf_tells_what_is_configured(new_server):
    server = new_server(maxClientCnxns="7", minSessionTimeout="1500", maxSessionTimeout="9000",
                        clientPortListenBacklog="11")
    lines = server.ask("conf").splitlines()
    assert [line.split("=")[0] for line in lines] == [
        "clientPort", "secureClientPort", "dataDir", "dataDirSize", "dataLogDir", "dataLogSize",
        "tickTime", "maxClientCnxns", "minSessionTimeout", "maxSessionTimeout",
        "clientPortListenBacklog", "serverId"]
    values = dict(line.split("=", 1) for line in lines)
    assert values["clientPort"] == str(server.port)
    assert values["dataDir"].startswith(str(server.datadir) + "/")
    assert int(values["dataDirSize"]) >= 0 and int(values["dataLogSize"]) > 0
    assert (values["tickTime"], values["maxClientCnxns"], values["minSessionTimeout"],
            values["maxSessionTimeout"], values["clientPortListenBacklog"],
            values["serverId"]) == ("500", "7", "1500", "9000", "11", "0")


def test_envi_dirs_and_the_trace_mask(server):
    lines = server.ask("envi").splitlines()
    assert lines[0] == "Environment:"
    assert lines[1].startswith("zookeeper.version=3.8.0-")
    assert {"host.name", "os.name", "os.version", "user.name", "user.dir"} <= {
        line.split("=")[0] for line in lines[1:]}
    assert re.fullmatch(r"datadir_size: \d+\nlogdir_size: \d+\n", server.ask("dirs"))
    assert server.ask("gtmk") == "306"
    assert server.ask(b"stmk" + (258).to_bytes(8, "big")) == "258"
    assert server.ask("gtmk") == "258"
    assert server.ask(b"stmk" + (306).to_bytes(8, "big")) == "306"


def test_hash_has_the_digest_of_every_128th_transaction(new_server):
    server = new_server()
    assert server.ask("hash") == ""
    raw = server.session()
    while raw.create("/n-", flags=wire.SEQUENTIAL).zxid < 0x100:
        pass
    assert re.fullmatch(r"80: \d+\n100: \d+\n", server.ask("hash"))


SUMMARIES = [f"{part}_{name}latency" for part in ("avg", "min", "max", "cnt", "sum")
             for name in ("read", "update")]
COUNTERS = """last_client_response_size min_client_response_size max_client_response_size
    auth_failed_count commit_count snap_count digest_mismatches_count stale_sessions_expired
    connection_request_count connection_rejected sessionless_connections_expired
    bytes_received_count response_bytes local_sessions connection_drop_probability""".split()


def test_mntr_counts_requests_and_reads_apart(new_server):
    server = new_server()
    settled(server)
    values = server.mntr()
    for key in SUMMARIES + COUNTERS:
        assert re.fullmatch(r"-?\d+(\.\d+)?(E\d+)?", values["zk_" + key]), key
    assert values["zk_cnt_readlatency"] == "4"
    assert values["zk_cnt_updatelatency"] == "5"  # two sessions, three znodes
    assert values["zk_connection_request_count"] == "2"
    assert values["zk_connection_drop_probability"] == "0.0"
    assert values["zk_approximate_data_size"] == "61"


def test_a_long_answer_comes_whole(new_zkfsd):
    server = new_zkfsd()
    raw = server.session()
    paths = [f"/watched-{i:06}" for i in range(30000)]
    for i in range(0, len(paths), 1000):
        raw.set_watches(server_zxid(server), exist=paths[i:i + 1000])
    assert groups(server.ask("wchc")) == {hexid(raw): set(paths)}
    assert groups(server.ask("wchp")) == {path: {hexid(raw)} for path in paths}
    assert server.ask("wchs") == "1 connections watching 30000 paths\nTotal watches:30000\n"


def server_zxid(server):
    return int(field(server.ask("srvr"), "Zxid"), 16)
