"""Quotas: two plain znodes make one, the server keeps the figures, hard limits refuse."""
import itertools

import pytest

from conftest import factory
from harness import wire
from harness.wire import BADVERSION, NOAUTH, NODEEXISTS, NONODE, OK, QUOTAEXCEEDED

QUOTA = "/zookeeper/quota"
HARD = b"count=-1,bytes=-1=;byteHardLimit=%d;countHardLimit=%d"


@pytest.fixture
def raw(server):
    return server.session()


@pytest.fixture(scope="module")
def enforcing_server(kind, tmp_path_factory):
    with factory(tmp_path_factory, kind) as make:
        yield make(enforceQuota="true")


@pytest.fixture
def strict(enforcing_server):
    """A session with a server that keeps hard limits."""
    yield enforcing_server.session()
    enforcing_server.close_clients()


def make_limits(raw, path, limits=b"count=-1,bytes=-1"):
    """The parents of a quota on PATH that are missing, and its limits."""
    for parent in itertools.accumulate(path.split("/")[1:], lambda a, b: f"{a}/{b}"):
        assert raw.create(f"{QUOTA}/{parent}").err in (OK, NODEEXISTS)
    raw.made(f"{QUOTA}{path}/zookeeper_limits", limits)


def make_quota(raw, path, limits=b"count=-1,bytes=-1"):
    make_limits(raw, path, limits)
    raw.made(f"{QUOTA}{path}/zookeeper_stats", b"count=0,bytes=0")


def used(raw, path):
    return raw.data(f"{QUOTA}{path}/zookeeper_stats").decode()


@pytest.mark.sanitized
def test_the_figures_follow_creates_deletes_and_new_data(raw, path):
    raw.made(path, b"1")
    raw.made(path + "/old", b"22")
    raw.made(path + "-other", b"not below")
    make_quota(raw, path)
    assert used(raw, path) == "count=2,bytes=3"
    raw.made(path + "/new", b"333")
    raw.made(path + "/new/deep", None)
    assert used(raw, path) == "count=4,bytes=6"
    raw.set_data(path, b"4444")
    raw.set_data(path + "/old", None)
    assert used(raw, path) == "count=4,bytes=7"
    raw.delete(path + "/new/deep")
    raw.delete(path + "/new")
    assert used(raw, path) == "count=2,bytes=4"
    assert raw.create(path + "/new", b"x", flags=7).err != OK
    assert raw.delete(path).err != OK
    assert used(raw, path) == "count=2,bytes=4"


def test_the_subtree_may_come_after_its_quota(raw, path):
    make_quota(raw, path)
    assert used(raw, path) == "count=0,bytes=0"
    raw.made(path, b"1")
    raw.made(path + "/a", b"22")
    assert used(raw, path) == "count=2,bytes=3"


def test_multis_containers_and_the_ephemerals_of_a_session_count(server, raw, path):
    raw.made(path)
    make_quota(raw, path)
    other = server.session()
    other.made(path + "/e", b"1", flags=wire.EPHEMERAL)
    other.create_container(path + "/c", b"22")
    multi = server.client().transaction()
    multi.create(path + "/m1", b"333")
    multi.create(path + "/m2", b"4444")
    multi.delete(path + "/m1")
    multi.set_data(path + "/m2", b"")
    multi.commit()
    assert used(raw, path) == "count=4,bytes=3"
    other.close_session()
    assert used(raw, path) == "count=3,bytes=2"


def test_a_failed_multi_changes_no_figure(server, raw, path):
    raw.made(path)
    make_quota(raw, path)
    multi = server.client().transaction()
    multi.create(path + "/a", b"1")
    multi.check(path, 7)
    multi.commit()
    assert used(raw, path) == "count=1,bytes=0"


@pytest.mark.sanitized
def test_only_the_nearest_of_nested_quotas_counts(raw, path):
    raw.made(path)
    raw.made(path + "/sub", b"1")
    make_quota(raw, path)
    make_quota(raw, path + "/sub")
    assert (used(raw, path), used(raw, path + "/sub")) == ("count=2,bytes=1", "count=1,bytes=1")
    raw.made(path + "/sub/a", b"22")
    raw.made(path + "/subway", b"333")
    assert (used(raw, path), used(raw, path + "/sub")) == ("count=3,bytes=4", "count=2,bytes=3")
    raw.delete(f"{QUOTA}{path}/sub/zookeeper_limits")
    raw.made(path + "/sub/b", b"4444")
    assert (used(raw, path), used(raw, path + "/sub")) == ("count=4,bytes=8", "count=2,bytes=3")


def test_a_quota_ends_with_its_limits_and_new_stats_have_it_all(raw, path):
    raw.made(path)
    make_quota(raw, path)
    raw.delete(f"{QUOTA}{path}/zookeeper_limits")
    raw.made(path + "/a", b"1")
    assert used(raw, path) == "count=1,bytes=0"
    raw.delete(f"{QUOTA}{path}/zookeeper_stats")
    raw.made(f"{QUOTA}{path}/zookeeper_stats", b"what a client writes")
    assert used(raw, path) == "count=2,bytes=1"


