"""Mounts as processes.

A Mount runs mount.zkfs in the foreground, so that its end is seen; Mounts keeps track of
all of a test and unmounts them, also those whose daemon is dead.
"""
import ctypes
import signal
import subprocess
from pathlib import Path

from .awaiting import eventually
from .zkproc import BUILD, SANITIZED, SANITIZER_REPORT, START_DEADLINE, Process, StartFailed

BINARY = BUILD / "mount.zkfs"
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


def is_mounted(directory):
    """Whether something is mounted there; never touches the mount itself, it may hang."""
    target = str(directory).replace(" ", "\\040")
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return any(line.split()[4] == target for line in mounts)


def detach(directory):
    """Lazy unmount: it works when the daemon is dead or hangs."""
    LIBC.umount2(str(directory).encode(), MNT_DETACH)


class Mount:
    def __init__(self, source, directory, options, log):
        self.path = Path(directory)
        self.log_path = log
        argv = [BINARY, source, directory, "-f"]
        if options:
            argv += ["-o", options]
        assert BINARY.exists(), f"{BINARY} is missing: run make"
        self.process = Process(argv, log)
        try:
            self.await_mounted()
        except BaseException:
            self.close()
            raise

    def await_mounted(self):
        def state():
            return is_mounted(self.path) or not self.process.running()

        eventually(state, f"{self.path} is mounted", START_DEADLINE)
        if not self.process.running():
            raise StartFailed(self.process.popen.returncode, self.log_text())

    def __truediv__(self, name):
        return self.path / name

    def log_text(self):
        return self.process.log_text()

    def unmount(self):
        """umount(8), as a user would; gives the exit status of the daemon."""
        subprocess.run(["umount", self.path], check=True)
        return self.process.popen.wait(START_DEADLINE)

    def terminate(self):
        return self.process.end(signal.SIGTERM)

    def close(self):
        if is_mounted(self.path):
            detach(self.path)
        if self.process.running():
            self.process.end(signal.SIGTERM if SANITIZED else signal.SIGKILL)
        found = SANITIZER_REPORT.search(self.log_text())
        assert not found, f"sanitizer report in {self.log_path}: {self.log_text()}"


class Mounts:
    """Makes mounts below one directory and ends them all."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.mounts = []
        self.directories = []

    @property
    def logs(self):
        return [mount.log_path for mount in self.mounts]

    def new_directory(self):
        """An empty mount point; whatever will be mounted there is unmounted at the end."""
        directory = self.directory / f"mnt{len(self.directories)}"
        directory.mkdir()
        self.directories.append(directory)
        return directory

    def __call__(self, server, options="", chroot=""):
        directory = self.new_directory()
        mount = Mount(server.hosts + chroot, directory, options,
                      self.directory / f"{directory.name}.log")
        self.mounts.append(mount)
        return mount

    def close(self):
        try:
            for mount in self.mounts:
                mount.close()
        finally:
            for directory in self.directories:
                while is_mounted(directory):
                    detach(directory)
