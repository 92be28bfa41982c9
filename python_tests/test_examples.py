"""The examples run as they stand, and with another URL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(script: Path, folder: Path) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode


def test_hold(tmp_path: Path) -> None:
    for sequence in (1, 2):
        assert run(EXAMPLES / "hold.py", tmp_path) == (f"charged, fence {sequence}\n", 0)
    assert (tmp_path / "leases.db").exists()


def test_hold_elsewhere(shared_url: str, tmp_path: Path) -> None:
    """Nothing but the URL is changed."""
    script = tmp_path / "hold.py"
    script.write_text((EXAMPLES / "hold.py").read_text().replace("sqlite:leases.db", shared_url))
    for sequence in (1, 2):
        assert run(script, tmp_path) == (f"charged, fence {sequence}\n", 0)
    assert not (tmp_path / "leases.db").exists()
