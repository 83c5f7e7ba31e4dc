"""Servers as processes: zkfsd and Apache ZooKeeper behind one interface.

A Server is made with a data directory of its own and a free port, which it keeps over
restarts. Deadlines are for a machine that does much else: they cost nothing when all is well.
Whatever is started is ended by close(); should the tests themselves be killed,
the kernel ends it (setpriv --pdeathsig). Output goes to a file, which conftest.py shows
when a test fails.
"""
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from kazoo.client import KazooClient

from .rawclient import SESSION_MS, RawClient, four_letters

ROOT = Path(__file__).resolve().parents[3]
# ZKFS_BUILD says which programs to test: build, or build/san-address,undefined.
BUILD = Path(ROOT, os.environ.get("ZKFS_BUILD", "build"))
SANITIZED = BUILD.name.startswith("san-")
START_DEADLINE = 120.0
STOP_DEADLINE = 60.0

# Ticks are short, so that sessions expire soon where a test waits for that.
DEFAULTS = {"tickTime": "500", "maxSessionTimeout": "60000", "4lw.commands.whitelist": "*"}

SANITIZER_REPORT = re.compile(r"ERROR: \w*Sanitizer|runtime error:|WARNING: ThreadSanitizer")

WITH_UNDERSCORES = ("connection_throttle_", "request_", "throttled_op_")


class StartFailed(Exception):
    """The process ended instead of getting ready."""

    def __init__(self, status, log):
        super().__init__(f"exit status {status}\n{log}")
        self.status, self.log = status, log


class Process:
    """A child that dies with us, with its output in a file."""

    def __init__(self, argv, log, **popen):
        self.log_path = Path(log)
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, argv)],
                                          stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, **popen)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log_text(self):
        """What this run has written so far."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def await_log(self, pattern, deadline=START_DEADLINE):
        """Waits for a line that matches PATTERN and gives the match; StartFailed on exit."""
        end = time.monotonic() + deadline
        while True:
            ended = not self.running()
            match = re.search(pattern, self.log_text())
            if match:
                return match
            if ended:
                raise StartFailed(self.popen.returncode, self.log_text())
            if time.monotonic() > end:
                raise AssertionError(f"{pattern!r} not logged in {deadline} s:\n{self.log_text()}")
            time.sleep(0.005)

    def end(self, signum, deadline=STOP_DEADLINE):
        """Sends SIGNUM and gives the exit status."""
        if self.running():
            self.popen.send_signal(signum)
        return self.popen.wait(deadline)

    def kill(self):
        self.end(signal.SIGKILL)


def reserved_port():
    """A socket whose port nobody else is given, and nobody answers at, while it is open.

    As it does not listen, a server may: both set SO_REUSEADDR."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


