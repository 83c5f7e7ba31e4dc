"""kazoo's recipes (2.8, Debian's), each with clients that get in each other's way.

The servers are only asked for what the recipes are built of: sequences, ephemerals, one-shot
watches, versions, multis, in the order that a connection promises."""
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from kazoo.exceptions import CancelledError, LockTimeout
from kazoo.recipe.cache import TreeCache
from kazoo.recipe.partitioner import SetPartitioner
from kazoo.recipe.watchers import PatientChildrenWatch

from harness.awaiting import eventually

DEADLINE = 60
STUBBORN = {"max_tries": -1, "delay": 0.01, "max_delay": 0.1}  # by default: once again


def clients_of(server, count):
    return [server.client(command_retry=STUBBORN) for _ in range(count)]


@pytest.fixture
def three(server):
    return clients_of(server, 3)


def together(function, *arguments):
    """Calls FUNCTION with each of the tuples at the same time; gives the results in order."""
    with ThreadPoolExecutor(len(arguments)) as pool:
        calls = [pool.submit(function, *each) for each in arguments]
        return [call.result(DEADLINE) for call in calls]


class Room:
    """Counts who is inside."""

    def __init__(self):
        self.lock = threading.Lock()
        self.inside, self.most, self.visits = [], 0, []

    def enter(self, name):
        with self.lock:
            self.inside.append(name)
            self.visits.append(name)
            self.most = max(self.most, len(self.inside))

    def leave(self, name):
        with self.lock:
            self.inside.remove(name)


def pause():
    threading.Event().wait(0.002)  # long enough for others to come in, if they could


def visit(room, guard, name, times=5, stay=pause):
    for _ in range(times):
        with guard:
            room.enter(name)
            stay()
            room.leave(name)


# Locks

def test_a_lock_lets_one_in(three, path):
    room = Room()
    together(visit, *[(room, zk.Lock(path, f"c{i}"), f"c{i}") for i, zk in enumerate(three)])
    assert (room.most, len(room.visits)) == (1, 15)
    assert three[0].get_children(path) == []


def test_a_lock_is_given_in_the_order_of_asking(three, path):
    first = three[0].Lock(path, "first")
    first.acquire()
    order, threads = [], []

    def wait_for(lock, name):
        with lock:
            order.append(name)

    for i in range(5):
        thread = threading.Thread(target=wait_for, args=(three[i % 3].Lock(path, str(i)), i))
        thread.start()
        threads.append(thread)
        eventually(lambda count=i + 2: len(three[0].get_children(path)) == count, "it waits")
    assert first.contenders() == ["first", "0", "1", "2", "3", "4"]
    first.release()
    for thread in threads:
        thread.join(DEADLINE)
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_up_waiting_leaves_nothing_behind(three, path):
    with three[0].Lock(path):
        with pytest.raises(LockTimeout):
            three[1].Lock(path).acquire(timeout=0.1)
        cancelled = three[2].Lock(path)
        pool = ThreadPoolExecutor(1)
        call = pool.submit(cancelled.acquire)
        eventually(lambda: len(three[0].get_children(path)) == 2, "it waits")
        cancelled.cancel()
        assert isinstance(call.exception(DEADLINE), CancelledError)
        pool.shutdown()
        assert len(three[0].get_children(path)) == 1
    assert three[1].Lock(path).acquire(timeout=DEADLINE)


def test_readers_share_and_a_writer_is_alone(three, path):
    # kazoo 2.8: a ReadLock waits for every writer in line, also for one behind it, which waits for
    # the reader in turn. So the readers and the writers each have their hour.
    readers, writers = Room(), Room()
    all_in = threading.Barrier(3)
    for _ in range(2):
        together(visit, *[(readers, zk.ReadLock(path), f"r{i}", 1, lambda: all_in.wait(DEADLINE))
                          for i, zk in enumerate(three)])
        together(visit, *[(writers, zk.WriteLock(path), f"w{i}", 3) for i, zk in enumerate(three)])
    assert (readers.most, writers.most, len(writers.visits)) == (3, 1, 18)


