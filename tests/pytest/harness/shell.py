"""Commands as a user of the mount types them."""
import subprocess

DEADLINE = 120


def sh(command, cwd, **environment):
    """Runs COMMAND with bash in CWD; gives exit status and output, stderr included."""
    return subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, timeout=DEADLINE,
                          check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                            "LC_ALL": "C.UTF-8", **environment})


def out(command, cwd):
    """Standard output of a COMMAND that has to succeed."""
    result = sh(command, cwd)
    assert result.returncode == 0, (command, result)
    return result.stdout.decode()


def fails(command, cwd, message=""):
    """COMMAND has to exit non-zero and to say MESSAGE."""
    result = sh(command, cwd)
    assert result.returncode != 0, (command, result)
    assert message in result.stderr.decode(), (command, result)
    return result
