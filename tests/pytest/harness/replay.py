"""Plays recorded exchanges (tests/vectors/client.jsonl) against a server.

The format is told in tests/vectors/README.md. Volatile bytes are masked; session ids and
passwords are bound by the reply that brings them and filled into later requests. A scenario
goes on after a difference, so that one run shows them all.

By hand:  python3 -m harness.replay PORT [SCENARIO...]   (in tests/pytest)
"""
import json
import sys
from collections import namedtuple
from pathlib import Path

from .rawclient import DEADLINE, ConnectionClosed, RawClient

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
NO_ZXID = b"\xff" * 8
EVENT_WITHOUT_ZXID = b"\xff" * 4 + NO_ZXID
NOTHING_WITHIN = 0.15  # seconds, for "the server says nothing"

Difference = namedtuple("Difference", "id name expected got")


def load(server="standalone"):
    """{scenario: [exchange...]} of one server set-up, in order."""
    scenarios = {}
    with open(VECTORS / "client.jsonl", encoding="utf-8") as lines:
        for exchange in map(json.loads, lines):
            if exchange["server"] == server:
                scenarios.setdefault(exchange["scenario"], []).append(exchange)
    return scenarios


def load_reasons(name):
    """A file of reasons by exchange ("1234"), operation ("op:multi") or "scenario:NAME"."""
    return json.loads((VECTORS / name).read_text())


def keys_of(exchange):
    return str(exchange["id"]), "op:" + exchange["op"], "scenario:" + exchange["scenario"]


def reason_for(exchange, reasons):
    return next((reasons[key] for key in keys_of(exchange) if key in reasons), None)


class Replay:
    """One run against a fresh server: connections and bound values."""

    def __init__(self, port, deadline=DEADLINE):
        self.port, self.deadline = port, deadline
        self.connections = {}
        self.bound = {}
        self.events_have_zxids = False

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    def scenario(self, exchanges, not_yet, intended):
        """Plays one scenario; gives its differences and how many exchanges were compared.

        INTENDED has, by id, what is expected instead: {"why": ..., "reply": [...]}; and under
        "event-zxid" that notifications carry the zxid of their change."""
        self.close()
        self.events_have_zxids = "event-zxid" in intended
        differences, compared = [], 0
        for exchange in exchanges:
            if reason_for(exchange, not_yet):
                continue
            instead = intended.get(str(exchange["id"]))
            differences += self.exchange({**exchange, **instead} if instead else exchange)
            compared += 1
        return differences, compared

    def connection(self, label, fresh):
        if fresh and label in self.connections:
            self.connections.pop(label).close()
        if label not in self.connections:
            self.connections[label] = RawClient(self.port, deadline=self.deadline)
        return self.connections[label]

    def exchange(self, exchange):
        """Plays one exchange and gives the differences."""
        fresh = exchange["op"] in ("connect", "4lw")
        sender = self.connection(exchange["conn"], fresh)
        try:
            sender.send_bytes(self.fill_in(exchange))
        except ConnectionError:
            pass  # what the server said before it closed is still to be read
        differences = []
        for expected in exchange["reply"]:
            want, got = self.compare(exchange, expected)
            if want != got:
                differences.append(Difference(exchange["id"], exchange["name"], want, got))
        return differences

    def fill_in(self, exchange):
        request = bytearray.fromhex(exchange["request"])
        for offset, length, what in exchange.get("request_volatile", []):
            request[offset:offset + length] = self.bound.get(what, bytes(length))
        return bytes(request)

    def compare(self, exchange, expected):
        """What was expected and what came, in the same form."""
        connection = self.connections[expected["conn"]]
        if "end" in expected:
            return expected["end"], ending(connection, expected["end"])
        want = bytes.fromhex(expected["frame"])
        try:
            if exchange["op"] == "4lw":
                got = connection.receive(len(want))
            else:
                head = connection.receive(4)
                got = head + connection.receive(int.from_bytes(head, "big"))
        except (ConnectionClosed, TimeoutError) as error:
            return want.hex(), type(error).__name__
        volatile = expected.get("volatile", [])
        if self.events_have_zxids and want[4:16] == EVENT_WITHOUT_ZXID:
            if not exchange["op"].startswith("setWatches"):  # catch-up events never have one
                volatile = [*volatile, [8, 8, "zxid"]]
                want = want[:8] + bytes(8) + want[16:]
        got = self.mask(got, volatile)
        if "UNORDERED" in exchange.get("note", "") and len(got) == len(want):
            return unordered(want), unordered(got)
        return want.hex(), got.hex()

    def mask(self, frame, volatile):
        """Zeroes the volatile bytes; those that bind a value and contradict it stay."""
        masked = bytearray(frame)
        for offset, length, what in volatile:
            value = bytes(frame[offset:offset + length])
            if ":" in what and value != self.bound.setdefault(what, value):
                continue
            if what == "zxid" and value == NO_ZXID:
                continue
            masked[offset:offset + length] = bytes(length)
        return bytes(masked)


def ending(connection, expected):
    """EOF, NONE (quiet, as expected) or what came instead."""
    if expected != "EOF" and connection.quiet(NOTHING_WITHIN):
        return expected
    try:
        return "bytes " + connection.receive(1).hex()
    except ConnectionClosed:
        return "EOF"
    except TimeoutError:
        return "OPEN"


def unordered(frame):
    """A reply whose vector has no defined order: header and count, then the elements sorted.

    Elements are strings, or pairs of strings (whoAmI)."""
    count = int.from_bytes(frame[20:24], "big")
    strings, at = [], 24
    while at + 4 <= len(frame):
        length = int.from_bytes(frame[at:at + 4], "big")
        strings.append(frame[at + 4:at + 4 + length])
        at += 4 + length
    each = len(strings) // count if count else 1
    elements = sorted(strings[i:i + each] for i in range(0, len(strings), each))
    return frame[:24].hex(), elements


def main(port, *names):
    replay = Replay(int(port))
    for name, exchanges in load().items():
        if names and name not in names:
            continue
        differences, compared = replay.scenario(exchanges, {}, {})
        print(f"{name}: {compared} compared, {len(differences)} differ")
        for difference in differences:
            print("   ", *difference, sep="\n      ")
    replay.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
