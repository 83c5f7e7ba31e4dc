"""One-shot watches: what fires them, how often, and where their events stand among the replies."""
import pytest

from harness import wire
from harness.rawclient import set_data_body
from harness.wire import CHANGED, CHILD, CREATED, DELETED, NONODE, OK

pytestmark = pytest.mark.sanitized


@pytest.fixture
def watcher(server):
    return server.session()


@pytest.fixture
def writer(server):
    return server.session()


def test_a_data_watch_fires_once(watcher, writer, path):
    writer.made(path)
    watcher.get_data(path, watch=True)
    writer.set_data(path, b"1")
    writer.set_data(path, b"2")
    assert watcher.event() == (CHANGED, path)
    watcher.no_event()


def test_an_event_carries_state_connected_and_no_surplus(watcher, writer, path):
    writer.made(path)
    watcher.get_data(path, watch=True)
    change = writer.set_data(path, b"1")
    event = watcher.message()
    assert (event.type, event.path) == (CHANGED, path)
    assert event.zxid in (-1, change.zxid)  # since 3.9.0 the zxid of the change


def test_setting_the_same_bytes_is_a_change(watcher, writer, path):
    writer.made(path, b"same")
    watcher.get_data(path, watch=True)
    writer.set_data(path, b"same")
    assert watcher.event() == (CHANGED, path)


def test_set_acl_is_no_change(watcher, writer, path):
    writer.made(path)
    watcher.get_data(path, watch=True)
    watcher.get_children(path, watch=True)
    writer.set_acl(path, [(31, "world", "anyone"), (1, "world", "anyone")])
    watcher.no_event()


def test_exists_waits_for_what_is_not_there_yet(watcher, writer, path):
    assert watcher.exists(path, watch=True).err == NONODE
    writer.made(path)
    assert watcher.event() == (CREATED, path)
    writer.set_data(path, b"")
    watcher.no_event()


def test_exists_watches_what_is_there_like_get_data(watcher, writer, path):
    writer.made(path)
    watcher.exists(path, watch=True)
    writer.set_data(path, b"")
    assert watcher.event() == (CHANGED, path)
    watcher.exists(path, watch=True)
    writer.delete(path)
    assert watcher.event() == (DELETED, path)


def test_a_read_that_fails_leaves_no_watch(watcher, writer, path):
    assert watcher.get_data(path, watch=True).err == NONODE
    assert watcher.get_children(path, watch=True).err == NONODE
    writer.made(path)
    writer.made(path + "/child")
    watcher.no_event()


def test_a_read_that_is_not_allowed_leaves_no_watch(watcher, writer, path):
    writer.made(path, acl=((wire.ALL & ~wire.READ, "world", "anyone"),))
    assert watcher.get_data(path, watch=True).err == wire.NOAUTH
    writer.set_acl(path, wire.OPEN_ACL)
    writer.set_data(path, b"")
    watcher.no_event()


def test_a_child_watch_tells_of_creation_and_deletion_and_of_nothing_below(watcher, writer, path):
    writer.made(path)
    watcher.get_children(path, watch=True)
    writer.made(path + "/a")
    assert watcher.event() == (CHILD, path)

    watcher.get_children(path, watch=True)
    writer.set_data(path, b"")
    writer.set_data(path + "/a", b"")
    writer.made(path + "/a/b")
    watcher.no_event()
    writer.delete(path + "/a/b")
    writer.delete(path + "/a")
    assert watcher.event() == (CHILD, path)
    watcher.no_event()


def test_a_data_watch_is_silent_about_children(watcher, writer, path):
    writer.made(path)
    watcher.get_data(path, watch=True)
    writer.made(path + "/a")
    writer.delete(path + "/a")
    watcher.no_event()


def test_all_watches_on_a_deleted_znode_give_one_event(watcher, writer, path):
    writer.made(path)
    watcher.get_data(path, watch=True)
    watcher.exists(path, watch=True)
    watcher.get_children(path, watch=True)
    writer.delete(path)
    assert watcher.event() == (DELETED, path)
    watcher.no_event()
    writer.made(path)
    watcher.no_event()


def test_asking_twice_gives_one_event(watcher, writer, path):
    writer.made(path)
    for _ in range(3):
        watcher.get_data(path, watch=True)
    writer.set_data(path, b"")
    assert watcher.event() == (CHANGED, path)
    watcher.no_event()


def test_the_znodes_event_comes_before_its_parents(watcher, writer, path):
    writer.made(path)
    watcher.get_children(path, watch=True)
    watcher.exists(path + "/c", watch=True)
    writer.made(path + "/c")
    assert [watcher.event(), watcher.event()] == [(CREATED, path + "/c"), (CHILD, path)]

    watcher.get_children(path, watch=True)
    watcher.exists(path + "/c", watch=True)
    writer.delete(path + "/c")
    assert [watcher.event(), watcher.event()] == [(DELETED, path + "/c"), (CHILD, path)]


def test_a_top_level_znode_fires_the_watch_on_the_root(watcher, writer, path):
    watcher.get_children("/", watch=True)
    writer.made(path)
    assert watcher.event() == (CHILD, "/")


