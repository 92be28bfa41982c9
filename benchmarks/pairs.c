/*
 * obtain + release through the library, one process. Prints pairs per second.
 *
 *   bench_pairs URL SECONDS
 */
#include "bench.h"

int main(int count, char **arguments)
{
    if (count != 3)
        return 64;
    leaselock_lock *locks;
    check(leaselock_lock_open(arguments[1], NULL, &locks));
    double length = atof(arguments[2]), start = seconds();
    long pairs = 0;
    for (; seconds() - start < length; pairs++)
        pair(locks, "benchmark");
    printf("%.1f\n", (double)pairs / (seconds() - start));
    leaselock_lock_close(locks);
    leaselock_lock_free(locks);
    return 0;
}
