"""obtain + release through the Python binding. Prints pairs per second: pairs.py URL SECONDS"""

import sys
import time

import leaselock

url, length = sys.argv[1], float(sys.argv[2])
with leaselock.open(url) as locks:
    start = time.perf_counter()
    pairs = 0
    while time.perf_counter() - start < length:
        locks.obtain_with_no_wait("benchmark", "python").release()
        pairs += 1
    print(f"{pairs / (time.perf_counter() - start):.1f}")
