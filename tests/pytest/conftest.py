"""Fixtures: servers, mounts, and their logs when a test fails.

A test that names `server` or `new_server` runs twice, on zkfsd and on Apache (-k zkfsd or
-k apache chooses); Apache is the oracle that the expectation is right. `new_zkfsd` is for
what only zkfsd promises.
"""
import itertools
import os
import signal
from contextlib import contextmanager

import pytest

from harness import zkproc
from harness.mounts import Mounts

LOG_TAIL = 6000

# In the background of a script SIGINT is ignored, and every process that a test starts would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", params=["zkfsd", "apache"])
def kind(request):
    return request.param


@contextmanager
def factory(tmp_path_factory, default_kind):
    """Gives a maker of started servers; all are ended when the block ends."""
    servers = []

    def make(kind=default_kind, start=True, **config):
        directory = tmp_path_factory.mktemp(kind)
        server = zkproc.SERVERS[kind](directory, **config)
        servers.append(server)
        return server.start() if start else server

    make.servers = servers
    try:
        yield make
    finally:
        end_all(servers)


def end_all(things):
    """Closes all of them, also when closing one fails; the first failure is told."""
    errors = []
    for thing in reversed(things):
        try:
            thing.close()
        except BaseException as error:  # noqa: even an interrupt may not leave orphans
            errors.append(error)
    things.clear()
    if errors:
        raise errors[0]


def pytest_collection_modifyitems(config, items):
    """With sanitizers only what they watch is worth the time: not Apache.

    Apache has races of its own, which are not ours to mend: a case that fails on it has two more
    tries (pytest says "rerun"). On zkfsd every failure counts."""
    oracle = [item for item in items
              if getattr(item, "callspec", None) and item.callspec.params.get("kind") == "apache"]
    if zkproc.SANITIZED:
        config.hook.pytest_deselected(items=oracle)
        items[:] = [item for item in items if item not in oracle]
        return
    for item in oracle:
        item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="module")
def shared_server(kind, tmp_path_factory):
    with factory(tmp_path_factory, kind) as make:
        yield make()


@pytest.fixture
def server(shared_server):
    """One server for the tests of a module; each uses paths of its own (see `path`)."""
    yield shared_server
    shared_server.close_clients()


@pytest.fixture
def new_server(kind, tmp_path_factory):
    """Makes servers of this test's own: new_server(tickTime="200")."""
    with factory(tmp_path_factory, kind) as make:
        yield make


@pytest.fixture
def new_zkfsd(tmp_path_factory):
    """Makes zkfsd servers of this test's own; start=False leaves them to be started."""
    with factory(tmp_path_factory, "zkfsd") as make:
        yield make


PATHS = itertools.count()


@pytest.fixture
def path():
    """A znode name that no other test uses."""
    return f"/t{os.getpid()}-{next(PATHS)}"


@pytest.fixture
def mounts(tmp_path):
    """Makes mounts: mounts(server, "ro"). All are unmounted at the end."""
    made = Mounts(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows the end of the logs of the servers and mounts that a failed test used."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    seen = {}
    for value in getattr(item, "funcargs", {}).values():
        for thing in (value, *getattr(value, "servers", ())):
            for log in getattr(thing, "logs", (getattr(thing, "log_path", None),)):
                if log is not None and os.path.exists(log):
                    seen[str(log)] = None
    for log in seen:
        with open(log, encoding="utf-8", errors="replace") as file:
            report.sections.append((log, file.read()[-LOG_TAIL:]))
