"""The limits that an operator sets, at their edges: one below passes, one above does not. What
Apache can be asked as well runs on it too. (The limits of requests in work are tested
where they can be counted, in tests/unit/server_connections.c and server_throttling.c.)
"""
from contextlib import suppress

from harness import wire
from harness.awaiting import eventually
from harness.rawclient import ConnectionClosed, create_body, read_body, set_data_body
from harness.wire import OK

HOUR_MS = str(3600 * 1000)


def admitted(server, **session):
    """Whether a further connection gets a session; the client, or None."""
    try:  # it may be accepted and closed before we get to say anything
        raw = server.raw()
        raw.connect(**session)
    except (ConnectionClosed, ConnectionError):
        return None
    return raw


def filling(path, size):
    """The data that makes a create's frame SIZE bytes long."""
    return bytes(size - len(wire.header(0, 0) + create_body(path)))


def is_taken(server, path, size):
    """Whether a create of SIZE bytes is answered; the other case is a closed connection."""
    raw = server.session()
    try:
        with suppress(ConnectionError):  # the server closes while we are still sending
            return raw.create(path, filling(path, size)).err == OK
    except ConnectionClosed:
        pass
    return False


def test_a_frame_of_jute_maxbuffer_and_one_byte_more(new_zkfsd):
    # Apache takes the key as a system property alone: for its default see test_frames.py.
    server = new_zkfsd(jute_maxbuffer="5000")
    assert is_taken(server, "/fits", 5000)
    assert not is_taken(server, "/over", 5001)


def test_sixty_connections_of_an_address_unless_told_otherwise(new_server):
    server = new_server(maxClientCnxns=None)
    # Apache may still count the connections that saw it start.
    held = [eventually(lambda: admitted(server), "sixty connections") for _ in range(60)]
    assert admitted(server) is None
    assert all(raw.ping().err == OK for raw in held)


# Large requests

def test_large_requests_are_bounded_together_and_others_are_not(new_server):
    server = new_server(largeRequestThreshold="1000", largeRequestMaxBytes="5000")
    assert is_taken(server, "/fits", 5000)
    assert is_taken(server, "/fits-again", 5000)  # the first one is done with
    assert not is_taken(server, "/over", 5001)
    assert server.session().exists("/over").err == wire.NONODE


def test_a_request_of_the_threshold_is_not_large(new_server):
    server = new_server(largeRequestThreshold="6000", largeRequestMaxBytes="5000")
    assert is_taken(server, "/fits", 6000)
    assert not is_taken(server, "/over", 6001)


# Sessions asked for

def test_so_many_sessions_are_given_in_one_go(new_server):
    server = new_server(connection_throttle_tokens="3", connection_throttle_fill_time=HOUR_MS,
                        whitelist="*")
    held = [server.session() for _ in range(3)]
    assert admitted(server) is None
    assert admitted(server, session_id=held[0].session.session_id,
                    password=held[0].session.password) is None
    assert all(raw.ping().err == OK for raw in held)
    assert server.ask("ruok") == "imok"  # whoever asks for no session passes


def test_with_weights_a_session_taken_up_again_counts_for_less(new_server):
    server = new_server(connection_throttle_tokens="3", connection_throttle_fill_time=HOUR_MS,
                        connection_throttle_weight_enabled="true")
    first = server.session()  # of 9 tokens 6 are left
    again = admitted(server, session_id=first.session.session_id,
                     password=first.session.password)  # 4
    assert again is not None
    assert admitted(server) is not None  # 1
    assert admitted(server, session_id=first.session.session_id,
                    password=first.session.password) is None
    assert again.ping().err == OK


def test_the_bucket_is_filled_again(new_zkfsd):
    server = new_zkfsd(connection_throttle_tokens="1", connection_throttle_fill_time="300")
    server.session()
    assert eventually(lambda: admitted(server), "a second session").ping().err == OK


# Requests in work

def test_requests_that_wait_for_the_throttle_are_all_carried_out_in_order(new_server):
    server = new_server(request_throttle_max_requests="1")
    clients = [server.session() for _ in range(4)]
    for i, raw in enumerate(clients):
        raw.made(f"/n{i}")
    for i, raw in enumerate(clients):
        write = raw.request_bytes(wire.SET_DATA, set_data_body(f"/n{i}", b"x"), xid=7)
        read = raw.request_bytes(wire.GET_DATA, read_body(f"/n{i}"), xid=8)
        raw.send_bytes((write + read) * 50)
    for raw in clients:
        for version in range(1, 51):
            assert raw.reply(7).body.stat().version == version
            body = raw.reply(8).body
            body.buffer()
            assert body.stat().version == version
