/* A fail-over to a synchronous standby: whatever was reported as granted is there, and the numbers go on. */
#include <stdio.h>
#include <stdlib.h>

#include "postgresql/background.h"

enum { CLIENTS = 4 };

static atomic_bool stop;
static atomic_int faults, holders, grants_after;
static atomic_llong last_sequence;
static atomic_bool promoted;

static void check_grant(const leaselock_lease *lease)
{
    int64_t sequence = leaselock_lease_sequence(lease);
    if (atomic_fetch_add(&holders, 1) != 0)
        atomic_fetch_add(&faults, 1); /* two at once */
    if (atomic_exchange(&last_sequence, sequence) >= sequence)
        atomic_fetch_add(&faults, 1); /* a number that came twice, or too late */
    if (atomic_load(&promoted))
        atomic_fetch_add(&grants_after, 1);
    atomic_fetch_sub(&holders, 1);
}

/* What a client does that keeps on trying, whatever the weather. */
static void *work(void *argument)
{
    leaselock_lock *lock = argument;
    while (!atomic_load(&stop)) {
        leaselock_lease *lease = NULL;
        leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, "failover", NULL, NULL, &lease);
        if (status == LEASELOCK_OK) {
            check_grant(lease);
            while (leaselock_lock_release(lock, lease, NULL) == LEASELOCK_UNAVAILABLE && !atomic_load(&stop))
                ;
            leaselock_lease_free(lease);
        } else if (status != LEASELOCK_BUSY && status != LEASELOCK_UNAVAILABLE) {
            print_error("%s\n", leaselock_error_last()->message);
            atomic_fetch_add(&faults, 1);
        }
    }
    return NULL;
}

static void command(const char *format, const char *what)
{
    char text[1024];
    snprintf(text, sizeof text, format, what);
    assert_int_equal(system(text), 0);
}

TEST(nothing_that_was_reported_is_lost)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .client = "client",
                                            .ttl_ms = 3000, .operation_ms = 2000};
    leaselock_lock *locks[CLIENTS];
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        assert_ok(leaselock_lock_open(server("_BOTH"), &options, &locks[i]));
    leaselock_lease *kept = NULL;
    const leaselock_obtain_options long_time = {.struct_size = sizeof long_time, .ttl_ms = 60000};
    assert_ok(leaselock_lock_obtain_with_no_wait(locks[0], "kept", NULL, &long_time, &kept));
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, locks[i]), 0);
    assert_eventually(atomic_load(&last_sequence) > 20);
    command("%s stop >/dev/null", server("_CONTROL"));
    command("%s >/dev/null", server("_PROMOTE"));
    atomic_store(&promoted, true);
    assert_eventually(atomic_load(&grants_after) > 20);
    atomic_store(&stop, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&faults), 0);
    assert_ok(leaselock_lock_renew(locks[0], kept));
    bool was_ours = false;
    assert_ok(leaselock_lock_release(locks[0], kept, &was_ours));
    assert_true(was_ours);
    leaselock_lease_free(kept);
    for (int i = 0; i < CLIENTS; i++) {
        leaselock_lock_close(locks[i]);
        leaselock_lock_free(locks[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_that_was_reported_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