def test_stats_without_limits_are_counted_once(raw, path):
    raw.made(path, b"1")
    assert raw.create(f"{QUOTA}{path}").err == OK
    raw.made(f"{QUOTA}{path}/zookeeper_stats")
    raw.made(path + "/a", b"22")
    assert used(raw, path) == "count=1,bytes=1"
    raw.made(f"{QUOTA}{path}/zookeeper_limits", b"count=9,bytes=9")
    raw.made(path + "/b", b"333")
    assert used(raw, path) == "count=2,bytes=4"


def test_new_figures_leave_no_trace_but_the_text(raw, path):
    raw.made(path)
    make_quota(raw, path)
    stats = f"{QUOTA}{path}/zookeeper_stats"
    before = raw.stat(stats)
    raw.get_data(stats, watch=True)
    raw.get_children(f"{QUOTA}{path}", watch=True)
    raw.made(path + "/a", b"0123456789")
    raw.no_event()
    assert raw.stat(stats) == before._replace(dataLength=before.dataLength + 1)


def test_stats_that_a_client_writes_are_gone_on_from(raw, path):
    raw.made(path)
    make_quota(raw, path)
    raw.set_data(f"{QUOTA}{path}/zookeeper_stats", b"count=100,bytes=1000")
    raw.made(path + "/a", b"1")
    assert used(raw, path) == "count=101,bytes=1001"


def test_a_soft_limit_refuses_nothing(strict, path):
    strict.made(path)
    make_quota(strict, path, b"count=1,bytes=1")
    assert strict.create(path + "/a", b"over both").err == OK


def test_a_hard_limit_that_is_not_enforced_refuses_nothing(raw, path):
    raw.made(path)
    make_quota(raw, path, HARD % (1, 1))
    assert raw.create(path + "/a", b"over both").err == OK


@pytest.mark.sanitized
def test_a_hard_limit_refuses_what_goes_over_it(strict, path):
    strict.made(path, b"1")
    make_quota(strict, path, HARD % (10, 3))
    assert strict.create(path + "/a", b"0123456789").err == QUOTAEXCEEDED
    assert strict.create(path + "/a", b"012345678").err == OK
    assert strict.set_data(path, b"22").err == QUOTAEXCEEDED
    assert strict.set_data(path, b"2").err == OK
    assert strict.create(path + "/b").err == OK
    assert strict.create(path + "/c").err == QUOTAEXCEEDED
    assert used(strict, path) == "count=3,bytes=10"
    assert strict.delete(path + "/b").err == OK
    assert strict.create(path + "/c", flags=wire.SEQUENTIAL).err == OK


def test_a_hard_limit_beats_a_soft_one_and_may_be_changed(strict, path):
    strict.made(path)
    make_quota(strict, path, b"count=1,bytes=1=;byteHardLimit=4;countHardLimit=2")
    assert strict.create(path + "/a", b"4444").err == OK
    assert strict.create(path + "/b").err == QUOTAEXCEEDED
    strict.set_data(f"{QUOTA}{path}/zookeeper_limits", b"countHardLimit=3")
    assert strict.create(path + "/b", b"any size").err == OK
    assert strict.create(path + "/c").err == QUOTAEXCEEDED
    strict.delete(f"{QUOTA}{path}/zookeeper_limits")
    assert strict.create(path + "/c").err == OK


def test_a_quota_is_asked_before_the_version_and_after_all_else(strict, path):
    strict.made(path, b"1")
    make_quota(strict, path, HARD % (1, 1))
    assert strict.set_data(path, b"22", version=7).err == QUOTAEXCEEDED
    assert strict.set_data(path, b"2", version=7).err == BADVERSION
    assert strict.set_data(path + "/no", b"22").err == NONODE
    assert strict.create(path, b"22").err == NODEEXISTS
    assert strict.create(path + "/no/no", b"22").err == NONODE
    assert strict.set_acl(path, ((wire.READ | wire.ADMIN, "world", "anyone"),)).err == OK
    assert strict.set_data(path, b"22").err == NOAUTH
    assert strict.create(path + "/a", b"22").err == NOAUTH


def test_who_is_over_a_limit_may_delete_and_keep_the_size(strict, path):
    strict.made(path, b"12345")
    strict.made(path + "/a", b"12345")
    make_quota(strict, path, HARD % (4, 1))
    assert strict.set_data(path, b"54321").err == OK
    assert strict.set_data(path, b"1").err == QUOTAEXCEEDED  # 6 bytes are still too many
    assert strict.delete(path + "/a").err == OK
    assert strict.set_data(path, b"1").err == OK


def test_figures_survive_restarts_with_and_without_a_snapshot(new_server):
    server = new_server(enforceQuota="true", snapCount="20")
    raw = server.session()
    raw.made("/q", b"1")
    make_quota(raw, "/q", HARD % (100, 40))
    for i in range(30):
        raw.made(f"/q/{i}", b"1")
    raw.delete("/q/7")
    assert used(raw, "/q") == "count=30,bytes=30"
    for stop in (server.stop, server.kill9):
        server.close_clients()
        stop()
        server.start()
        raw = server.session()
        assert used(raw, "/q") == "count=30,bytes=30"
        raw.made("/q/more", b"22")
        assert used(raw, "/q") == "count=31,bytes=32"
        assert raw.create("/q/big", b"x" * 69).err == QUOTAEXCEEDED
        raw.delete("/q/more")
