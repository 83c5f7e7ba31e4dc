"""zoo.cfg as zkfsd reads it: what is wrong is told with file and line."""
import re
import subprocess

import pytest

from harness.zkproc import ROOT, StartFailed, Zkfsd


def line_of(server, key):
    lines = (server.directory / "zoo.cfg").read_text().splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.startswith(key))


def refusal(new_zkfsd, **config):
    """What a zkfsd with this configuration says when it refuses to start."""
    server = new_zkfsd(start=False, **config)
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert failed.value.status > 0, failed.value
    return server, failed.value.log


@pytest.mark.sanitized
def test_an_unknown_key_is_a_warning(new_zkfsd):
    server = new_zkfsd(snapCuont="100")
    assert re.search(rf"WARN .*zoo\.cfg:{line_of(server, 'snapCuont')}: .*snapCuont",
                     server.log_text())
    assert server.ask("ruok") == "imok"


def test_known_keys_give_no_warning(new_zkfsd):
    server = new_zkfsd(initLimit="10", syncLimit="5", autopurge_snapRetainCount="3",
                       autopurge_purgeInterval="1", maxClientCnxns="10", snapCount="1000",
                       dataLogDir=None)
    assert "WARN" not in server.log_text()


@pytest.mark.sanitized
@pytest.mark.parametrize("key, value", [
    ("tickTime", "abc"), ("tickTime", "0"), ("tickTime", "-5"), ("tickTime", ""),
    ("tickTime", "99999999999999999999"), ("tickTime", "20s"), ("clientPort", "65536"),
    ("clientPort", "-1"), ("clientPort", "x"), ("clientPort", ""), ("maxClientCnxns", "many"),
    ("maxClientCnxns", "-1"), ("minSessionTimeout", "x"), ("maxSessionTimeout", "1e4"),
    ("snapCount", "0x10"), ("initLimit", "ten"), ("autopurge_snapRetainCount", "x")])
def test_a_wrong_value_is_an_error(new_zkfsd, key, value):
    server, log = refusal(new_zkfsd, **{key: value})
    key = key.replace("_", ".")
    assert re.search(rf"zoo\.cfg:{line_of(server, key)}: {re.escape(key)}: ", log), log


def test_limits_of_the_timeout_that_contradict_each_other(new_zkfsd):
    _, log = refusal(new_zkfsd, minSessionTimeout="5000", maxSessionTimeout="4000")
    assert "zoo.cfg" in log and "minSessionTimeout" in log


@pytest.mark.parametrize("key", ["dataDir", "clientPort"])
def test_a_required_key_that_is_missing(new_zkfsd, key):
    server = new_zkfsd(start=False)
    server.config[key] = None
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert failed.value.status > 0
    assert re.search(rf"zoo\.cfg.*{key}", failed.value.log)


@pytest.mark.sanitized
def test_members_of_an_ensemble_are_refused_clearly(new_zkfsd):
    server, log = refusal(new_zkfsd, server_1="a:2888:3888", server_2="b:2888:3888")
    assert f"zoo.cfg:{line_of(server, 'server.1')}" in log
    assert "standalone" in log


def test_clientport_zero_picks_a_free_port_and_says_which(new_zkfsd):
    one, two = new_zkfsd(clientPort="0"), new_zkfsd(clientPort="0")
    assert 0 not in (one.port, two.port)
    assert one.port != two.port
    assert one.ask("ruok") == two.ask("ruok") == "imok"


def run(*args):
    return subprocess.run([Zkfsd.binary, *args], capture_output=True, text=True, timeout=120,
                          check=False)


def test_a_file_that_is_not_there():
    result = run("/nonexistent/zoo.cfg")
    assert result.returncode > 0
    assert "/nonexistent/zoo.cfg" in result.stderr and "No such file" in result.stderr


def test_a_file_that_is_a_directory(tmp_path):
    result = run(tmp_path)
    assert result.returncode > 0
    assert str(tmp_path) in result.stderr


@pytest.mark.parametrize("args", [[], ["a", "b"], ["--nonsense"]])
def test_wrong_arguments_show_the_usage(args):
    result = run(*args)
    assert result.returncode > 0
    assert "zkfsd" in result.stderr and "usage" in result.stderr.lower()


@pytest.mark.parametrize("content", [bytes(range(256)), b"\0" * 5000, b"=" * 3000, b"\\" * 999,
                                     b"x" * 100_000, b"\xff\xfe=\xff\n"])
@pytest.mark.sanitized
def test_a_file_of_nonsense(tmp_path, content):
    file = tmp_path / "zoo.cfg"
    file.write_bytes(content)
    result = run(file)
    assert 0 < result.returncode < 64
    assert "zoo.cfg" in result.stderr


def test_dash_c_only_checks_the_file(new_zkfsd):
    server = new_zkfsd(start=False)
    result = run("-c", server.write_config())
    assert result.returncode == 0, result.stderr
    assert not list(server.datadir.iterdir())
    server.config["tickTime"] = "never"
    result = run("-c", server.write_config())
    assert result.returncode > 0
    assert "tickTime" in result.stderr


def test_java_properties_as_apache_reads_them(new_zkfsd, tmp_path):
    """Comments, blanks, ':' as separator and continued lines."""
    data = tmp_path / "d"
    file = tmp_path / "zoo.cfg"
    file.write_text(f"# comment\n! comment\n\n  tickTime : 700\n dataDir={tmp_path}/\\\n     d\n"
                    "clientPort 0\nclientPortAddress=127.0.0.1\r\n")
    data.mkdir()
    assert run("-c", file).returncode == 0


def test_the_manual_tells_every_key_that_help_tells():
    text = (ROOT / "man" / "zoo.cfg.5").read_text(encoding="utf-8")
    keys = re.findall(r"^  (\w[\w.]+) ", run("--help").stdout, re.M)
    assert {"dataDir", "clientPort", "tickTime"} <= set(keys)
    assert not [key for key in keys if key not in text]


def test_dash_v_tells_why_a_connection_was_closed(new_zkfsd):
    server = new_zkfsd(start=False)
    server.command = lambda: [Zkfsd.binary, "-v", server.write_config()]
    server.start()
    assert server.ask("ruok") == "imok"
    server.process.await_log(r"DEBUG connection: closing: address=127\.0\.0\.1 cause=")
