"""A process of test_processes.py: holds resources over and over, and writes down what it held.

Usage: worker.py URL CLIENT HISTORY STOP RESOURCE…       goes on until the file STOP exists
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time

import history

import leaselock

TTL = 0.4


def hold_once(locks: leaselock.DatabaseLock, resource: str, writer: history.Writer) -> None:
    with locks.hold(resource, wait=1) as lease:
        writer.granted(lease)
        until = time.monotonic() + random.choice([0, 0.002, 0.02, 0.1])
        while writer.held(lease) and time.monotonic() < until:
            time.sleep(random.uniform(0, 0.01))
    time.sleep(random.choice([0, 0.1]))  # who waits looks again after 50 to 250 ms


def main(url: str, client: str, path: str, stop: str, *resources: str) -> None:
    with open(path, "a") as file, leaselock.open(url, ttl=TTL, client_id=client) as locks:
        while not os.path.exists(stop):
            # Lost: this process was stopped for too long, and is told so when it leaves the block
            with contextlib.suppress(leaselock.Busy, leaselock.Lost):
                hold_once(locks, random.choice(resources), history.Writer(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
