"""A bounded number of random sequences on zkfsd and on Apache; see differential/.

The same seeds each time, as a test that fails must fail for what was changed; others are for
`python3 -m differential.compare` in tests/pytest. A sequence that differs is shown cut down."""
import pytest

from differential.compare import Comparison, apache, run_seeds, zkfsd
from differential.plan import Op, plan

SECONDS = 20
FIRST, COUNT = 1, 1000


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    servers = [make(tmp_path_factory.mktemp(make.__name__)) for make in (zkfsd, apache)]
    try:
        yield [server.start() for server in servers]
    finally:
        for server in servers:
            server.close()


def test_random_sequences_have_the_same_answers_events_and_trees(pair, capsys):
    played, reports = run_seeds(Comparison(*pair), range(FIRST, FIRST + COUNT), seconds=SECONDS)
    with capsys.disabled():
        print(f"\ndifferential: {played} sequences")
    assert not reports, "\n\n".join(reports)


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
    biased = Biased(*pair)
    shortest, difference = biased.shrink(ops, biased.again(ops))
    assert [op.name for op in shortest] == ["getACL"]
    assert difference.step == 0
