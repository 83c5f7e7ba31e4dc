"""kazoo's recipes through a kill -9 of their server: those that promise to go on do.

Not among them (kazoo 2.8): DoubleBarrier and LockingQueue.get wait for an event of one kind, and
after a reconnection kazoo tells only that the watch is gone."""
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from kazoo.recipe.cache import TreeCache
from kazoo.recipe.watchers import ChildrenWatch, DataWatch

from harness.awaiting import eventually
from test_kazoo_recipes import (DEADLINE, Room, cached, clients_of, grow, settle, tree_of, visit)


@pytest.fixture
def lone(new_server):
    return new_server()


def crash(server):
    server.kill9()
    server.start()


@pytest.mark.sanitized
def test_a_lock_is_held_by_one_while_the_server_comes_and_goes(lone):
    clients, room = clients_of(lone, 3), Room()
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(visit, room, zk.Lock("/lock", f"c{i}"), f"c{i}", 40)
                 for i, zk in enumerate(clients)]
        eventually(lambda: len(room.visits) > 5, "they take turns")
        crash(lone)
        for call in calls:
            call.result(DEADLINE)
    assert (room.most, len(room.visits)) == (1, 120)
    assert clients[0].get_children("/lock") == []


def test_a_leader_stays_leader_and_the_next_one_follows(lone):
    first, second = clients_of(lone, 2)
    leading, leave, reigns = threading.Event(), threading.Event(), []

    def lead(name):
        reigns.append(name)
        leading.set()
        leave.wait(DEADLINE)

    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(first.Election("/election", "first").run, lead, "first")]
        assert leading.wait(DEADLINE)
        calls.append(pool.submit(second.Election("/election", "second").run, lead, "second"))
        contenders = first.Election("/election").contenders
        eventually(lambda: contenders() == ["first", "second"], "both stand")
        crash(lone)
        assert first.retry(contenders) == ["first", "second"]
        assert reigns == ["first"]
        leave.set()
        for call in calls:
            call.result(DEADLINE)
    assert reigns == ["first", "second"]


def test_watchers_and_caches_see_what_comes_after_a_restart(lone):
    watcher, writer = clients_of(lone, 2)
    writer.create("/dir", b"0")
    data, children = [], []
    DataWatch(watcher, "/dir", lambda value, stat: data.append(value))
    ChildrenWatch(watcher, "/dir", lambda names: children.append(sorted(names)))
    cache = TreeCache(watcher, "/dir")
    cache.start()
    eventually(lambda: cached(cache, "/dir") == tree_of(writer, "/dir"), "the cache is filled")

    crash(lone)
    writer.retry(writer.set, "/dir", b"1")
    eventually(lambda: data[-1] == b"1", "the change is seen")
    grow(writer, "/dir", "after-")
    eventually(lambda: children[-1] == ["after-0", "after-2", "after-4"], "the children are seen")
    assert len(settle(writer, [cache], "/dir")) == 1 + 3 * 2
    cache.close()


def test_a_party_and_a_lease_last_as_long_as_their_sessions(lone):
    first, second = clients_of(lone, 2)
    party = first.Party("/party", "first")
    party.join()
    assert first.Semaphore("/semaphore", "first", max_leases=1).acquire()
    crash(lone)
    assert second.retry(lambda: list(second.Party("/party"))) == ["first"]
    waiter = second.Semaphore("/semaphore", "second", max_leases=1)
    assert not waiter.acquire(blocking=False)
    first.retry(first.get, "/party")  # connected again, so that it can say goodbye
    first.stop()
    assert list(second.Party("/party")) == []
    assert waiter.acquire(timeout=DEADLINE)
