"""Clients that nobody here wrote: Apache's C and Java libraries, each telling a story of its own."""
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent / "clients"
JARS = ":".join(f"/usr/share/java/{jar}.jar" for jar in ("zookeeper", "slf4j-simple"))
DEADLINE = 240


def tell(command):
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=DEADLINE)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="session")
def c_client(tmp_path_factory):
    program = tmp_path_factory.mktemp("c_client") / "c_client"
    tell(["gcc", "-DTHREADED", "-D_GNU_SOURCE", "-o", program, CLIENTS / "c_client.c",
          "-lzookeeper_mt", "-lpthread"])
    return program


@pytest.fixture(scope="session")
def java_classes(tmp_path_factory):
    if shutil.which("javac") is None:
        pytest.skip("no JDK here: javac is not on PATH")
    directory = tmp_path_factory.mktemp("java_client")
    tell(["javac", "-cp", JARS, "-d", directory, CLIENTS / "JavaClient.java"])
    return directory


def test_the_c_client_finds_all_that_it_expects(server, path, c_client):
    assert "500 sets" in tell([c_client, server.hosts, path])


def test_the_java_client_finds_all_that_it_expects(server, path, java_classes):
    story = tell(["java", "-cp", f"{JARS}:{java_classes}", "JavaClient", server.hosts, path])
    assert "whoAmI" in story
