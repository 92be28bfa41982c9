/*
 * obtain + release through the library, in several threads, each with a lock and a resource of its own. Prints pairs per second.
 *
 *   bench_pairs_threads URL SECONDS THREADS
 */
#include <leaselock.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { THREADS_MAX = 64 };

static const char *url;
static double length;
static atomic_long total;

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

static void pair(leaselock_lock *locks, const char *resource)
{
    leaselock_lease *lease;
    check(leaselock_lock_obtain_with_no_wait(locks, resource, "c", NULL, &lease));
    check(leaselock_lock_release(locks, lease, NULL));
    leaselock_lease_free(lease);
}

static void *work(void *argument)
{
    char resource[32];
    snprintf(resource, sizeof resource, "benchmark-%d", *(const int *)argument);
    leaselock_lock *locks;
    check(leaselock_lock_open(url, NULL, &locks));
    pair(locks, resource);
    long count = 0;
    for (double start = seconds(); seconds() - start < length; count++)
        pair(locks, resource);
    atomic_fetch_add(&total, count);
    leaselock_lock_close(locks);
    leaselock_lock_free(locks);
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 64;
    url = arguments[1];
    length = atof(arguments[2]);
    int wanted = atoi(arguments[3]), numbers[THREADS_MAX];
    if (wanted < 1 || wanted > THREADS_MAX)
        return 64;
    pthread_t threads[THREADS_MAX];
    for (int i = 0; i < wanted; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (int i = 0; i < wanted; i++)
        pthread_join(threads[i], NULL);
    printf("%.1f\n", (double)total / length);
    return 0;
}
