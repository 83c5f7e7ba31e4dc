"""What a real server was recorded to say, byte for byte, from the servers under test.

tests/vectors/not_yet.json names what zkfsd does not do yet, intended_differences.json where
it means to differ from Apache 3.8.0, each with its reason. For Apache neither counts.
"""
import pytest

from harness import replay
from harness.zkproc import Apache, Zkfsd

SUPER = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
RECORDED = {"DigestAuthenticationProvider_superDigest": SUPER, "extendedTypesEnabled": "true",
            "maxSessionTimeout": None}
SETUPS = {
    "standalone": RECORDED,
    "standalone, enforceQuota=true, default 4lw whitelist": {**RECORDED, "enforceQuota": "true",
                                                             "whitelist": None},
}
CASES = [(setup, scenario) for setup in SETUPS for scenario in replay.load(setup)]


def reasons(kind, name):
    return replay.load_reasons(name) if kind == "zkfsd" else {}


@pytest.fixture(scope="module")
def replayed(kind, tmp_path_factory):
    """Plays a whole set-up on one fresh server when its first scenario is asked for."""
    done = {}

    def results(setup):
        if setup not in done:
            done[setup] = play(kind, setup, tmp_path_factory.mktemp(kind))
        return done[setup]

    return results


def play(kind, setup, directory):
    """{scenario: (differences, compared)}; scenarios share a tree, so they run in order."""
    server = {"zkfsd": Zkfsd, "apache": Apache}[kind](directory, **SETUPS[setup])
    not_yet = reasons(kind, "not_yet.json")
    intended = reasons(kind, "intended_differences.json")
    results = {}
    try:
        server.start()
        run = replay.Replay(server.port)
        for scenario, exchanges in replay.load(setup).items():
            results[scenario] = run.scenario(exchanges, not_yet, intended)
        run.close()
    finally:
        server.close()
    return results


@pytest.mark.parametrize("setup, scenario", CASES, ids=[scenario for _, scenario in CASES])
def test_recorded_scenario(replayed, setup, scenario):
    differences, _ = replayed(setup)[scenario]
    assert not differences, "\n".join(str(difference) for difference in differences)


def test_every_reason_names_something_recorded():
    known = {"event-zxid"}
    for setup in SETUPS:
        for exchanges in replay.load(setup).values():
            for exchange in exchanges:
                known |= set(replay.keys_of(exchange))
    for name in ("not_yet.json", "intended_differences.json"):
        assert set(replay.load_reasons(name)) <= known


def test_nothing_is_compared_twice_or_forgotten(replayed, kind):
    not_yet = reasons(kind, "not_yet.json")
    for setup in SETUPS:
        for scenario, exchanges in replay.load(setup).items():
            _, compared = replayed(setup)[scenario]
            left_out = sum(bool(replay.reason_for(e, not_yet)) for e in exchanges)
            assert compared + left_out == len(exchanges)
