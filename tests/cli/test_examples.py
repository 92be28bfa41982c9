"""The examples for a shell do what they say."""
import os
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(leaselock, tmp_path):
    (tmp_path / "leaselock").symlink_to(os.environ["LEASELOCK_BIN"])
    environment = leaselock.environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return lambda name: subprocess.run([EXAMPLES / name], env=environment, capture_output=True, text=True, timeout=60)


def test_run(leaselock, run):
    done = run("run.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "at work with fence 1\n", "")
    assert leaselock.state("nightly") == "RELEASED"


def test_run_while_somebody_else_does(leaselock, run):
    leaselock.obtain("nightly")
    done = run("run.sh")
    assert (done.returncode, done.stdout) == (0, "somebody else is at it\n")


def test_obtain(leaselock, run):
    done = run("obtain.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "read with fence 1\ncharge with fence 1\nwrite with fence 1\n"
    assert leaselock.state("invoice-42") == "RELEASED"
