#!/usr/bin/env python3
"""Runs the parts of the conformance suite at once, each in a schema of its own: they wait for leases to end, most of the time.

    conformance.py PROGRAM
"""

import subprocess
import sys
import tempfile

from schemas import new_url

PARTS = ("engine", "lock", "lease", "keep", "floor")


def main(program: str) -> int:
    outputs = [tempfile.TemporaryFile() for _ in PARTS]
    children = [
        subprocess.Popen([program, new_url(), part], stdout=output, stderr=subprocess.STDOUT)
        for part, output in zip(PARTS, outputs)
    ]
    failed = False
    for part, child, output in zip(PARTS, children, outputs):
        failed = child.wait() != 0 or failed
        output.seek(0)
        print(f"== {part}\n{output.read().decode(errors='replace')}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
