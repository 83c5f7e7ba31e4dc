"""A bounded number of random sequences on zkfsd and on Apache; see differential/.

Other seeds each time: the first one is printed, and a sequence that differs is shown cut down."""
import random

import pytest

from differential.compare import Comparison, apache, run_seeds, zkfsd
from differential.plan import Op, plan

SECONDS = 30
SEEDS_MAX = 10_000


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    servers = [make(tmp_path_factory.mktemp(make.__name__)) for make in (zkfsd, apache)]
    try:
        yield [server.start() for server in servers]
    finally:
        for server in servers:
            server.close()


@pytest.mark.timeout(SECONDS * 5)
def test_random_sequences_have_the_same_answers_events_and_trees(pair, capsys):
    first = random.randrange(10**9)
    played, reports = run_seeds(Comparison(*pair), range(first, first + SEEDS_MAX),
                                seconds=SECONDS)
    with capsys.disabled():
        print(f"\ndifferential: {played} sequences from seed {first}")
    assert not reports, "\n\n".join(reports)
    assert played > 20


def test_a_difference_is_found_and_cut_down(pair):
    """The comparison can fail: one of the two is asked for something else."""
    class Biased(Comparison):
        def players(self, root):
            ours, theirs = super().players(root)
            send = theirs.send
            theirs.send = lambda op: send(Op(op.client, "getData", {"path": "", "watch": False})
                                          if op.name == "getACL" else op)
            return ours, theirs

    ops = [*plan(1)[:30], Op(0, "getACL", {"path": "/a"}), *plan(2)[:10]]
    shortest, difference = Biased(*pair).shrink(ops)
    assert [op.name for op in shortest] == ["getACL"]
    assert difference.step == 0
