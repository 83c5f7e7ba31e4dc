"""Sessions: made, kept, moved to another connection, ended."""
import os
import signal
import time
from pathlib import Path

import pytest

from conftest import factory
from harness import wire
from harness.awaiting import eventually
from harness.rawclient import ConnectionClosed

LATE_S = 8  # no default is as short, no machine as slow


@pytest.fixture(scope="module")
def shared_server(kind, tmp_path_factory):
    """With the limits of the timeout as they are by default: 1000 and 10000 ms, as a tick is 500."""
    with factory(tmp_path_factory, kind) as make:
        yield make(maxSessionTimeout=None)


@pytest.mark.sanitized
def test_a_new_session_gets_an_id_and_a_password(server):
    session = server.raw().connect(timeout_ms=4000)
    assert session.protocol == 0
    assert session.timeout_ms == 4000
    assert session.session_id not in (0, -2**63)
    assert len(session.password) == 16 and session.password != wire.NO_PASSWORD
    assert session.read_only is False


def test_two_sessions_differ(server):
    a, b = server.raw().connect(), server.raw().connect()
    assert a.session_id != b.session_id
    assert a.password != b.password


@pytest.mark.parametrize("asked, given", [
    (0, 1000), (-5, 1000), (1, 1000), (999, 1000), (1000, 1000),
    (5555, 5555), (10000, 10000), (10001, 10000), (2**31 - 1, 10000)])
def test_the_timeout_is_kept_between_2_and_20_ticks(server, asked, given):
    assert server.raw().connect(timeout_ms=asked).timeout_ms == given


def test_the_limits_of_the_timeout_can_be_configured(new_server):
    server = new_server(minSessionTimeout="700", maxSessionTimeout="1234")
    assert server.raw().connect(timeout_ms=1).timeout_ms == 700
    assert server.raw().connect(timeout_ms=99999).timeout_ms == 1234


def test_a_client_without_the_read_only_flag_gets_a_reply_without_it(server):
    raw = server.raw()
    session = raw.connect(read_only=None)
    assert session.read_only is None
    assert raw.ping().err == wire.OK


def test_the_read_only_flag_is_not_echoed(server):
    assert server.raw().connect(read_only=True).read_only is False


@pytest.mark.parametrize("password", [None, b"", b"x", bytes(40)])
def test_for_a_new_session_any_password_will_do(server, password):
    raw = server.raw()
    assert raw.connect(password=password).timeout_ms > 0
    assert raw.ping().err == wire.OK


def test_surplus_bytes_in_the_connect_request_are_ignored(server):
    raw = server.raw()
    raw.send_bytes(wire.frame(wire.connect_request() + b"surplus"))
    assert raw.connected().timeout_ms > 0


def test_a_ping_is_answered_with_its_own_xid(server):
    raw = server.session()
    reply = raw.call(wire.PING, xid=wire.XID_PING)
    assert (reply.xid, reply.err) == (-2, wire.OK)
    assert raw.call(wire.PING, xid=wire.XID_PING).zxid >= reply.zxid > 0


def test_a_ping_with_another_xid_is_answered_with_minus_two(server):
    raw = server.session()
    raw.send(wire.PING, xid=77)
    assert raw.reply().xid == -2


@pytest.mark.sanitized
def test_an_expired_session_takes_its_ephemerals_along_and_watchers_hear_of_it(server, path):
    watcher, owner = server.session(), server.session(timeout_ms=2000)
    watcher.made(path)
    start = time.monotonic()
    owner.made(path + "/eph", b"", wire.EPHEMERAL)
    watcher.get_children(path, watch=True)
    watcher.exists(path + "/eph", watch=True)

    # The owner says nothing more. Its connection stays open, that does not help it.
    assert watcher.event() == (wire.DELETED, path + "/eph")
    elapsed = time.monotonic() - start
    assert watcher.event() == (wire.CHILD, path)
    owner.expect_close()
    # Never early; how late, the unit test of the tracker says, without a clock.
    assert 1.99 < elapsed < LATE_S
    assert watcher.exists(path + "/eph").err == wire.NONODE


def test_pings_keep_a_session_alive(server, path):
    watcher, owner = server.session(), server.session(timeout_ms=2000)
    owner.made(path, b"", wire.EPHEMERAL)
    watcher.exists(path, watch=True)
    end = time.monotonic() + 3.2
    while time.monotonic() < end:
        assert owner.ping().err == wire.OK
        assert watcher.quiet(0.2)
    assert watcher.stat(path).ephemeralOwner == owner.session.session_id


