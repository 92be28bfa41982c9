/*
 * obtain + release through the library, one process. Prints pairs per second.
 *
 *   bench_pairs URL SECONDS
 */
#include <leaselock.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void check(leaselock_status status)
{
    if (status == LEASELOCK_OK)
        return;
    fprintf(stderr, "%s: %s\n", leaselock_error_name(status), leaselock_error_last()->message);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 64;
    leaselock_lock *locks;
    check(leaselock_lock_open(arguments[1], NULL, &locks));
    double length = atof(arguments[2]), start = seconds();
    long pairs = 0;
    for (; seconds() - start < length; pairs++) {
        leaselock_lease *lease;
        check(leaselock_lock_obtain_with_no_wait(locks, "benchmark", "c", NULL, &lease));
        check(leaselock_lock_release(locks, lease, NULL));
        leaselock_lease_free(lease);
    }
    printf("%.1f\n", (double)pairs / (seconds() - start));
    leaselock_lock_close(locks);
    leaselock_lock_free(locks);
    return 0;
}