class Server:
    """One server. Subclasses say how it is run and how it tells that it is ready."""

    kind = None

    def __init__(self, directory, port=0, **config):
        """CONFIG holds keys of zoo.cfg, with "_" for "." but in the names of throttles; None
        leaves a default out."""
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.datadir = Path(config.pop("dataDir", self.directory / "data"))
        self.datadir.mkdir(parents=True, exist_ok=True)
        self.log_path = self.directory / "server.log"
        self.reserved = None if port else reserved_port()
        self.port = port or self.reserved.getsockname()[1]
        self.config = dict(DEFAULTS)
        for key, value in config.items():
            if key == "whitelist":
                key = "4lw.commands.whitelist"
            elif not key.startswith(WITH_UNDERSCORES):
                key = key.replace("_", ".")
            self.config[key] = value
        self.process = None
        self.clients = []

    # Life

    def write_config(self):
        path = self.directory / "zoo.cfg"
        keys = {"dataDir": self.datadir, "clientPort": self.port,
                "clientPortAddress": "127.0.0.1", **self.config}
        path.write_text("".join(f"{k}={v}\n" for k, v in keys.items() if v is not None))
        return path

    def start(self):
        """Starts the server and waits until it serves; StartFailed if it ends instead."""
        assert self.process is None or not self.process.running()
        self.process = Process(self.command(), self.log_path, cwd=self.directory)
        self.await_ready()
        return self

    def stop(self):
        """SIGTERM, as an operator would; gives the exit status."""
        status = self.process.end(signal.SIGTERM)
        self.check_sanitizer()
        return status

    def kill9(self):
        self.process.kill()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Ends clients and process, whatever their state."""
        self.close_clients()
        if self.reserved:
            self.reserved.close()
        if self.process is None:
            return
        if self.process.running():
            if SANITIZED:
                self.process.end(signal.SIGTERM)
            else:
                self.process.kill()
        self.check_sanitizer()

    def close_clients(self):
        for client in self.clients:
            close_client(client)
        self.clients.clear()

    def check_sanitizer(self):
        found = SANITIZER_REPORT.search(self.log_text())
        assert not found, f"sanitizer report in {self.log_path}: {self.log_text()}"

    # Looking in

    @property
    def pid(self):
        return self.process.pid

    def log_text(self):
        """The log of the present run."""
        return self.process.log_text()

    def resident_kib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    # Clients

    @property
    def hosts(self):
        return f"127.0.0.1:{self.port}"

    def client(self, timeout=SESSION_MS / 1000, **options):
        """A started kazoo client. While its server is away it knocks twice a second: its own
        pauses would grow to a minute."""
        options.setdefault("connection_retry", {"max_tries": -1, "delay": 0.1, "max_delay": 0.5})
        client = KazooClient(self.hosts, timeout=timeout, **options)
        self.clients.append(client)
        client.start(timeout=START_DEADLINE)
        return client

    def raw(self, **options):
        """A TCP connection without a session."""
        raw = RawClient(self.port, **options)
        self.clients.append(raw)
        return raw

    def session(self, timeout_ms=SESSION_MS, **options):
        """A raw client with a session."""
        raw = self.raw(**options)
        raw.connect(timeout_ms)
        return raw

    def ask(self, word):
        return four_letters(self.port, word)

    def mntr(self):
        """The answer to mntr as a dict."""
        lines = self.ask("mntr").splitlines()
        return dict(line.split("\t", 1) for line in lines)


class Zkfsd(Server):
    kind = "zkfsd"
    binary = BUILD / "zkfsd"

    def command(self):
        assert self.binary.exists(), f"{self.binary} is missing: run make"
        return [self.binary, self.write_config()]

    def await_ready(self):
        self.port = int(self.process.await_log(r"zkfsd: ready: clientPort=(\d+)")[1])


LOG_FORMAT = {"defaultLogLevel": "warn", "log.org.apache.zookeeper.server.NIOServerCnxn": "error",
              "showDateTime": "true", "dateTimeFormat": "HH:mm:ss.SSS",
              "showThreadName": "false"}


# Keys of ours that Apache takes as system properties of this very name, and not from zoo.cfg.
SYSTEM_PROPERTIES = "znode.container."


class Apache(Server):
    """Debian's server."""

    kind = "apache"

    def __init__(self, directory, port=0, java=(), **config):
        """JAVA: further arguments of the virtual machine, such as -Dzookeeper.x=y."""
        super().__init__(directory, port, **config)
        self.config.setdefault("admin.enableServer", "false")
        self.java = java

    def command(self):
        jars = ":".join(f"/usr/share/java/{jar}.jar" for jar in ("zookeeper", "slf4j-simple"))
        properties = [f"-D{k}={v}" for k, v in self.config.items()
                      if k.startswith(SYSTEM_PROPERTIES)]
        log = [f"-Dorg.slf4j.simpleLogger.{k}={v}" for k, v in LOG_FORMAT.items()]
        return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *log,
                *properties, *self.java, "-cp", jars, "org.apache.zookeeper.server.ZooKeeperServerMain",
                self.write_config()]

    def await_ready(self):
        end = time.monotonic() + START_DEADLINE
        patience = 0.2  # a connection made between bind() and start-up is never answered
        while True:
            if not self.process.running():
                raise StartFailed(self.process.popen.returncode, self.log_text())
            try:
                if four_letters(self.port, "srvr", patience).startswith("Zookeeper version"):
                    return self.redial()
            except TimeoutError:
                patience = min(2 * patience, 5)
            except OSError:
                pass
            assert time.monotonic() < end, f"Apache does not serve:\n{self.log_text()}"
            time.sleep(0.01)


    def redial(self):
        """Clients that have such a connection need not wait for its end, their session's timeout."""
        for client in self.clients:
            if isinstance(client, KazooClient) and not client.connected:
                with suppress(AttributeError, OSError):  # there is none at the moment
                    client._connection._socket.shutdown(socket.SHUT_RDWR)


SERVERS = {"zkfsd": Zkfsd, "apache": Apache}


def close_client(client):
    """Ends a kazoo or raw client, whatever state it and its server are in."""
    if isinstance(client, KazooClient):
        client.stop()
    client.close()
