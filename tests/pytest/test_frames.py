"""Bytes as they may arrive: split, coalesced, too long, nonsense."""
import os
import random
from contextlib import suppress

import pytest

from harness import wire
from harness.rawclient import create_body, read_body, set_data_body
from harness.wire import OK

pytestmark = pytest.mark.sanitized


def alive(server):
    """Other clients are served."""
    raw = server.session()
    assert raw.exists("/").err == OK
    raw.close_session()
    raw.close()


def conversation(path):
    """A handshake and five requests, as bytes."""
    requests = [(wire.CREATE, create_body(path, b"0")), (wire.SET_DATA, set_data_body(path, b"1")),
                (wire.GET_DATA, read_body(path)), (wire.DELETE, wire.string(path) + wire.integer(1)),
                (wire.GET_DATA, read_body(path))]
    return wire.frame(wire.connect_request()) + b"".join(
        wire.frame(wire.header(xid, op) + body) for xid, (op, body) in enumerate(requests, 1))


def expect_conversation(raw):
    raw.connected()
    replies = [raw.reply(xid) for xid in range(1, 6)]
    assert [reply.err for reply in replies] == [OK, OK, OK, OK, wire.NONODE]
    assert replies[2].body.buffer() == b"1"


def test_a_frame_may_be_split_at_every_byte(server, path):
    data = conversation(path)
    for at in range(1, len(data)):
        raw = server.raw()
        raw.send_bytes(data[:at])
        raw.send_bytes(data[at:])
        expect_conversation(raw)
        raw.close()


def test_bytes_may_come_one_by_one(server, path):
    raw = server.raw()
    for byte in conversation(path):
        raw.send_bytes(bytes([byte]))
    expect_conversation(raw)


def test_many_frames_may_come_in_one_segment(server, path):
    raw = server.raw()
    raw.send_bytes(conversation(path))
    expect_conversation(raw)


@pytest.mark.parametrize("length", [2**31 - 1, 0x100000, -1, -2**31])
def test_a_frame_of_an_impossible_length_closes_at_once(server, length):
    raw = server.session()
    raw.send_bytes(wire.integer(length))
    raw.expect_close()
    alive(server)


@pytest.mark.parametrize("length", [2**31 - 1, 0x100000, -1, 0, 5, 27])
def test_a_first_frame_of_an_impossible_length_closes(server, length):
    raw = server.raw()
    raw.send_bytes(wire.integer(length) + bytes(max(0, min(length, 27))))
    raw.expect_close()
    alive(server)


def test_a_two_gigabyte_length_takes_no_memory(server):
    before = server.resident_kib()
    for _ in range(20):
        raw = server.session()
        raw.send_bytes(wire.integer(2**31 - 1) + bytes(1000))
        raw.expect_close()
        raw.close()
    if server.kind == "zkfsd":
        assert server.resident_kib() < before + 4096


def test_the_largest_frame_is_accepted_and_one_byte_more_is_not(server, path):
    raw = server.session()
    rest = len(wire.header(0, 0) + create_body(path, b""))
    assert raw.create(path, bytes(wire.FRAME_MAX - rest)).err == OK
    assert len(raw.data(path)) == wire.FRAME_MAX - rest
    raw.send_bytes(wire.frame(wire.header(9, wire.SET_DATA) + bytes(wire.FRAME_MAX - 7))[:20])
    raw.expect_close()


def test_two_megabytes_of_data_are_refused_and_harm_nobody(server, path):
    server.session().made(path, b"old")
    raw = server.session()
    with suppress(ConnectionError):  # the server closes while we are still sending
        raw.send(wire.SET_DATA, set_data_body(path, bytes(2 << 20)))
    raw.expect_close()
    assert server.session().data(path) == b"old"


def test_the_log_says_which_frame_was_too_long(new_zkfsd):
    """Once a second at most: the client tries again and again."""
    server = new_zkfsd(jute_maxbuffer="4096")
    session = server.session()
    session.send_bytes(wire.integer(4097))
    session.expect_close()
    server.process.await_log(r"WARN +connection: closing: address=127\.0\.0\.1 "
                             r'cause="a frame of 4097 bytes, and jute\.maxbuffer is 4096"')


def test_garbage_instead_of_a_handshake(server):
    chance = random.Random(4711)
    for _ in range(100):
        raw = server.raw()
        with suppress(ConnectionError):
            raw.send_bytes(chance.randbytes(chance.randrange(1, 300)))
        raw.hang_up()
        raw.close()
    alive(server)


def test_garbage_inside_well_formed_frames(server):
    chance = random.Random(815)
    # No createTTL (21), check (13) and -10: an Apache server does not survive them.
    ops = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 100, 101, 999]
    for _ in range(150):
        raw = server.session()
        with suppress(ConnectionError):
            for _ in range(5):
                raw.send(chance.choice(ops), chance.randbytes(chance.randrange(0, 60)))
        raw.hang_up()
        raw.close()
    alive(server)


def test_a_vector_that_claims_billions_of_elements(server, path):
    raw = server.session()
    body = wire.string(path) + wire.buffer(b"") + wire.integer(2**31 - 1)
    assert raw.call(wire.CREATE, body).err == wire.MARSHALLINGERROR
    body = wire.long(0) + wire.integer(2**31 - 1)
    assert raw.call(wire.SET_WATCHES, body).err == wire.MARSHALLINGERROR
    assert raw.ping().err == OK


