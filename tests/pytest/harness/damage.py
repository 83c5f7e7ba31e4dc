"""Damages files of a stopped server, and looks at how much of them is used."""
import hashlib
from contextlib import contextmanager


def used_bytes(path):
    """Up to the last byte that is not zero; files are allocated ahead."""
    return len(path.read_bytes().rstrip(b"\0"))


def allocated(path):
    return path.stat().st_blocks * 512


def used_logs(server):
    """The segments of the transaction log that hold something, oldest first."""
    logs = sorted((server.datadir / "zkfs" / "txnlog").glob("*.log"))
    used = [log for log in logs if used_bytes(log) > 4096]
    assert used, f"no log below {server.datadir}"
    return used


@contextmanager
def flipped(path, at, count=1):
    """Inverts COUNT bytes for a while, from the first byte at or behind AT that is not zero."""
    before = path.read_bytes()
    damaged = bytearray(before)
    at = next(i for i in range(at, len(before)) if before[i])  # padding is nobody's loss
    for i in range(at, min(at + count, len(damaged))):
        damaged[i] ^= 0xFF
    path.write_bytes(damaged)
    try:
        yield
    finally:
        path.write_bytes(before)


def zero(path, start):
    """Everything from START on was never written."""
    with open(path, "r+b") as file:
        length = file.seek(0, 2)
        file.seek(start)
        file.write(bytes(length - start))


def fingerprint(directory):
    """What every file below DIRECTORY holds, but for the lock, which has a pid in it."""
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file() and path.name != "lock"}
