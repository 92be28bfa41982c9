/* How obtain tries, waits and gives up, behind a wire that can be cut. */
#include <string.h>

#include "leaselock/sys/probes.h"
#include "support/fake_lock.h"
#include "util/clock.h"

static leaselock_lock *lock, *rival;

static int setup(void **state)
{
    fake_setup(state);
    lock = fake_lock_open(0, 0);
    rival = fake_rival_open();
    return 0;
}

static int teardown(void **state)
{
    end_lock(lock);
    end_lock(rival);
    return fake_teardown(state);
}

/* The boot clock, from the test's beginning. */
static int64_t now(void)
{
    return ll_clock_boot() - FAKE_BOOT_MS;
}

static int64_t tried_at(size_t index)
{
    return fake_call_at(FAKE_OBTAIN, index).at_ms - FAKE_BOOT_MS;
}

static leaselock_status obtain_retrying(int64_t retries, int64_t pause_ms, leaselock_lease **out)
{
    leaselock_backoff *backoff;
    assert_ok(leaselock_backoff_new_exponential(retries, pause_ms, 1.0, &backoff));
    leaselock_status status = leaselock_lock_obtain_with_backoff(lock, "r", NULL, backoff, NULL, out);
    leaselock_backoff_free(backoff);
    return status;
}

/* --- a busy resource ------------------------------------------------------------------------------------------- */

TEST(the_default_tries_four_times_in_4750_ms_with_one_acquisition_id)
{
    leaselock_lease *held = obtain_now(rival, "r", NULL, 0), *untouched = NULL;
    assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain(lock, "r", NULL, NULL, &untouched));
    assert_null(untouched);
    assert_int_equal(now(), 4750);
    assert_int_equal(fake_calls(FAKE_OBTAIN), 4);
    static const int64_t at[] = {0, 1000, 2500, 4750};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(tried_at(i), at[i]);
        assert_string_equal(fake_call_at(FAKE_OBTAIN, i).acquisition, fake_call_at(FAKE_OBTAIN, 0).acquisition);
    }
    release_now(held);
}

TEST(busy_names_the_holder_in_the_record)
{
    leaselock_lease *held = obtain_now(rival, "r", "somebody", 30000), *untouched = NULL;
    leaselock_test_clock_advance(1000);
    assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &untouched));
    const leaselock_error *last = leaselock_error_last();
    assert_string_equal(last->resource, "r");
    assert_string_equal(last->holder, "somebody");
    assert_int_equal(last->sequence, leaselock_lease_sequence(held));
    assert_int_equal(last->remaining_ms, 29000);
    release_now(held);
}

TEST(no_wait_is_one_try_and_takes_over_what_has_expired)
{
    leaselock_lease *held = obtain_now(rival, "r", NULL, 1000), *lease = NULL;
    assert_status(LEASELOCK_BUSY, leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_int_equal(fake_calls(FAKE_OBTAIN), 1);
    assert_int_equal(now(), 0);
    leaselock_test_clock_advance(1000);
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_int_equal(leaselock_lease_sequence(lease), 2);
    leaselock_lease_free(held);
    release_now(lease);
}

TEST(a_wait_polls_with_jitter_until_its_end_and_tries_once_more_then)
{
    enum { WAIT_MS = 10000 };
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = WAIT_MS};
    leaselock_lease *held = obtain_now(rival, "r", NULL, 0), *untouched = NULL;
    assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain(lock, "r", NULL, &options, &untouched));
    assert_int_equal(now(), WAIT_MS);
    size_t tries = fake_calls(FAKE_OBTAIN);
    assert_int_equal(tried_at(tries - 1), WAIT_MS);
    bool differ = false;
    for (size_t i = 1; i + 1 < tries; i++) {
        assert_in_range(tried_at(i) - tried_at(i - 1), 50, 250);
        differ = differ || tried_at(i) - tried_at(i - 1) != tried_at(1) - tried_at(0);
    }
    assert_true(differ);
    release_now(held);
}

TEST(a_wait_obtains_soon_after_the_holders_time_is_over)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = LEASELOCK_FOREVER};
    leaselock_lease *held = obtain_now(rival, "r", NULL, 5000), *lease;
    assert_ok(leaselock_lock_obtain(lock, "r", NULL, &options, &lease));
    assert_in_range(now(), 5000, 5250);
    leaselock_lease_free(held);
    release_now(lease);
}