def test_a_writer_waits_for_the_last_reader_and_a_reader_for_the_writer(three, path):
    readers = [zk.ReadLock(path) for zk in three[:2]]
    assert all(lock.acquire() for lock in readers)
    writer = three[2].WriteLock(path)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(writer.acquire)
        eventually(lambda: len(three[0].get_children(path)) == 3, "the writer waits")
        readers[0].release()
        assert not written.done()
        readers[1].release()
        assert written.result(DEADLINE)
        read = pool.submit(readers[0].acquire)
        eventually(lambda: len(three[0].get_children(path)) == 2, "the reader waits")
        assert not read.done()
        writer.release()
        assert read.result(DEADLINE)


def test_a_semaphore_lets_so_many_in(server, path):
    room, in_pairs = Room(), threading.Barrier(2)
    clients = clients_of(server, 6)
    together(visit, *[(room, zk.Semaphore(path, f"c{i}", max_leases=2), f"c{i}", 1,
                       lambda: in_pairs.wait(DEADLINE)) for i, zk in enumerate(clients)])
    assert (room.most, len(room.visits)) == (2, 6)
    with pytest.raises(ValueError):
        clients[0].Semaphore(path, max_leases=3).acquire()


def test_the_lease_of_a_semaphore_ends_with_its_session(server, three, path):
    holder = server.client()
    assert holder.Semaphore(path, "gone", max_leases=1).acquire()
    waiter = three[0].Semaphore(path, "next", max_leases=1)
    assert not waiter.acquire(blocking=False)
    assert waiter.lease_holders() == ["gone"]
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(waiter.acquire)
        holder.stop()
        assert call.result(DEADLINE)
    assert waiter.lease_holders() == ["next"]


def test_a_lease_is_for_one_until_it_is_over(three, path):
    hour, past = timedelta(hours=1), timedelta(seconds=-1)
    mine = lambda zk, name, duration=hour: bool(zk.NonBlockingLease(path, duration, name))
    assert together(mine, *[(zk, f"c{i}") for i, zk in enumerate(three)]).count(True) == 1
    holder, = [i for i in range(3) if mine(three[i], f"c{i}")]  # the same one may renew
    assert mine(three[holder], f"c{holder}", past)
    assert mine(three[holder - 1], "another")


# Barriers

def test_a_barrier_holds_all_until_it_is_gone(three, path):
    barrier = three[0].Barrier(path)
    barrier.create()
    assert three[1].Barrier(path).wait(0.1) is False
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(zk.Barrier(path).wait, DEADLINE) for zk in three]
        assert barrier.remove() and not barrier.remove()
        assert [call.result(DEADLINE) for call in waiting] == [True] * 3


def test_a_double_barrier_opens_when_all_are_there_and_when_all_have_left(three, path):
    # kazoo 2.8: who leaves at once takes the sign that all are there away from those who have not
    # looked yet, and these wait for ever. So nobody leaves before all are in.
    entered, events, lock = threading.Barrier(3), [], threading.Lock()

    def note(what):
        with lock:
            events.append(what)

    def member(zk, name):
        barrier = zk.DoubleBarrier(path, 3, name)
        note("comes")
        barrier.enter()
        note("is in")
        entered.wait(DEADLINE)
        note("goes")
        barrier.leave()
        note("is out")

    together(member, *[(zk, f"m{i}") for i, zk in enumerate(three)])
    assert events == ["comes"] * 3 + ["is in"] * 3 + ["goes"] * 3 + ["is out"] * 3
    assert three[0].get_children(path) == []


# Queues and counters

def drain(queue, goal, got):
    while len(got) < goal:
        value = queue.get()
        if value is not None:
            got.append(value)


