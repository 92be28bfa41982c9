/* Obtaining through the API: what a lease says of itself, options, waiting. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conformance/conformance.h"
#include "util/clock.h"
#include "util/text.h"

TEST(a_lease_says_what_was_granted)
{
    leaselock_lease *lease = obtain_now(lock, "a", "worker", 20000);
    assert_string_equal(leaselock_lease_resource(lease), resource("a"));
    assert_string_equal(leaselock_lease_client(lease), "worker");
    assert_ok(ll_text_check_acquisition(leaselock_lease_acquisition(lease)));
    assert_true(leaselock_lease_sequence(lease) >= 1);
    assert_int_equal(leaselock_lease_ttl(lease), 20000);
    assert_about(leaselock_lease_remaining(lease), 20000 - 400);
    assert_true(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_in_range(leaselock_lease_expiry(lease), ll_clock_wall() + 15000, ll_clock_wall() + 25000);
    assert_ptr_equal(leaselock_lease_lock(lease), lock);
    assert_null(leaselock_lease_lost_to(lease));
    release_now(lease);
}

TEST(the_strings_are_copies)
{
    char name[64], client[] = "worker";
    leaselock_lease *lease;
    snprintf(name, sizeof name, "%s", resource("a"));
    assert_ok(leaselock_lock_obtain(lock, name, client, NULL, &lease));
    name[0] = client[0] = '#';
    assert_string_equal(leaselock_lease_resource(lease), resource("a"));
    assert_string_equal(leaselock_lease_client(lease), "worker");
    release_now(lease);
}

TEST(defaults_are_host_and_pid_and_30_seconds)
{
    char host[256] = "", expected[300];
    gethostname(host, sizeof host - 1);
    snprintf(expected, sizeof expected, "%.200s:%ld", host, (long)getpid());
    assert_string_equal(leaselock_lock_client(lock), expected);
    leaselock_lease *lease;
    assert_ok(leaselock_lock_obtain(lock, resource("a"), NULL, NULL, &lease));
    assert_string_equal(leaselock_lease_client(lease), expected);
    assert_int_equal(leaselock_lease_ttl(lease), LEASELOCK_TTL_DEFAULT_MS);
    release_now(lease);
}

TEST(the_locks_options_are_the_defaults_of_its_obtains)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .client = "own",
                                            .ttl_ms = 5000, .operation_ms = 1000};
    const leaselock_obtain_options obtain_options = {.struct_size = sizeof obtain_options, .ttl_ms = 7000};
    leaselock_lock *own = NULL;
    leaselock_lease *lease;
    assert_ok(leaselock_lock_open(suite_url, &options, &own));
    assert_string_equal(leaselock_lock_client(own), "own");
    assert_ok(leaselock_lock_obtain(own, resource("a"), NULL, NULL, &lease));
    assert_string_equal(leaselock_lease_client(lease), "own");
    assert_int_equal(leaselock_lease_ttl(lease), 5000);
    release_now(lease);
    assert_ok(leaselock_lock_obtain(own, resource("a"), "other", &obtain_options, &lease));
    assert_string_equal(leaselock_lease_client(lease), "other");
    assert_int_equal(leaselock_lease_ttl(lease), 7000);
    release_now(lease);
    close_lock(own);
}

TEST(every_acquisition_has_an_id_of_its_own)
{
    leaselock_lease *first = obtain_now(lock, "a", NULL, 0), *second = obtain_now(lock, "b", NULL, 0);
    assert_string_not_equal(leaselock_lease_acquisition(first), leaselock_lease_acquisition(second));
    release_now(second);
    leaselock_lease *again = obtain_now(lock, "b", NULL, 0);
    assert_string_not_equal(leaselock_lease_acquisition(first), leaselock_lease_acquisition(again));
    release_now(first);
    release_now(again);
}

TEST(held_by_anybody_is_busy_and_the_record_names_the_holder)
{
    leaselock_lock *other = open_lock();
    leaselock_lease *held = obtain_now(lock, "a", "holder", 10000), *untouched = NULL;
    pass_time(1000);
    static const char *const clients[] = {"holder", "other"};
    for (int i = 0; i < 4; i++) {
        assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain_with_no_wait(i < 2 ? lock : other, resource("a"),
                                                                          clients[i % 2], NULL, &untouched));
        const leaselock_error *last = leaselock_error_last();
        assert_string_equal(last->resource, resource("a"));
        assert_string_equal(last->holder, "holder");
        assert_int_equal(last->sequence, leaselock_lease_sequence(held));
        assert_about(last->remaining_ms, 9000);
    }
    assert_null(untouched);
    assert_true(leaselock_lease_valid(held));
    release_now(held);
    close_lock(other);
}

TEST(the_default_waits_4750_ms_and_then_says_busy)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *untouched = NULL;
    int64_t begin = ll_clock_boot();
    assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain(lock, resource("a"), NULL, NULL, &untouched));
    int64_t took = ll_clock_boot() - begin;
    assert_in_range(took, 4750, ll_clock_is_test() ? 4750 : 4750 + PATIENCE_MS);
    assert_null(untouched);
    release_now(held);
}

TEST(the_default_obtains_what_becomes_free_meanwhile)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, 2000), *lease = NULL;
    assert_ok(leaselock_lock_obtain(lock, resource("a"), NULL, NULL, &lease));
    assert_int_equal(leaselock_lease_sequence(lease), leaselock_lease_sequence(held) + 1);
    leaselock_lease_free(held);
    release_now(lease);
}

TEST(no_wait_takes_over_what_has_expired)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, TTL_MS);
    pass_time(TTL_MS);
    leaselock_lease *lease = obtain_now(lock, "a", NULL, 0);
    assert_int_equal(leaselock_lease_sequence(lease), leaselock_lease_sequence(held) + 1);
    assert_false(leaselock_lease_valid(held));
    leaselock_lease_free(held);
    release_now(lease);
}

TEST(a_wait_lasts_as_long_as_it_says)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = 700};
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *untouched = NULL;
    int64_t begin = ll_clock_boot();
    assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain(lock, resource("a"), NULL, &options, &untouched));
    int64_t took = ll_clock_boot() - begin;
    assert_in_range(took, 700, ll_clock_is_test() ? 700 : 700 + PATIENCE_MS);
    assert_string_equal(leaselock_error_last()->holder, leaselock_lock_client(lock));
    assert_null(untouched);
    release_now(held);
}

TEST(a_wait_obtains_when_the_holders_time_is_over)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = LEASELOCK_FOREVER};
    leaselock_lease *held = obtain_now(lock, "a", NULL, TTL_MS), *lease;
    assert_ok(leaselock_lock_obtain(lock, resource("a"), NULL, &options, &lease));
    assert_int_equal(leaselock_lease_sequence(lease), leaselock_lease_sequence(held) + 1);
    assert_false(leaselock_lease_valid(held));
    leaselock_lease_free(held);
    release_now(lease);
}

TEST(sequences_grow_from_lock_to_lock)
{
    int64_t last = 0;
    for (int i = 0; i < 5; i++) {
        leaselock_lock *own = open_lock();
        leaselock_lease *lease = obtain_now(own, "a", NULL, 0);
        assert_true(leaselock_lease_sequence(lease) > last);
        last = leaselock_lease_sequence(lease);
        release_now(lease);
        close_lock(own);
    }
    assert_int_equal(last, 5);
}

int run_lock_obtain(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(a_lease_says_what_was_granted),
        LOCK_TEST(the_strings_are_copies),
        LOCK_TEST(defaults_are_host_and_pid_and_30_seconds),
        LOCK_TEST(the_locks_options_are_the_defaults_of_its_obtains),
        LOCK_TEST(every_acquisition_has_an_id_of_its_own),
        LOCK_TEST(held_by_anybody_is_busy_and_the_record_names_the_holder),
        LOCK_TEST(the_default_waits_4750_ms_and_then_says_busy),
        LOCK_TEST(the_default_obtains_what_becomes_free_meanwhile),
        LOCK_TEST(no_wait_takes_over_what_has_expired),
        LOCK_TEST(a_wait_lasts_as_long_as_it_says),
        LOCK_TEST(a_wait_obtains_when_the_holders_time_is_over),
        LOCK_TEST(sequences_grow_from_lock_to_lock),
    };
    return cmocka_run_group_tests_name("lock: obtain", tests, NULL, NULL);
}