TEST(a_wait_cuts_the_pauses_of_a_backoff_and_tries_once_more)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = 2200};
    leaselock_lease *held = obtain_now(rival, "r", NULL, 0), *untouched = NULL;
    leaselock_backoff *backoff;
    assert_ok(leaselock_backoff_new_default(&backoff));
    assert_status(LEASELOCK_BUSY,
                  leaselock_lock_obtain_with_backoff(lock, "r", NULL, backoff, &options, &untouched));
    assert_int_equal(fake_calls(FAKE_OBTAIN), 3);
    assert_int_equal(tried_at(1), 1000);
    assert_int_equal(tried_at(2), 2200);
    leaselock_backoff_free(backoff);
    release_now(held);
}

/* --- a wire that is cut ---------------------------------------------------------------------------------------- */

TEST(what_is_unavailable_is_tried_again_with_the_same_id)
{
    leaselock_lease *lease;
    for (int i = 0; i < 3; i++)
        fake_next(FAKE_OBTAIN, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_OK); /* what failed meanwhile is no news */
    assert_int_equal(fake_calls(FAKE_OBTAIN), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(fake_call_at(FAKE_OBTAIN, i).acquisition, leaselock_lease_acquisition(lease));
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    release_now(lease);
}

TEST(a_lost_reply_is_found_again_with_its_sequence_and_less_time)
{
    leaselock_lease *lease;
    fake_next(FAKE_OBTAIN, (fake_fault){.lost_reply = LEASELOCK_UNAVAILABLE, .reply_ms = 4000});
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_int_equal(fake_calls(FAKE_OBTAIN), 2);
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    /* granted at 0 for 30 000; the second answer says what is left of that, less the margin of 600 */
    assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600 - now());
    release_now(lease);
    lease = obtain_now(rival, "r", NULL, 0);
    assert_int_equal(leaselock_lease_sequence(lease), 2); /* the retry burned no number */
    release_now(lease);
}

TEST(an_engine_out_of_reach_is_unavailable_when_the_operations_time_is_over)
{
    leaselock_lock *hasty = fake_lock_open(0, 2000);
    leaselock_lease *untouched = NULL;
    fake_always(FAKE_OBTAIN, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    /* the default backoff, which would take 4.75 s: an error is never contention */
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_obtain(hasty, "r", NULL, NULL, &untouched));
    assert_string_equal(leaselock_error_last()->message, "the fake engine refuses");
    assert_null(untouched);
    assert_in_range(now(), 1500, 2000);
    size_t tries = fake_calls(FAKE_OBTAIN);
    assert_in_range(tries, 5, 100); /* pauses that grow, and no busy loop */
    for (size_t i = 0; i < tries; i++)
        assert_int_equal(fake_call_at(FAKE_OBTAIN, i).until_ms, FAKE_BOOT_MS + 2000);
    end_lock(hasty);
}

TEST(every_try_has_the_whole_operation_time)
{
    leaselock_lease *held = obtain_now(rival, "r", NULL, 0), *untouched = NULL;
    assert_status(LEASELOCK_BUSY, leaselock_lock_obtain(lock, "r", NULL, NULL, &untouched));
    for (size_t i = 0; i < fake_calls(FAKE_OBTAIN); i++)
        assert_int_equal(fake_call_at(FAKE_OBTAIN, i).until_ms, fake_call_at(FAKE_OBTAIN, i).at_ms + 5000);
    release_now(held);
}

TEST(any_other_status_comes_at_once_and_as_itself)
{
    static const leaselock_status statuses[] = {
        LEASELOCK_NOMEM,     LEASELOCK_IO,      LEASELOCK_FULL,  LEASELOCK_PERMISSION, LEASELOCK_READ_ONLY,
        LEASELOCK_CORRUPT,   LEASELOCK_MOVED,   LEASELOCK_CLOCK, LEASELOCK_INTERNAL,   LEASELOCK_NO_TABLES,
        LEASELOCK_EXHAUSTED,
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        leaselock_lease *untouched = NULL;
        fake_reset();
        fake_next(FAKE_OBTAIN, (fake_fault){.refused = statuses[i]});
        assert_refused(statuses[i], leaselock_lock_obtain(lock, "r", NULL, NULL, &untouched));
        assert_null(untouched);
        assert_int_equal(fake_calls(FAKE_OBTAIN), 1);
        assert_int_equal(now(), 0);
    }
    assert_true(is_free(rival, "r"));
}

