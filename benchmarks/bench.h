/* What the benchmarks share. */
#ifndef BENCHMARKS_BENCH_H
#define BENCHMARKS_BENCH_H

#include <leaselock.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void check(leaselock_status status)
{
    if (status == LEASELOCK_OK)
        return;
    fprintf(stderr, "%s: %s\n", leaselock_error_name(status), leaselock_error_last()->message);
    exit(1);
}

static inline double seconds_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline double seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static inline double cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* One obtain, which has to succeed, and one release. */
static inline void pair(leaselock_lock *locks, const char *resource)
{
    leaselock_lease *lease;
    check(leaselock_lock_obtain_with_no_wait(locks, resource, "c", NULL, &lease));
    check(leaselock_lock_release(locks, lease, NULL));
    leaselock_lease_free(lease);
}

#endif
