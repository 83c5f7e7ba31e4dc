"""The figures of mntr, on which dashboards and alarms are built: names and meanings are Apache's.

tests/vectors/mntr_absent.json says which of Apache's keys zkfsd does not have, and why."""
import json
import re
from pathlib import Path

import pytest

from harness.zkproc import SANITIZED

ABSENT = Path(__file__).parents[1] / "vectors" / "mntr_absent.json"

SUMMARY = "avg min max cnt sum".split()
HISTOGRAM = SUMMARY + "p50 p95 p99 p999".split()


def family(key):
    """zk_p99_readlatency and its kin are readlatency, one namespace's figures all namespaces'."""
    name = re.sub(rf"^zk_(({'|'.join(HISTOGRAM)})_)?", "", key)
    return re.sub(r"^.+(_(read|write)_per_namespace)$", r"*\1", name)


def used(make, kind="zkfsd"):
    """A server that has done a little of everything."""
    server = make(kind)
    writer, watcher = server.session(), server.session()
    for i in range(20):
        writer.made(f"/n{i}")
        watcher.get_data(f"/n{i}", watch=True)
        watcher.get_children(f"/n{i}", watch=True)
    for i in range(20):
        writer.made(f"/n{i}/x")
        writer.set_data(f"/n{i}", b"new")
        watcher.exists(f"/n{i}", watch=True)
        writer.delete(f"/n{i}/x")
        writer.delete(f"/n{i}")
    watcher.ping()
    return server


@pytest.mark.sanitized
def test_every_key_of_apaches_is_there_or_excused(new_zkfsd):
    excused = {key for group in json.loads(ABSENT.read_text()) for key in group["keys"]}
    ours = used(new_zkfsd).mntr()
    assert not excused & {family(key) for key in ours}, "these are there: no excuse is needed"
    if SANITIZED:
        return
    apaches = used(new_zkfsd, "apache").mntr()
    assert set(ours) <= set(apaches)
    assert {family(key) for key in set(apaches) - set(ours)} == excused


@pytest.mark.sanitized
def test_what_is_counted(new_server, kind):
    values = used(new_server, kind).mntr()
    counts = {"updatelatency": 102, "readlatency": 61, "propagation_latency": 102,
              "fsynctime": 102, "sync_processor_batch_size": 102, "dbinittime": 1,
              "node_changed_watch_count": 20, "node_children_watch_count": 20,
              "node_deleted_watch_count": 20, "node_created_watch_count": 0}
    for name, count in counts.items():
        assert int(values[f"zk_cnt_{name}"]) == count, name
    assert values["zk_max_node_changed_watch_count"] == "1"
    assert values["zk_watch_bytes"] == "1890"
    for name in "updatelatency", "readlatency", "propagation_latency":
        numbers = [int(values[f"zk_{what}_{name}"]) for what in "min p50 p95 p99 p999 max".split()]
        assert numbers == sorted(numbers), name


def test_srst_forgets_what_was_counted(new_server, kind):
    server = used(new_server, kind)
    raw = server.raw()
    raw.connect(session_id=(other := server.session().session).session_id, password=other.password)
    assert server.mntr()["zk_connection_revalidate_count"] == "1"
    server.ask("srst")
    values = server.mntr()
    for name in ("cnt_readlatency", "p99_updatelatency", "cnt_propagation_latency",
                 "cnt_node_changed_watch_count", "watch_bytes", "connection_request_count",
                 "connection_revalidate_count"):
        assert values["zk_" + name] == "0", name
    assert int(values["zk_znode_count"]) > 0
    assert values["zk_global_sessions"] == "3"
