"""The examples run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_hold(tmp_path: Path) -> None:
    for sequence in (1, 2):
        done = subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / "hold.py"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.stdout, done.returncode) == (f"charged, fence {sequence}\n", 0)
    assert (tmp_path / "leases.db").exists()