def test_who_reads_slowly_and_pings_keeps_the_session(server, path):
    server.session().made(path, bytes(1000000))
    get = wire.integer(wire.GET_DATA) + wire.boolean(False) + wire.integer(-1)
    get += wire.string(path) + wire.boolean(False)
    done = wire.integer(-1) + wire.boolean(True) + wire.integer(-1)
    slow = server.raw(receive_bytes=65536)
    slow.connect(timeout_ms=2000)
    slow.send(wire.MULTI_READ, 20 * get + done)
    end = time.monotonic() + 3.2
    while time.monotonic() < end:
        slow.receive(200000)
        slow.send(wire.PING, xid=wire.XID_PING)
        time.sleep(0.1)
    again = server.raw()
    assert again.connect(2000, slow.session.session_id, slow.session.password) != EXPIRED


def test_a_lost_connection_does_not_end_the_session(server, path):
    first = server.session(timeout_ms=10000)
    first.made(path, b"", wire.EPHEMERAL)
    first.close()

    other = server.raw()
    again = other.connect(10000, first.session.session_id, first.session.password)
    assert again == first.session
    assert other.stat(path).ephemeralOwner == first.session.session_id


def test_a_session_that_moves_to_a_new_connection_leaves_the_old_one_closed(server):
    first = server.session()
    second = server.raw()
    second.connect(10000, first.session.session_id, first.session.password)
    first.expect_close()
    assert second.ping().err == wire.OK


@pytest.mark.parametrize("asked, given", [(2000, 2000), (9000, 9000), (1, 1000)])
def test_the_timeout_is_negotiated_again_at_every_reattach(server, asked, given):
    first = server.session(timeout_ms=5000)
    again = server.raw().connect(asked, first.session.session_id, first.session.password)
    assert again.timeout_ms == given


def test_a_shortened_timeout_counts(server, path):
    first = server.session(timeout_ms=10000)
    first.made(path, b"", wire.EPHEMERAL)
    watcher = server.session()
    watcher.exists(path, watch=True)
    second = server.raw()
    start = time.monotonic()
    second.connect(1000, first.session.session_id, first.session.password)
    assert watcher.event() == (wire.DELETED, path)
    assert time.monotonic() - start < LATE_S


EXPIRED = (0, 0, 0, wire.NO_PASSWORD, False)


def test_a_wrong_password_gets_the_expired_answer_and_the_session_lives_on(server, path):
    owner = server.session()
    owner.made(path, b"", wire.EPHEMERAL)
    thief = server.raw()
    assert thief.connect(10000, owner.session.session_id, b"wrong password!!") == EXPIRED
    thief.expect_close()

    again = server.raw()
    assert again.connect(10000, owner.session.session_id, owner.session.password).timeout_ms > 0
    assert again.stat(path).ephemeralOwner == owner.session.session_id


def test_a_wrong_password_does_not_disturb_the_owner(new_zkfsd):
    # Apache disconnects the owner before it looks at the password.
    server = new_zkfsd()
    owner = server.session()
    server.raw().connect(10000, owner.session.session_id, b"wrong password!!")
    assert owner.ping().err == wire.OK


def test_an_unknown_session_gets_the_expired_answer(server):
    raw = server.raw()
    assert raw.connect(10000, 0x123456789, bytes(16)) == EXPIRED
    raw.expect_close()


@pytest.mark.sanitized
def test_closing_a_session_removes_its_ephemerals_at_once(server, path):
    watcher, owner = server.session(), server.session()
    owner.made(path, b"", wire.EPHEMERAL)
    watcher.exists(path, watch=True)
    reply = owner.close_session()
    assert reply.err == wire.OK
    owner.expect_close()
    assert watcher.event() == (wire.DELETED, path)
    assert reply.zxid > 0


def test_a_closed_session_cannot_be_attached_again(server):
    owner = server.session()
    owner.close_session()
    owner.expect_close()
    assert server.raw().connect(10000, owner.session.session_id, owner.session.password) == EXPIRED