def test_a_queue_gives_each_entry_once_and_urgent_ones_first(three, path):
    queue = three[0].Queue(path)
    queue.put(b"later", priority=500)
    queue.put(b"now", priority=1)
    queue.put(b"soon")
    assert [queue.get() for _ in range(4)] == [b"now", b"soon", b"later", None]

    def fill(zk, name):
        for i in range(10):
            zk.Queue(path).put(f"{name}-{i}".encode())

    got = []
    together(lambda work, *arguments: work(*arguments),
             *[(fill, zk, i) for i, zk in enumerate(three)],
             *[(drain, zk.Queue(path), 30, got) for zk in three])
    assert sorted(got) == sorted(f"{i}-{n}".encode() for i in range(3) for n in range(10))
    assert len(queue) == 0


def test_a_locking_queue_gives_an_entry_to_one_who_may_give_it_back(three, path):
    one, two = three[0].LockingQueue(path), three[1].LockingQueue(path)
    one.put_all([b"a", b"b"])
    assert one.get(DEADLINE) == one.get(DEADLINE) == b"a"
    assert two.get(DEADLINE) == b"b"
    assert one.holds_lock() and two.holds_lock()
    assert one.release() and two.consume()
    assert two.get(DEADLINE) == b"a"
    assert len(two) == 1
    assert two.consume() and not two.consume()
    assert one.get(0.1) is None


def test_consumers_of_a_locking_queue_do_all_the_work_once(three, path):
    three[0].LockingQueue(path).put_all([b"%02d" % i for i in range(18)])
    done = []

    def consume(zk):
        queue = zk.LockingQueue(path)
        for _ in range(6):
            value = queue.get(DEADLINE)
            assert queue.consume()
            done.append(value)

    together(consume, *[(zk,) for zk in three])
    assert sorted(done) == [b"%02d" % i for i in range(18)]


def test_what_a_consumer_had_when_it_died_goes_to_another(server, three, path):
    dying, living = server.client().LockingQueue(path), three[0].LockingQueue(path)
    living.put(b"work")
    assert dying.get(DEADLINE) == b"work"
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(living.get, DEADLINE)
        dying.client.stop()
        assert call.result(DEADLINE) == b"work"


@pytest.mark.parametrize("options, step", [({}, 1), ({"default": 0.0}, 0.5),
                                           ({"support_curator": True}, 1)])
def test_a_counter_counts_everybody(three, path, options, step):
    def count(zk):
        counter = zk.Counter(path, **options)
        for _ in range(10):
            counter += step
            assert counter.post_value == counter.pre_value + step

    together(count, *[(zk,) for zk in three])
    assert three[0].Counter(path, **options).value == 30 * step


# Elections and parties

def test_each_candidate_of_an_election_leads_once_and_alone(three, path):
    room = Room()

    def lead(name):
        room.enter(name)
        room.leave(name)

    together(lambda zk, name: zk.Election(path, name).run(lead, name),
             *[(zk, f"c{i}") for i, zk in enumerate(three)])
    assert (room.most, sorted(room.visits)) == (1, ["c0", "c1", "c2"])


def test_a_candidate_may_withdraw(three, path):
    leading, leave = threading.Event(), threading.Event()

    def lead():
        leading.set()
        leave.wait(DEADLINE)

    withdrawn = three[1].Election(path, "withdrawn")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(three[0].Election(path, "first").run, lead)
        assert leading.wait(DEADLINE)
        second = pool.submit(withdrawn.run, lambda: pytest.fail("it leads"))
        eventually(lambda: withdrawn.contenders() == ["first", "withdrawn"], "it stands")
        withdrawn.cancel()
        second.result(DEADLINE)
        leave.set()
        first.result(DEADLINE)


