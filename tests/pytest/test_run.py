"""tests/run.py counts what goes wrong, whatever it is: a run that tests nothing is no success."""
import importlib.util
import sys

import pytest

from harness.zkproc import ROOT, SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="has nothing to do with the programs")

FINE = "echo 'fine: 3 passed, 0 failed'"


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """tests/run.py, in an empty tree."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "tests" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.WORKERS = "0"  # they take a second to come up
    monkeypatch.chdir(tmp_path)
    return module


@pytest.fixture
def program(tmp_path):
    """Makes a program that is a shell script."""

    def make(name, script):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return make


def counts(totals):
    return totals.passed, totals.failed, totals.skipped


@pytest.mark.parametrize("script, expected", [
    (FINE, (3, 0, 0)),
    ("echo 'some: 3 passed, 2 failed'; exit 1", (3, 2, 0)),
    ("kill -SEGV $$", (0, 1, 0)),
    ("echo 'half a line'; exit 0", (0, 1, 0)),
    (FINE + "; echo 'ERROR: LeakSanitizer'; exit 1", (0, 1, 0)),
    (FINE + "; kill -SEGV $$", (3, 1, 0)),
    ("printf '\\377\\n'; " + FINE, (3, 0, 0))])
def test_a_unit_program_that_does_not_end_well_is_a_failure(runner, program, script, expected):
    program("build/unit/some", script)
    totals = runner.Totals()
    runner.unit(totals, "build")
    assert counts(totals) == expected
    assert bool(totals.failures) == bool(expected[1])


def status_of(runner, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    return runner.main()


def test_the_exit_status_tells_of_failures_and_of_nothing_done(runner, program, monkeypatch):
    assert status_of(runner, monkeypatch, "unit") == 1  # there is no program at all
    program("build/unit/a", FINE)
    assert status_of(runner, monkeypatch, "unit") == 0
    program("build/unit/b", "exit 1")
    assert status_of(runner, monkeypatch, "unit") == 1


@pytest.mark.parametrize("recipe, expected", [
    ("@echo lint a: ok; echo lint b-c: ok", (2, 0, 0)),
    ("@echo lint a: ok; echo 'lint b: FAILED (a file)'; exit 1", (1, 1, 0)),
    ("@echo lint a: ok; exit 1", (1, 1, 0)),
    ("@nosuchprogram", (0, 1, 0))])
def test_a_lint_check_that_fails_or_cannot_run_is_a_failure(runner, tmp_path, recipe, expected):
    (tmp_path / "Makefile").write_text(f"lint:\n\t{recipe}\n")
    totals = runner.Totals()
    runner.lint(totals)
    assert counts(totals) == expected


def test_a_fuzzer_that_dies_is_a_failure(runner, program):
    program("build/fuzz/fuzz_a", "exit 0")
    program("build/fuzz/fuzz_b", "kill -ABRT $$")
    totals = runner.Totals()
    runner.fuzz(totals, "build")
    assert counts(totals) == (1, 1, 0)


@pytest.mark.parametrize("script, expected", [
    ("echo 'sim: 7 seeds passed'", (7 + 7, 0, 0)),
    ("echo 'sim: 7 seeds passed'; exit 1", (7 + 7, 2, 0)),
    ("exit 1", (0, 2, 0))])
def test_a_seed_that_fails_is_a_failure(runner, program, tmp_path, script, expected):
    program("build/sim", script)
    (tmp_path / "tests" / "sim").mkdir(parents=True)
    (tmp_path / "tests" / "sim" / "seeds.txt").write_text("# kept\n4711 a story\n")
    totals = runner.Totals()
    runner.simulate(totals, "build", 1)
    assert counts(totals) == expected


CASES = """import pytest
def test_passes(): pass
def test_fails(): assert False
@pytest.fixture
def broken(): raise ValueError
def test_has_an_error(broken): pass
@pytest.mark.skip
def test_is_skipped(): pass
"""


@pytest.mark.parametrize("text, select, expected", [
    (CASES, [], (1, 2, 1)),
    (CASES, ["-k", "passes"], (1, 0, 0)),
    (CASES, ["-m", "nosuchmark"], (0, 1, 0)),
    ("import nosuchmodule", [], (0, 1, 0)),
    ("import os; os._exit(1)", [], (0, 1, 0))],
                         ids=["failures", "passes", "nothing selected", "no import", "death"])
def test_a_pytest_run_that_fails_or_selects_nothing_is_a_failure(runner, tmp_path, text, select,
                                                                 expected):
    (tmp_path / "build").mkdir()
    (tmp_path / "tests" / "pytest").mkdir(parents=True)
    (tmp_path / "tests" / "pytest" / "test_it.py").write_text(text)
    (tmp_path / "build" / "pytest.xml").write_text("<testsuites/>")  # of an earlier run
    totals = runner.Totals()
    runner.pytest(totals, "build", *select)
    assert counts(totals) == expected


MAKEFILE = """B := build$(if $(SAN),/san-$(SAN))
all tests-build:
	@mkdir -p $(B)/unit $(B)/fuzz
	@printf '#!/bin/sh\\necho a: 3 passed, 0 failed\\n' >$(B)/unit/a
	@printf '#!/bin/sh\\necho sim: 7 seeds passed\\n' >$(B)/sim
	@printf '#!/bin/sh\\n' >$(B)/fuzz/fuzz_a
	@chmod +x $(B)/unit/a $(B)/sim $(B)/fuzz/fuzz_a
	@test -z "$(SAN)" || test ! -e refuse-$(SAN)
lint:
	@echo lint a: ok
"""


@pytest.fixture
def tree(tmp_path):
    """A tree that has a little of everything."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    for directory in ("sim", "pytest"):
        (tmp_path / "tests" / directory).mkdir(parents=True)
    (tmp_path / "tests" / "sim" / "seeds.txt").write_text("")
    (tmp_path / "tests" / "pytest" / "pytest.ini").write_text("[pytest]\nmarkers = sanitized\n")
    (tmp_path / "tests" / "pytest" / "test_it.py").write_text(
        "import pytest\ndef test_a(): pass\n@pytest.mark.sanitized\ndef test_b(): pass\n")
    return tmp_path


def test_everything_is_run_and_counted_in_both_lanes(runner, tree, capfd):
    totals = runner.Totals()
    runner.everything(totals, "gcc")
    # lint, unit and simulator and pytest plain; the same with sanitizers, and a fuzzer
    assert counts(totals) == (1 + 3 + 7 + 2 + 3 + 7 + 1 + 1, 0, 0)
    said = capfd.readouterr().out
    for name in ("build", "lint", "pytest  (build)", "fuzzers, mutations of their corpus"):
        assert f"== {name}" in said
    lint = said[said.index("== lint\n"):]
    assert lint.startswith("== lint\nlint a: ok\n== lint: done in "), "a part is said in one piece"


def test_a_build_that_fails_is_a_failure_and_the_rest_goes_on(runner, tree):
    (tree / "refuse-address,undefined").touch()
    totals = runner.Totals()
    runner.everything(totals, "gcc")
    assert counts(totals) == (1 + 3 + 7 + 2, 1, 0)
    assert totals.failures == ["build with sanitizers: 1 failed"]


def test_without_a_build_nothing_is_run(runner, tree):
    (tree / "Makefile").write_text("all:\n\t@false\n")
    totals = runner.Totals()
    runner.everything(totals, "gcc")
    assert counts(totals) == (0, 1, 0)