def test_a_string_longer_than_its_frame(server):
    raw = server.session()
    for length in (100, 2**31 - 1, -2):
        assert raw.call(wire.EXISTS, wire.integer(length) + b"/x").err == wire.MARSHALLINGERROR
    assert raw.ping().err == OK


@pytest.mark.parametrize("op", [99, 0, -1, 10, 2**31 - 1])
def test_an_unknown_operation_is_told_and_closed(server, op):
    raw = server.session()
    assert raw.call(op).err == wire.UNIMPLEMENTED
    raw.expect_close()


def test_a_client_may_not_create_sessions_by_request(new_zkfsd):
    # Apache 3.8.0 makes a second session and answers with a stray frame.
    server = new_zkfsd()
    raw = server.session()
    assert raw.call(wire.CREATE_SESSION, wire.integer(5000)).err == wire.UNIMPLEMENTED
    raw.expect_close()


def test_a_check_outside_of_multi_is_refused(new_zkfsd):
    # Apache 3.8.0 logs a transaction that it cannot read again.
    server = new_zkfsd()
    raw = server.session()
    assert raw.call(wire.CHECK, wire.string("/") + wire.integer(-1)).err == wire.UNIMPLEMENTED
    server.restart()
    alive(server)


def test_four_letters_after_the_handshake_are_a_length(server):
    raw = server.session()
    raw.send_bytes(b"ruok")
    raw.expect_close()


# Clients that are slow, many, or deaf

def test_a_client_that_does_not_read_is_not_buffered_without_end(server, path):
    value = os.urandom(100_000)
    writer = server.session()
    writer.made(path, value)
    before = server.resident_kib()

    deaf = server.session(receive_bytes=4096)
    deaf.sock.settimeout(0.5)
    request = deaf.request_bytes(wire.GET_DATA, read_body(path), xid=7)
    asked = 0
    with suppress(TimeoutError):  # when the server has stopped to read from us, as it should
        while asked < 20_000:  # 2 GB of replies
            deaf.sock.sendall(request * 100)
            asked += 100
    if server.kind == "zkfsd":
        assert server.resident_kib() < before + 64 * 1024
    assert writer.data(path) == value
    alive(server)


def test_a_deaf_client_gets_everything_once_it_reads(server, path):
    value = os.urandom(50_000)
    writer = server.session()
    writer.made(path, value)
    slow = server.session(receive_bytes=4096)
    count = 300
    slow.send_bytes(slow.request_bytes(wire.GET_DATA, read_body(path), xid=7) * count)
    assert writer.data(path) == value
    for _ in range(count):
        assert slow.reply(7).body.buffer() == value


def test_connections_of_one_address_are_limited(new_server):
    server = new_server(maxClientCnxns="5")
    held = [server.session() for _ in range(5)]
    with suppress(ConnectionError):  # accepted and closed, perhaps before we get to say anything
        surplus = server.raw()
        surplus.send_bytes(wire.frame(wire.connect_request()))
        surplus.expect_close()
    assert all(raw.ping().err == OK for raw in held)

    held[0].close_session()
    held[0].expect_close()
    held[0].close()
    assert server.session().ping().err == OK


def test_no_limit_of_connections_when_it_is_zero(new_server):
    server = new_server(maxClientCnxns="0")
    held = [server.session() for _ in range(80)]
    assert all(raw.ping().err == OK for raw in held)


def test_more_requests_than_the_server_likes_to_hold_are_all_answered(new_server):
    server = new_server(globalOutstandingLimit="10")
    clients = [server.session() for _ in range(3)]
    for i, raw in enumerate(clients):
        raw.made(f"/n{i}")
        raw.send_bytes(b"".join(raw.request_bytes(wire.SET_DATA, set_data_body(f"/n{i}", b"x"))
                                for _ in range(500)))
    for raw in clients:
        assert [raw.reply().body.stat().version for _ in range(500)] == list(range(1, 501))


def test_small_segments_of_the_log_take_the_largest_request(new_zkfsd, path):
    server = new_zkfsd(preAllocSize="64")
    raw = server.session()
    for i in range(5):
        assert raw.create(f"{path}{i}", bytes(1_000_000)).err == OK
    server.kill9()
    server.start()
    assert len(server.session().data(path + "4")) == 1_000_000


def test_a_connection_that_asks_for_no_session_is_closed(new_server):
    server = new_server(nio_sessionlessCnxnTimeout="1000")
    session = server.session()
    silent, half = server.raw(), server.raw()
    half.send_bytes(wire.frame(wire.connect_request())[:20])
    silent.expect_close()
    half.expect_close()
    assert session.ping().err == OK


def test_connections_are_limited_in_all(new_server):
    server = new_server(maxCnxns="3", maxClientCnxns="0")
    held = [server.session() for _ in range(3)]
    # Apache may close so early that connect() itself fails.
    with suppress(ConnectionError):
        surplus = server.raw()
        with suppress(ConnectionError):
            surplus.send_bytes(wire.frame(wire.connect_request()))
        surplus.expect_close()
    assert all(raw.ping().err == OK for raw in held)


def test_a_deaf_client_does_not_hold_up_the_end(new_zkfsd, path):
    server = new_zkfsd()
    server.session().made(path, os.urandom(500_000))
    deaf = server.session(receive_bytes=4096)
    deaf.send_bytes(deaf.request_bytes(wire.GET_DATA, read_body(path), xid=7) * 50)
    assert server.stop() == 0