def test_own_events_come_before_the_reply_that_caused_them(watcher, path):
    watcher.made(path)
    watcher.get_data(path, watch=True)
    watcher.get_children(path, watch=True)
    watcher.log.clear()
    xid = watcher.set_data(path, b"x").xid
    child = watcher.create(path + "/c").xid
    assert watcher.log == [("event", CHANGED, path), ("reply", xid, OK),
                           ("event", CHILD, path), ("reply", child, OK)]


def test_an_event_comes_before_any_reply_that_shows_the_change(watcher, writer, path):
    writer.made(path, b"0")
    for i in range(1, 31):
        watcher.get_data(path, watch=True)
        writer.send(wire.SET_DATA, set_data_body(path, str(i).encode()))
        seen = b""
        while seen != str(i).encode():
            seen = watcher.data(path)
            if seen == str(i).encode():
                assert watcher.events, "the new value was shown before its event"
        assert watcher.event() == (CHANGED, path)
        writer.reply()


def test_watches_end_with_their_connection(server, watcher, writer, path):
    writer.made(path)
    watcher.get_data(path, watch=True)
    again = server.raw()
    again.connect(10000, watcher.session.session_id, watcher.session.password)
    writer.set_data(path, b"")
    again.no_event()


def test_every_watcher_is_told(server, writer, path):
    writer.made(path)
    watchers = [server.session() for _ in range(20)]
    for watcher in watchers:
        watcher.get_data(path, watch=True)
    writer.delete(path)
    for watcher in watchers:
        assert watcher.event() == (DELETED, path)


def test_an_event_goes_only_to_those_who_may_read(watcher, writer, path):
    # Newer releases, and Debian's 3.8.0: delivery checks READ on the changed znode.
    writer.made(path)
    watcher.get_data(path, watch=True)
    writer.set_acl(path, [(wire.ALL & ~wire.READ, "world", "anyone")])
    writer.set_data(path, b"secret")
    watcher.no_event()


# setWatches: what a client that was away sends first

def absent_changes(writer, path):
    """Makes /same, /changed, /gone, /new and returns the zxid that the client has seen."""
    writer.made(path)
    for name in ("same", "changed", "gone", "again"):
        writer.made(f"{path}/{name}")
    seen = writer.ping().zxid
    writer.set_data(path + "/changed", b"x")
    writer.made(path + "/changed/child")
    writer.delete(path + "/gone")
    writer.delete(path + "/again")
    writer.made(path + "/again")
    writer.made(path + "/new")
    return seen


NAMES = ("same", "changed", "gone", "again", "new")


def caught_up(watcher, xid=wire.XID_SET_WATCHES):
    """The events that came before the reply to setWatches."""
    assert watcher.log[-1] == ("reply", xid, OK)
    return [(kind, path.rsplit("/", 1)[1]) for _, kind, path in watcher.log[:-1]]


@pytest.mark.parametrize("watches, events", [
    ("data", [(CHANGED, "changed"), (DELETED, "gone"), (CHANGED, "again"), (CHANGED, "new")]),
    ("exist", [(CREATED, "same"), (CREATED, "changed"), (CREATED, "again"), (CREATED, "new")]),
    ("child", [(CHILD, "changed"), (DELETED, "gone"), (CHILD, "again"), (CHILD, "new")])])
def test_set_watches_tells_what_was_missed(watcher, writer, path, watches, events):
    seen = absent_changes(writer, path)
    watcher.log.clear()
    watcher.set_watches(seen, **{watches: [f"{path}/{name}" for name in NAMES]})
    assert caught_up(watcher) == events


def test_set_watches_goes_through_its_lists_in_order(watcher, writer, path):
    seen = absent_changes(writer, path)
    watcher.log.clear()
    watcher.set_watches(seen, data=[path + "/gone"], exist=[path + "/new"],
                        child=[path + "/changed"])
    assert caught_up(watcher) == [(DELETED, "gone"), (CREATED, "new"), (CHILD, "changed")]


def test_set_watches_arms_what_did_not_fire(watcher, writer, path):
    seen = absent_changes(writer, path)
    watcher.log.clear()
    watcher.set_watches(seen, data=[path + "/same", path + "/changed"], exist=[path + "/later"],
                        child=[path + "/same"])
    assert caught_up(watcher) == [(CHANGED, "changed")]
    watcher.events.clear()

    writer.set_data(path + "/changed", b"y")  # fired: not armed again
    watcher.no_event()
    writer.made(path + "/later")
    assert watcher.event() == (CREATED, path + "/later")
    writer.made(path + "/same/child")
    assert watcher.event() == (CHILD, path + "/same")
    writer.set_data(path + "/same", b"")
    assert watcher.event() == (CHANGED, path + "/same")
    watcher.no_event()


def test_catch_up_events_have_no_zxid(watcher, writer, path):
    seen = absent_changes(writer, path)
    watcher.set_watches(seen, data=[path + "/gone"])
    assert [event.zxid for event in watcher.events] == [-1]


def test_set_watches_echoes_its_xid(watcher):
    body = wire.long(0) + 3 * wire.vector([], wire.string)
    assert watcher.call(wire.SET_WATCHES, body, xid=17).err == OK
