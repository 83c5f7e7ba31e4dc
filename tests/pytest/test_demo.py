"""make demo and make install, as a newcomer and a packager run them."""
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.mounts import detach, is_mounted
from harness.zkproc import BUILD, ROOT, SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="runs make by itself")


def make(*args, cwd=ROOT, check=True):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "ZKFS_BUILD"}
    return subprocess.run(["make", "--no-print-directory", *args], cwd=cwd, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=check)


# Packages

def test_programs_are_linked_with_what_the_demo_installs():
    """A library that only tests link would be missing on a machine with nothing but the demo."""
    installs = re.search(r"deps\.sh (.*)", make("-n", "deps-demo").stdout)[1].split()
    links = [line for line in make("-nB", "all").stdout.splitlines() if " -o build/" in line
             and " -pie " in line]
    assert len(links) == 3, links
    names = set(re.findall(r" -l(\w+)", " ".join(links)))
    libraries = Path("/usr/lib", os.uname().machine + "-linux-gnu")
    files = [next(file for file in (libraries / f"lib{name}.so", libraries / f"lib{name}.a")
                  if file.exists()) for name in names]
    owners = subprocess.run(["dpkg", "-S", *files], text=True, stdout=subprocess.PIPE,
                            check=True).stdout
    packages = {line.split(":")[0] for line in owners.splitlines()}
    assert len(packages) >= 4 and packages <= set(installs)


# Demo

@pytest.fixture
def copy(tmp_path):
    """A copy of the demo and the programs, so that a running demo is left alone."""
    tree = tmp_path / "zkfs"
    for directory in ("tests", "build"):
        (tree / directory).mkdir(parents=True)
    subprocess.run(["cp", "-a", ROOT / "tests" / "demo", tree / "tests"], check=True)
    programs = [BUILD / name for name in ("zkfsd", "mount.zkfs", "zkcli")]
    subprocess.run(["cp", "-a", *programs, tree / "build"], check=True)
    try:
        yield tree
    finally:
        mnt = tree / "build" / "demo" / "mnt"
        pid = tree / "build" / "demo" / "zkfsd.pid"
        if is_mounted(mnt):
            detach(mnt)
        if pid.exists():
            os.kill(int(pid.read_text()), 9)


def test_the_demo_shows_a_tour_stays_mounted_and_stops(copy):
    script = copy / "tests" / "demo" / "demo.sh"

    def demo(what):
        return subprocess.run([script, what], cwd=copy, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=240, check=True).stdout

    said = demo("start")
    for line in ("$ mkdir", "$ echo", "hello from the shell", "kazoo reads:", "user.zk.version",
                 "make demo-stop"):
        assert line in said, said
    mnt = copy / "build" / "demo" / "mnt"
    assert is_mounted(mnt)
    assert (mnt / "app" / "greeting").read_text().startswith("hello from kazoo")
    (mnt / "app" / "counter").write_text("1\n")

    assert "already running" in demo("start")
    assert "stopped" in demo("stop")
    assert not is_mounted(mnt)
    assert not (copy / "build" / "demo" / "zkfsd.pid").exists()
    assert "not running" in demo("stop")

    demo("start")  # what was written is there the next time
    assert (mnt / "app" / "counter").read_text() == "1\n"
    assert "stopped" in demo("stop")


# Installation

def files_below(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_install_puts_everything_in_its_place_and_uninstall_takes_it_away(tmp_path):
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    installed = files_below(tmp_path)
    sbin = [name for name in installed if "sbin/" in name]
    assert {Path(name).name for name in sbin} >= {"zkfsd", "mount.zkfs"}
    assert any(name.endswith("zkfsd.service") for name in installed)
    assert any(name.endswith("zoo.cfg") for name in installed)
    for page in ("zkfsd.8", "mount.zkfs.8", "zoo.cfg.5"):
        assert any(Path(name).name.startswith(page) for name in installed), page
    for name in sbin:
        program = tmp_path / name
        assert os.access(program, os.X_OK)
        assert program.stat().st_mode & 0o777 == 0o755
    unit = next(tmp_path.rglob("zkfsd.service")).read_text()
    assert str(tmp_path) not in unit and "/usr/sbin/zkfsd" in unit

    config = next(path for path in tmp_path.rglob("zoo.cfg") if "etc" in path.parts)
    config.write_text("# changed by the administrator\n")
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert "changed" in config.read_text()

    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert files_below(tmp_path) == {str(config.relative_to(tmp_path))}


def test_the_installed_server_runs_with_the_sample_configuration(tmp_path):
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    [server] = (path for path in tmp_path.rglob("zkfsd") if path.is_file())
    [config] = (path for path in tmp_path.rglob("zoo.cfg") if "etc" in path.parts)
    result = subprocess.run([server, "-c", config], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_build_has_nothing_to_do_twice():
    assert BUILD.exists()
    make("-j2", "all")
    again = make("all").stdout
    assert not any(step in again for step in (" CC ", " AR ", " LINK ")), again