static void interrupt_the_lock(void *payload)
{
    (void)payload;
    assert_ok(leaselock_lock_interrupt(lock));
}

TEST(an_interrupt_ends_the_retries_and_is_not_sticky)
{
    leaselock_lease *lease = NULL;
    fake_next(FAKE_OBTAIN, (fake_fault){.before = interrupt_the_lock, .refused = LEASELOCK_UNAVAILABLE});
    assert_refused(LEASELOCK_INTERRUPTED, leaselock_lock_obtain(lock, "r", NULL, NULL, &lease));
    assert_null(lease);
    assert_int_equal(fake_calls(FAKE_OBTAIN), 1);
    fake_next(FAKE_OBTAIN, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    assert_ok(leaselock_lock_obtain(lock, "r", NULL, NULL, &lease));
    release_now(lease);
}

/* --- grants that come too late ----------------------------------------------------------------------------------- */

TEST(a_grant_that_arrives_at_its_deadline_is_given_back)
{
    leaselock_lease *lease = NULL;
    fake_next(FAKE_OBTAIN, (fake_fault){.reply_ms = 30000 - 600});
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_null(lease);
    assert_int_equal(fake_calls(FAKE_RELEASE), 1);
    assert_string_equal(fake_call_at(FAKE_RELEASE, 0).acquisition, fake_call_at(FAKE_OBTAIN, 0).acquisition);
    assert_int_equal(fake_call_at(FAKE_RELEASE, 0).sequence, 1);
    assert_true(is_free(rival, "r")); /* 600 ms before its ttl is over */
}

TEST(a_grant_that_arrives_just_before_its_deadline_is_used)
{
    leaselock_lease *lease;
    fake_next(FAKE_OBTAIN, (fake_fault){.request_ms = 9399, .reply_ms = 20000});
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_int_equal(leaselock_lease_remaining(lease), 1);
    assert_int_equal(fake_calls(FAKE_RELEASE), 0);
    release_now(lease);
}

TEST(a_late_grant_counts_as_a_failed_try_and_the_next_has_a_new_id)
{
    leaselock_lease *lease;
    fake_next(FAKE_OBTAIN, (fake_fault){.request_ms = 40000});
    assert_ok(obtain_retrying(1, 100, &lease));
    assert_int_equal(fake_calls(FAKE_OBTAIN), 2);
    assert_int_equal(tried_at(1), 40100);
    assert_string_not_equal(fake_call_at(FAKE_OBTAIN, 0).acquisition, leaselock_lease_acquisition(lease));
    assert_string_equal(fake_call_at(FAKE_OBTAIN, 1).acquisition, leaselock_lease_acquisition(lease));
    assert_int_equal(leaselock_lease_sequence(lease), 2);
    assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600);
    release_now(lease);
}

/* The retry of a lost reply finds its own grant, but too late to be of use. */
TEST(an_old_grant_that_is_found_again_too_late_is_given_back_too)
{
    leaselock_lease *lease;
    leaselock_lock *patient = fake_lock_open(0, 60000);
    fake_next(FAKE_OBTAIN, (fake_fault){.lost_reply = LEASELOCK_UNAVAILABLE, .reply_ms = 29500});
    assert_status(LEASELOCK_UNAVAILABLE,
                  leaselock_lock_obtain_with_no_wait(patient, "r", NULL, NULL, &lease));
    assert_int_equal(fake_calls(FAKE_OBTAIN), 2);
    assert_int_equal(fake_calls(FAKE_RELEASE), 1);
    end_lock(patient);
}

/* The grant's reply was lost, and then somebody who knows the ids released it. */
static void release_the_grant(void *payload)
{
    (void)payload;
    leaselock_lease *twin;
    fake_call call = fake_call_at(FAKE_OBTAIN, 0);
    assert_ok(leaselock_lock_resume(rival, "r", "holder", 1, call.acquisition, &twin));
    release_now(twin);
}

