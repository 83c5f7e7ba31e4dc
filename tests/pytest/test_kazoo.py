"""kazoo, as Debian ships it: an application's view of both servers."""
import threading

import pytest
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (BadVersionError, NoChildrenForEphemeralsError, NodeExistsError,
                              NoNodeError, NotEmptyError)
from kazoo.recipe.watchers import ChildrenWatch, DataWatch

from harness.awaiting import eventually


@pytest.fixture
def client(server):
    return server.client()


@pytest.mark.sanitized
def test_create_get_set_delete(client, path):
    assert client.create(path, b"one") == path
    data, stat = client.get(path)
    assert (data, stat.version) == (b"one", 0)
    assert client.set(path, b"two").version == 1
    assert client.get(path)[0] == b"two"
    assert client.exists(path).version == 1
    client.delete(path)
    assert client.exists(path) is None


def test_of_two_writers_with_one_version_the_second_is_refused(server, path):
    a, b = server.client(), server.client()
    a.create(path, b"0")
    a.set(path, b"a", version=0)
    with pytest.raises(BadVersionError):
        b.set(path, b"b", version=0)
    assert b.get(path)[0] == b"a"


def test_errors_have_their_names(client, path):
    client.create(path)
    client.create(path + "/eph", ephemeral=True)
    with pytest.raises(NodeExistsError):
        client.create(path)
    with pytest.raises(NoNodeError):
        client.get(path + "/none")
    with pytest.raises(NotEmptyError):
        client.delete(path)
    with pytest.raises(NoChildrenForEphemeralsError):
        client.create(path + "/eph/child")


def test_ensure_path_makes_all_of_it(client, path):
    client.ensure_path(path + "/a/b/c")
    client.ensure_path(path + "/a/b/c")
    assert client.get_children(path + "/a") == ["b"]
    assert client.get(path + "/a/b")[0] == b""


def test_get_children_with_data(client, path):
    client.create(path)
    for name in "abc":
        client.create(f"{path}/{name}", sequence=False)
    children, stat = client.get_children(path, include_data=True)
    assert (sorted(children), stat.numChildren) == (["a", "b", "c"], 3)


def test_create_with_stat_and_sequence(client, path):
    name, stat = client.create(path + "-", b"x", sequence=True, include_data=True)
    assert name.startswith(path + "-00000") and stat.dataLength == 1


def test_acls(client, path):
    client.create(path)
    acls, stat = client.get_acls(path)
    assert str(acls[0].id) == "Id(scheme='world', id='anyone')" and stat.aversion == 0
    assert client.set_acls(path, acls).aversion == 1


def test_data_watch(client, path):
    seen = []

    def watch(data, stat):
        seen.append((data, stat and stat.version))

    DataWatch(client, path, watch)
    client.create(path, b"0")
    eventually(lambda: (b"0", 0) in seen, "the creation is seen")
    client.set(path, b"1")
    eventually(lambda: (b"1", 1) in seen, "the change is seen")
    client.delete(path)
    eventually(lambda: seen[-1] == (None, None), "the end is seen")
    assert seen == [(None, None), (b"0", 0), (b"1", 1), (None, None)]


def test_children_watch(client, path):
    client.create(path)
    seen = []
    ChildrenWatch(client, path, lambda children: seen.append(sorted(children)))
    client.create(path + "/a")
    eventually(lambda: seen[-1] == ["a"], "the first child is seen")
    client.create(path + "/b")
    eventually(lambda: seen[-1] == ["a", "b"], "the second child is seen")
    client.delete(path + "/a")
    eventually(lambda: seen[-1] == ["b"], "the deletion is seen")


@pytest.mark.sanitized
def test_a_lock_is_held_by_one_at_a_time(server, path):
    clients = [server.client() for _ in range(3)]
    held, overlaps, turns = [], [], []

    def work(client, name):
        for _ in range(5):
            with client.Lock(path, name):
                if held:
                    overlaps.append((name, list(held)))
                held.append(name)
                turns.append(name)
                held.remove(name)

    threads = [threading.Thread(target=work, args=(c, f"c{i}")) for i, c in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not overlaps
    assert len(turns) == 15


def test_a_waiting_lock_is_granted_when_the_holder_goes(server, path):
    holder, waiter = server.client(), server.client()
    assert holder.Lock(path, "holder").acquire()
    lock = waiter.Lock(path, "waiter")
    assert not lock.acquire(blocking=False)
    granted = threading.Event()
    thread = threading.Thread(target=lambda: lock.acquire(timeout=60) and granted.set())
    thread.start()
    eventually(lambda: len(waiter.get_children(path)) == 2, "the waiter stands in line")
    assert not granted.is_set()
    holder.stop()
    assert granted.wait(60)
    thread.join()


def test_of_several_candidates_one_leads_and_the_next_follows(server, path):
    first, second = server.client(), server.client()
    leading = {name: threading.Event() for name in ("first", "second")}
    leave = threading.Event()

    def lead(name):
        leading[name].set()
        leave.wait(120)

    threads = []
    for name, client in (("first", first), ("second", second)):
        election = client.Election(path, name)
        thread = threading.Thread(target=election.run, args=(lead, name))
        thread.start()
        threads.append(thread)
        if name == "first":
            assert leading["first"].wait(60)
    contenders = lambda: first.Election(path).contenders()
    eventually(lambda: contenders() == ["first", "second"], "both stand")
    assert not leading["second"].is_set()
    leave.set()
    assert leading["second"].wait(60)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_client_keeps_its_session_over_a_restart_of_the_server(new_server, path):
    # Apache lets a connection wait that comes while it starts: the session must outlive that.
    server = new_server(tickTime="2000")
    client = server.client(timeout=40.0)
    states = []
    client.add_listener(states.append)
    session = client.client_id[0]
    client.create(path, b"mine", ephemeral=True)
    server.restart()
    eventually(lambda: KazooState.CONNECTED in states, "connected again", deadline=120)
    assert client.client_id[0] == session
    assert KazooState.LOST not in states
    assert client.exists(path).ephemeralOwner == session


def test_a_data_watch_goes_on_after_a_restart(new_server, path):
    server = new_server()
    client, other = server.client(), server.client()
    client.create(path, b"0")
    seen = []
    DataWatch(client, path, lambda data, stat: seen.append(data))
    server.restart()
    eventually(lambda: other.connected and client.connected, "both are back")
    other.retry(other.set, path, b"1")
    eventually(lambda: seen[-1] == b"1", "the change is seen")


def test_thousand_requests_in_flight(client, path):
    client.create(path)
    pending = [client.create_async(f"{path}/{i:04d}", b"x" * 100) for i in range(1000)]
    assert [p.get(timeout=60) for p in pending] == [f"{path}/{i:04d}" for i in range(1000)]
    assert len(client.get_children(path)) == 1000


def test_a_chroot_is_the_clients_affair(server, client, path):
    client.create(path)
    inside = KazooClient(server.hosts + path, timeout=30.0)
    server.clients.append(inside)
    inside.start(timeout=60)
    inside.create("/x", b"1")
    assert client.get(path + "/x")[0] == b"1"
    assert inside.get_children("/") == ["x"]
