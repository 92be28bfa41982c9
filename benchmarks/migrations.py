"""Migrations through the Python binding: migrations.py URL DIRECTORY up|down

Prints milliseconds, by the clock and of CPU time, from opening the database to closing it.
"""

import sys
import time

import leaselock

url, directory, way = sys.argv[1:]
start, cpu = time.perf_counter(), time.process_time()
with leaselock.migrations(url, directory) as migrations:
    migrations.up() if way == "up" else migrations.down()
print(f"{(time.perf_counter() - start) * 1000:.3f} {(time.process_time() - cpu) * 1000:.3f}")