TEST(an_id_that_is_spent_is_replaced_by_a_new_one)
{
    leaselock_lease *lease;
    fake_next(FAKE_OBTAIN, (fake_fault){.after = release_the_grant, .lost_reply = LEASELOCK_UNAVAILABLE});
    assert_ok(obtain_retrying(1, 100, &lease));
    assert_int_equal(fake_calls(FAKE_OBTAIN), 3);
    assert_string_equal(fake_call_at(FAKE_OBTAIN, 1).acquisition, fake_call_at(FAKE_OBTAIN, 0).acquisition);
    assert_string_not_equal(fake_call_at(FAKE_OBTAIN, 2).acquisition, fake_call_at(FAKE_OBTAIN, 0).acquisition);
    assert_int_equal(leaselock_lease_sequence(lease), 2);
    release_now(lease);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static leaselock_status open_once(leaselock_lock **out)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .operation_ms = 1000};
    return leaselock_lock_open("fake:opening", &options, out);
}

TEST(opening_is_retried_while_it_is_unavailable)
{
    leaselock_lock *opened;
    fake_reset();
    fake_next(FAKE_OPEN, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    fake_next(FAKE_START, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    assert_ok(open_once(&opened));
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_OK);
    assert_int_equal(fake_calls(FAKE_OPEN), 3);
    assert_int_equal(fake_calls(FAKE_START), 2);
    assert_int_equal(fake_calls(FAKE_CLOSE), 1); /* of the connection whose start failed */
    end_lock(opened);
    assert_int_equal(fake_calls(FAKE_CLOSE), 2);
}

TEST(opening_gives_up_in_time_and_says_why)
{
    leaselock_lock *untouched = NULL;
    fake_reset();
    fake_always(FAKE_START, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    assert_refused(LEASELOCK_UNAVAILABLE, open_once(&untouched));
    assert_string_equal(leaselock_error_last()->message, "the fake engine refuses");
    assert_in_range(now(), 500, 1000);
    fake_always(FAKE_START, (fake_fault){.refused = LEASELOCK_NEWER_DATABASE});
    size_t tries = fake_calls(FAKE_START);
    assert_refused(LEASELOCK_NEWER_DATABASE, open_once(&untouched));
    assert_int_equal(fake_calls(FAKE_START), tries + 1);
    assert_int_equal(fake_calls(FAKE_CLOSE), fake_calls(FAKE_OPEN));
    assert_null(untouched);
}

int main(void)
{
#define OBTAIN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        OBTAIN_TEST(the_default_tries_four_times_in_4750_ms_with_one_acquisition_id),
        OBTAIN_TEST(busy_names_the_holder_in_the_record),
        OBTAIN_TEST(no_wait_is_one_try_and_takes_over_what_has_expired),
        OBTAIN_TEST(a_wait_polls_with_jitter_until_its_end_and_tries_once_more_then),
        OBTAIN_TEST(a_wait_obtains_soon_after_the_holders_time_is_over),
        OBTAIN_TEST(a_wait_cuts_the_pauses_of_a_backoff_and_tries_once_more),
        OBTAIN_TEST(what_is_unavailable_is_tried_again_with_the_same_id),
        OBTAIN_TEST(a_lost_reply_is_found_again_with_its_sequence_and_less_time),
        OBTAIN_TEST(an_engine_out_of_reach_is_unavailable_when_the_operations_time_is_over),
        OBTAIN_TEST(every_try_has_the_whole_operation_time),
        OBTAIN_TEST(any_other_status_comes_at_once_and_as_itself),
        OBTAIN_TEST(an_interrupt_ends_the_retries_and_is_not_sticky),
        OBTAIN_TEST(a_grant_that_arrives_at_its_deadline_is_given_back),
        OBTAIN_TEST(a_grant_that_arrives_just_before_its_deadline_is_used),
        OBTAIN_TEST(a_late_grant_counts_as_a_failed_try_and_the_next_has_a_new_id),
        OBTAIN_TEST(an_old_grant_that_is_found_again_too_late_is_given_back_too),
        OBTAIN_TEST(an_id_that_is_spent_is_replaced_by_a_new_one),
        OBTAIN_TEST(opening_is_retried_while_it_is_unavailable),
        OBTAIN_TEST(opening_gives_up_in_time_and_says_why),
    };
#undef OBTAIN_TEST
    return cmocka_run_group_tests_name("obtain", tests, NULL, NULL);
}
