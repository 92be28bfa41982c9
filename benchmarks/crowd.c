/*
 * obtain + release by several processes at once, each on a resource of its own, without a pause: they meet at the
 * engine's write lock. Prints pairs per second of all, the longest that one obtain or release took in milliseconds, and
 * what the process that was served least got, as a share of what the one served most got.
 *
 *   bench_crowd URL SECONDS PROCESSES
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { PROCESSES_MAX = 64 };

/* In memory that all processes share. */
typedef struct crowd {
    atomic_int ready;
    atomic_bool begin;
    struct result {
        double pairs, seconds, longest;
    } results[PROCESSES_MAX];
} crowd;

static double longest_of(double longest, double *since)
{
    double before = *since;
    *since = seconds();
    return *since - before > longest ? *since - before : longest;
}

static void work(crowd *all, int index, const char *url, double length)
{
    char resource[32];
    snprintf(resource, sizeof resource, "benchmark-%d", index);
    struct result *result = &all->results[index];
    leaselock_lock *locks;
    check(leaselock_lock_open(url, NULL, &locks)); /* after the fork: the parent has no lock open */
    pair(locks, resource);
    atomic_fetch_add(&all->ready, 1);
    while (!atomic_load(&all->begin))
        usleep(100);
    double start = seconds(), now = start;
    for (; now - start < length; result->pairs++) {
        leaselock_lease *lease;
        check(leaselock_lock_obtain_with_no_wait(locks, resource, "c", NULL, &lease));
        result->longest = longest_of(result->longest, &now);
        check(leaselock_lock_release(locks, lease, NULL));
        result->longest = longest_of(result->longest, &now);
        leaselock_lease_free(lease);
    }
    result->seconds = now - start;
    leaselock_lock_close(locks);
    leaselock_lock_free(locks);
    exit(0);
}

static void report(const crowd *all, int processes)
{
    double total = 0, longest = 0, least = all->results[0].pairs, most = 0;
    for (int i = 0; i < processes; i++) {
        const struct result *result = &all->results[i];
        total += result->pairs / result->seconds;
        longest = result->longest > longest ? result->longest : longest;
        least = result->pairs < least ? result->pairs : least;
        most = result->pairs > most ? result->pairs : most;
    }
    printf("%.1f %.1f %.3f\n", total, longest * 1000, least / most);
}

int main(int count, char **arguments)
{
    int processes = count == 4 ? atoi(arguments[3]) : 0;
    if (processes < 1 || processes > PROCESSES_MAX)
        return 64;
    crowd *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return 1;
    for (int i = 0; i < processes; i++)
        if (fork() == 0)
            work(all, i, arguments[1], atof(arguments[2]));
    while (atomic_load(&all->ready) < processes)
        usleep(1000);
    atomic_store(&all->begin, true);
    int failed = 0;
    for (int result; wait(&result) > 0;)
        failed |= result;
    if (failed)
        return 1;
    report(all, processes);
    return 0;
}