def test_requests_behind_a_close_get_no_answer(new_zkfsd):
    # Apache's answer depends on which of its threads is first.
    owner = new_zkfsd().session()
    owner.send_bytes(owner.request_bytes(wire.CLOSE_SESSION) +
                     owner.request_bytes(wire.PING, xid=wire.XID_PING))
    assert owner.reply().xid == 1
    owner.expect_close()


def test_a_client_that_has_seen_the_future_is_turned_away(server):
    now = server.session().ping().zxid
    raw = server.raw()
    with pytest.raises(ConnectionClosed):
        raw.connect(last_zxid=now + 1000)


def test_a_client_that_has_seen_the_present_is_welcome(server):
    now = server.session().ping().zxid
    assert server.raw().connect(last_zxid=now).timeout_ms > 0
    assert server.raw().connect(last_zxid=-1).timeout_ms > 0


def test_a_new_session_consumes_a_zxid_and_so_does_its_end(new_server):
    server = new_server()
    first = server.session()
    before = first.ping().zxid
    second = server.session()
    assert first.ping().zxid == before + 1
    second.close_session()
    assert first.ping().zxid == before + 2


def test_a_connection_without_a_session_is_closed_after_a_while(new_server):
    server = new_server(nio_sessionlessCnxnTimeout="1000")
    start = time.monotonic()
    server.raw().expect_close()
    assert time.monotonic() - start > 0.9


@pytest.mark.sanitized
def test_sessions_and_ephemerals_survive_a_restart_that_is_quick_enough(new_server, path):
    server = new_server()
    owner = server.session(timeout_ms=10000)
    owner.made(path, b"mine", wire.EPHEMERAL)
    server.restart()

    again = server.raw()
    session = again.connect(10000, owner.session.session_id, owner.session.password)
    assert session.session_id == owner.session.session_id
    assert again.stat(path).ephemeralOwner == session.session_id
    again.close_session()
    assert server.session().exists(path).err == wire.NONODE


def test_a_session_that_nobody_claims_expires_after_a_restart(new_server, path):
    server = new_server()
    server.session(timeout_ms=2000).made(path, b"", wire.EPHEMERAL)
    server.kill9()
    server.start()
    watcher = server.session()
    if watcher.exists(path, watch=True).err == wire.OK:
        assert watcher.event() == (wire.DELETED, path)
    assert watcher.exists(path).err == wire.NONODE


def test_all_ephemerals_of_a_session_go_in_one_transaction(new_server):
    server = new_server()
    watcher, owner = server.session(), server.session()
    watcher.made("/dir")
    for i in range(5):
        owner.made(f"/dir/{i}", b"", wire.EPHEMERAL)
        watcher.exists(f"/dir/{i}", watch=True)
    before = watcher.ping().zxid
    watcher.get_children("/dir", watch=True)
    owner.close_session()
    told = sorted(watcher.event() for _ in range(6))
    assert told == [(wire.DELETED, f"/dir/{i}") for i in range(5)] + [(wire.CHILD, "/dir")]
    assert watcher.ping().zxid == before + 1
    assert watcher.stat("/dir").pzxid == before + 1


def test_many_sessions_may_expire_together(server, path):
    watcher = server.session()
    watcher.made(path)
    for i in range(40):
        owner = server.session(timeout_ms=2000)
        owner.made(f"{path}/{i}", b"", wire.EPHEMERAL)
        owner.close()
    eventually(lambda: watcher.children(path) == [], "all have expired")


def test_session_ids_are_never_given_twice(new_server):
    server = new_server()
    seen = {server.session().session.session_id for _ in range(20)}
    server.kill9()
    server.start()
    seen |= {server.session().session.session_id for _ in range(20)}
    assert len(seen) == 40


def test_after_a_stall_of_the_server_a_ping_that_came_in_time_counts(new_zkfsd):
    """As when a virtual machine is moved: the ping lies in the socket when the clock jumps."""
    server = new_zkfsd()
    raw = server.session(timeout_ms=1000)
    raw.made("/eph", b"", wire.EPHEMERAL)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        state = Path(f"/proc/{server.pid}/stat")
        eventually(lambda: ") T " in state.read_text(), "the server stands still")
        raw.send(wire.PING, xid=wire.XID_PING)
        time.sleep(2.2)  # longer than the session's timeout: this is what is tested
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert raw.reply(wire.XID_PING).err == wire.OK
    assert raw.stat("/eph").ephemeralOwner == raw.session.session_id