@pytest.mark.parametrize("kind_of_party", ["Party", "ShallowParty"])
def test_a_party_knows_who_is_there(server, three, path, kind_of_party):
    parties = [getattr(zk, kind_of_party)(path, f"m{i}") for i, zk in enumerate(three)]
    together(lambda party: party.join(), *[(party,) for party in parties])
    assert sorted(parties[0]) == ["m0", "m1", "m2"] and len(parties[1]) == 3
    parties[1].leave()
    assert sorted(parties[2]) == ["m0", "m2"]
    leaver = server.client()
    getattr(leaver, kind_of_party)(path, "brief").join()
    assert len(parties[0]) == 3
    leaver.stop()
    assert sorted(parties[0]) == ["m0", "m2"]


def test_a_set_is_partitioned_among_those_present(three, path):
    everything = list("abcdef")
    parts = [SetPartitioner(zk, path, everything, identifier=f"p{i}", time_boundary=0.2,
                            max_reaction_time=0.2) for i, zk in enumerate(three)]

    def shares(members):
        """What the MEMBERS have when each has its share; they do what their states ask for."""
        for part in members:
            assert not part.failed
            if part.release:
                part.release_set()
        if not all(part.acquired for part in members):
            return None
        return [sorted(part) for part in members]

    def settled(members, size):
        return eventually(lambda: (found := shares(members)) and
                          all(len(share) == size for share in found) and found, "all have a share")

    assert sorted(sum(settled(parts, 2), [])) == everything
    parts[0].finish()
    assert sorted(sum(settled(parts[1:], 3), [])) == everything
    for part in parts[1:]:
        part.finish()


# Watchers

def test_a_patient_watch_tells_when_the_children_have_settled(three, path):
    zk = three[0]
    zk.create(path)
    settled = PatientChildrenWatch(zk, path, time_boundary=0.3).start()
    names = [f"{i}" for i in range(5)]
    for name in names:
        three[1].create(f"{path}/{name}")
    children, changed = settled.get(timeout=DEADLINE)
    if sorted(children) == names:  # else the machine paused for longer than the boundary
        assert not changed.ready()
        three[1].create(path + "/late")
    assert changed.get(timeout=DEADLINE)


def tree_of(zk, path):
    """{path: (data, names of children)} on the server."""
    children = zk.get_children(path)
    tree = {path: (zk.get(path)[0], frozenset(children))}
    for name in children:
        tree.update(tree_of(zk, f"{path}/{name}"))
    return tree


def cached(cache, path):
    """The same, as CACHE has it; what is not there yet is None."""
    node, names = cache.get_data(path), cache.get_children(path, frozenset())
    tree = {path: (node and node.data, names)}
    for name in names:
        tree.update(cached(cache, f"{path}/{name}"))
    return tree


def grow(zk, path, name):
    for i in range(6):
        top = f"{path}/{name}{i}"
        zk.create(top, b"0")
        zk.create(top + "/child", b"x")
        zk.set(top, b"1")
        zk.set(top + "/child", b"y")
        if i % 2:
            zk.delete(top, recursive=True)


def mzxid_in(cache, path):
    node = cache.get_data(path)
    return node and node.stat.mzxid


def settle(zk, caches, path):
    """Writes each znode below PATH once more and awaits that in CACHES, then all of it. kazoo's cache
    asks in several threads and links to an answer after it has asked: of two answers that are under way
    the older can be the last that it takes. So here only one is, and whatever watches must still do so."""
    for below in tree_of(zk, path):
        mzxid = zk.set(below, zk.get(below)[0]).mzxid
        for cache in caches:
            eventually(lambda: mzxid_in(cache, below) == mzxid, f"{below} is seen again")
    expected = tree_of(zk, path)
    for cache in caches:
        eventually(lambda c=cache: cached(c, path) == expected, "the cache has it all")
    return expected


def test_a_tree_cache_ends_up_with_what_is_there(three, path):
    caches = [TreeCache(zk, path) for zk in three]
    for cache in caches:
        cache.start()
    together(grow, *[(zk, path, f"t{i}-") for i, zk in enumerate(three)])
    assert len(settle(three[0], caches, path)) == 1 + 3 * 3 * 2
    for cache in caches:
        cache.close()
