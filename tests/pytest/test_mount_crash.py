"""The mount while its server is killed again and again: what a script was told is so."""
import errno
import multiprocessing
import os
import random
from types import SimpleNamespace

import pytest

from harness.awaiting import eventually

pytestmark = pytest.mark.sanitized


FORK = multiprocessing.get_context("fork")


class Script:
    """Creates files exclusively, rewrites one, deletes some; remembers what it was told.

    A process of its own: were its open files ours as well, then to start the server, whose
    process closes what it inherits, would wait for the mount, which waits for the server."""

    def __init__(self, top, name):
        self.top, self.name = top, name
        self.steps = FORK.Value("i", 0)
        self.done = FORK.Event()
        self.result, told = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=self.run, args=(told,), daemon=True)
        self.process.start()

    def run(self, told):
        self.made, self.gone, self.unknown = {}, set(), set()
        self.value = self.tried = 0
        while not self.done.is_set():
            self.steps.value += 1
            step = f"{self.name}-{self.steps.value}"
            self.attempt(self.create, step)
            self.attempt(self.rewrite, self.name)
            if self.steps.value % 3 == 0:
                self.attempt(self.delete, step)
        told.send((self.made, self.gone, self.unknown, self.value, self.tried))

    def end(self):
        """Stops it and gives what it was told."""
        self.done.set()
        assert self.result.poll(120), "the script does not end"
        made, gone, unknown, value, tried = self.result.recv()
        self.process.join(60)
        return SimpleNamespace(name=self.name, steps=self.steps.value, made=made, gone=gone,
                               unknown=unknown, value=value, tried=tried)

    def attempt(self, action, name):
        try:
            action(self.top / name, name)
        except OSError as error:
            # Only "outcome unknown" may be told, never that somebody else was there first.
            assert error.errno == errno.EIO, f"{action.__name__} {name}: {error}"
            self.unknown.add(name)

    def create(self, file, name):
        self.made[name] = None
        fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            os.write(fd, name.encode())
            self.made[name] = name.encode()
        finally:
            os.close(fd)

    def rewrite(self, file, _):
        self.tried += 1
        fd = os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        try:
            os.write(fd, b"%d\n" % self.tried)
            self.value = self.tried
        finally:
            os.close(fd)

    def delete(self, file, name):
        del self.made[name]
        self.gone.add(name)
        os.unlink(file)


def check(top, script):
    """Everything that was told is so; of what is unknown, anything may be."""
    assert script.value <= int((top / script.name).read_text()) <= script.tried
    present = set(os.listdir(top))
    for name, content in script.made.items():
        if name not in script.unknown:
            assert name in present, f"{name} is lost"
            assert (top / name).read_bytes() == content
    assert not (script.gone - script.unknown) & present
    assert len(script.unknown) < script.steps / 4


def test_what_scripts_were_told_survives_kill_9_of_the_server(new_server, mounts):
    server = new_server()
    chance = random.Random(42)
    top = mounts(server).path
    scripts = [Script(top, f"s{i}") for i in range(3)]
    for _ in range(8 if server.kind == "zkfsd" else 2):
        goal = [script.steps.value + chance.randrange(3, 40) for script in scripts]
        eventually(lambda: all(s.steps.value >= g or not s.process.is_alive()
                               for s, g in zip(scripts, goal)), "the scripts get on", deadline=120)
        server.kill9()
        server.start()
    for script in scripts:
        check(top, script.end())
