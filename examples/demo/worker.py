"""One of the three contenders of scripts/demo: holds the resource four times and notes each turn."""

import os
import time

import leaselock

with leaselock.open(os.environ["LEASELOCK_DB"], client_id="python") as locks:
    for _ in range(4):
        with locks.hold("the-resource", ttl=10, wait=60) as lease:
            begin = time.time()
            time.sleep(0.15)
            with open(os.environ["TURNS"], "a") as turns:
                turns.write(f"python {lease.sequence} {begin:.3f} {time.time():.3f}\n")
        time.sleep(0.2)  # something that needs no lease, so that the others get their turn
