/* What a holder knows of its lease: the conservative deadline, and the states. */
#include <string.h>

#include "core/lease.h"
#include "leaselock/sys/probes.h"
#include "support/fake_lock.h"
#include "util/clock.h"

static leaselock_lock *lock, *rival;

static int setup(void **state)
{
    fake_setup(state);
    lock = fake_lock_open(0, 1000);
    rival = fake_rival_open();
    return 0;
}

static int teardown(void **state)
{
    end_lock(lock);
    end_lock(rival);
    return fake_teardown(state);
}

/* --- the deadline ------------------------------------------------------------------------------------------------ */

TEST(the_margin_is_a_fiftieth_of_the_ttl_and_at_least_50_ms)
{
    static const int64_t margins[][2] = {{100, 50},    {2500, 50},    {2549, 50},         {2550, 51},
                                         {30000, 600}, {60000, 1200}, {86400000, 1728000}};
    for (size_t i = 0; i < sizeof margins / sizeof *margins; i++) {
        leaselock_lease *lease = obtain_now(lock, "r", NULL, margins[i][0]);
        assert_int_equal(leaselock_lease_ttl(lease), margins[i][0]);
        assert_int_equal(leaselock_lease_remaining(lease), margins[i][0] - margins[i][1]);
        release_now(lease);
    }
}

/* The engine counts from when it granted; the holder from before it asked. */
TEST(the_deadline_counts_from_before_the_request)
{
    fake_next(FAKE_OBTAIN, (fake_fault){.request_ms = 700, .reply_ms = 300});
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600 - 1000);
    fake_next(FAKE_RENEW, (fake_fault){.request_ms = 70, .reply_ms = 30});
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600 - 100);
    release_now(lease);
}

/* Millisecond by millisecond: whenever a rival is granted, the holder has seen the end before; and not long before. */
TEST(a_lease_is_never_valid_once_a_rival_can_be_granted)
{
    static const int64_t ttls[] = {100, 101, 333, 3000};
    for (size_t i = 0; i < sizeof ttls / sizeof *ttls; i++) {
        fake_next(FAKE_OBTAIN, (fake_fault){.request_ms = 3, .reply_ms = 4});
        leaselock_lease *lease = obtain_now(lock, "r", NULL, ttls[i]), *taken = NULL;
        int64_t elapsed = 7, valid_for = 0;
        for (; !taken; elapsed++) {
            bool valid = leaselock_lease_valid(lease);
            assert_int_equal(valid, leaselock_lease_remaining(lease) > 0);
            leaselock_status status = leaselock_lock_obtain_with_no_wait(rival, "r", NULL, NULL, &taken);
            assert_true(status == LEASELOCK_BUSY || (status == LEASELOCK_OK && !valid));
            valid_for = valid ? elapsed + 1 : valid_for;
            leaselock_test_clock_advance(1);
        }
        assert_int_equal(valid_for, ttls[i] - (ttls[i] < 2550 ? 50 : ttls[i] / 50));
        assert_int_equal(elapsed - 1, ttls[i] + 3); /* the engine's ttl ran from the third millisecond */
        leaselock_lease_free(lease);
        release_now(taken);
    }
}

TEST(the_wall_clock_decides_nothing)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    assert_int_equal(leaselock_lease_expiry(lease), FAKE_WALL_MS + 30000);
    leaselock_test_clock_step_wall(-1000000000);
    assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600);
    leaselock_test_clock_step_wall(2000000000);
    assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600);
    assert_false(is_free(rival, "r"));
    release_now(lease);
}

/* --- expired ------------------------------------------------------------------------------------------------------ */

TEST(what_was_seen_as_expired_stays_expired_whatever_the_clock_does)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 1000);
    leaselock_test_clock_advance(950);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    leaselock_test_clock_advance(-500);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_false(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_remaining(lease), 0);
    leaselock_lease_free(lease);
}

TEST(an_explicit_renewal_revives_what_nobody_took)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 1000);
    leaselock_test_clock_advance(60000);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    assert_int_equal(leaselock_lease_remaining(lease), 950);
    assert_false(is_free(rival, "r"));
    release_now(lease);
}

static int broken_clock(void *payload, int64_t *ms)
{
    (void)payload, (void)ms;
    return 5;
}

TEST(a_clock_that_cannot_be_read_makes_no_lease_valid)
{
    const leaselock_probes probes = {.struct_size = sizeof probes, .boot_clock = broken_clock};
    leaselock_test_clock_stop();
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    assert_true(leaselock_lease_valid(lease));
    leaselock_probes_set(&probes);
    bool valid = leaselock_lease_valid(lease);
    int64_t remaining = leaselock_lease_remaining(lease);
    leaselock_probes_set(NULL);
    assert_false(valid);
    assert_int_equal(remaining, 0);
    leaselock_lease_free(lease);
}

/* --- unknown and lost --------------------------------------------------------------------------------------------- */

TEST(a_renewal_that_cannot_ask_makes_it_unknown_and_valid_until_the_deadline)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    fake_always(FAKE_RENEW, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    int64_t left = leaselock_lease_remaining(lease);
    assert_in_range(left, 28400, 28900); /* up to the operation's second has passed; the deadline stands */
    leaselock_test_clock_advance(left - 1);
    assert_true(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    leaselock_test_clock_advance(1);
    assert_false(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    leaselock_lease_free(lease);
}

TEST(any_failed_renewal_is_unknown_and_a_good_one_is_held_again)
{
    static const leaselock_status statuses[] = {LEASELOCK_IO, LEASELOCK_FULL, LEASELOCK_CORRUPT, LEASELOCK_MOVED};
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        fake_next(FAKE_RENEW, (fake_fault){.refused = statuses[i]});
        assert_refused(statuses[i], leaselock_lock_renew(lock, lease));
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
        assert_ok(leaselock_lock_renew(lock, lease));
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    }
    release_now(lease);
}

TEST(a_renewal_whose_reply_was_lost_is_made_again)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    leaselock_test_clock_advance(10000);
    fake_next(FAKE_RENEW, (fake_fault){.lost_reply = LEASELOCK_UNAVAILABLE});
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(fake_calls(FAKE_RENEW), 2);
    assert_string_equal(fake_call_at(FAKE_RENEW, 1).acquisition, leaselock_lease_acquisition(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_int_equal(leaselock_lease_remaining(lease), 29400);
    release_now(lease);
}

TEST(lost_is_final_and_names_the_successor)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 1000);
    leaselock_test_clock_advance(1000);
    leaselock_lease *taken = obtain_now(rival, "r", NULL, 30000);
    assert_null(leaselock_lease_lost_to(lease));
    assert_refused(LEASELOCK_LOST, leaselock_lock_renew(lock, lease));
    assert_string_equal(leaselock_error_last()->resource, "r");
    assert_string_equal(leaselock_error_last()->holder, "rival");
    assert_int_equal(leaselock_error_last()->sequence, 2);
    assert_int_equal(leaselock_error_last()->remaining_ms, 30000);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_LOST);
    assert_string_equal(leaselock_lease_lost_to(lease), "rival");
    fake_next(FAKE_RENEW, (fake_fault){.refused = LEASELOCK_IO});
    assert_status(LEASELOCK_IO, leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_LOST);
    bool was_ours = true;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_false(was_ours);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_LOST);
    leaselock_lease_free(lease);
    release_now(taken);
}

/* --- released ----------------------------------------------------------------------------------------------------- */

typedef struct seen_inside {
    leaselock_lease *lease;
    bool valid;
    leaselock_state state;
} seen_inside;

static void look_at_lease(void *payload)
{
    seen_inside *seen = payload;
    seen->valid = leaselock_lease_valid(seen->lease);
    seen->state = leaselock_lease_state(seen->lease);
}

TEST(a_release_makes_it_invalid_before_the_engine_hears_of_it)
{
    seen_inside seen = {.lease = obtain_now(lock, "r", NULL, 30000), .valid = true};
    fake_next(FAKE_RELEASE, (fake_fault){.before = look_at_lease, .payload = &seen});
    release_now(seen.lease);
    assert_int_equal(seen.state, LEASELOCK_STATE_RELEASED);
    assert_false(seen.valid);
}

TEST(a_failed_release_leaves_it_invalid_and_can_be_tried_again)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    bool untouched = true;
    fake_next(FAKE_RELEASE, (fake_fault){.refused = LEASELOCK_IO});
    assert_refused(LEASELOCK_IO, leaselock_lock_release(lock, lease, &untouched));
    assert_true(untouched);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_RELEASED);
    assert_false(leaselock_lease_valid(lease));
    assert_refused(LEASELOCK_RELEASED, leaselock_lock_renew(lock, lease));
    assert_refused(LEASELOCK_RELEASED, leaselock_lease_keep(lease));
    assert_int_equal(fake_calls(FAKE_RENEW), 0);
    assert_false(is_free(rival, "r"));
    assert_ok(leaselock_lock_release(lock, lease, NULL));
    assert_true(is_free(rival, "r"));
    leaselock_lease_free(lease);
}

TEST(a_release_whose_reply_was_lost_was_ours)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    fake_next(FAKE_RELEASE, (fake_fault){.lost_reply = LEASELOCK_UNAVAILABLE});
    bool was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_true(was_ours);
    assert_int_equal(fake_calls(FAKE_RELEASE), 2);
    leaselock_lease_free(lease);
}

static void take_over(void *payload)
{
    leaselock_test_clock_advance(30000);
    *(leaselock_lease **)payload = obtain_now(rival, "r", NULL, 30000);
}

TEST(a_release_retried_after_a_take_over_was_not_ours)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 1000), *taken = NULL;
    leaselock_lock *patient = fake_lock_open(0, 60000);
    leaselock_lease *twin;
    assert_ok(leaselock_lock_resume(patient, "r", "holder", 1, leaselock_lease_acquisition(lease), &twin));
    fake_next(FAKE_RELEASE,
              (fake_fault){.after = take_over, .payload = &taken, .lost_reply = LEASELOCK_UNAVAILABLE});
    bool was_ours = true;
    assert_ok(leaselock_lock_release(patient, twin, &was_ours));
    assert_false(was_ours);
    assert_false(is_free(rival, "r")); /* the successor is not disturbed */
    leaselock_lease_free(lease);
    leaselock_lease_free(twin);
    release_now(taken);
    end_lock(patient);
}

/* --- handles ------------------------------------------------------------------------------------------------------ */

TEST(getters_of_nothing_answer_nothing)
{
    assert_null(leaselock_lease_lock(NULL));
    assert_null(leaselock_lease_resource(NULL));
    assert_null(leaselock_lease_client(NULL));
    assert_null(leaselock_lease_acquisition(NULL));
    assert_null(leaselock_lease_lost_to(NULL));
    assert_int_equal(leaselock_lease_sequence(NULL), 0);
    assert_int_equal(leaselock_lease_ttl(NULL), 0);
    assert_int_equal(leaselock_lease_expiry(NULL), 0);
    assert_int_equal(leaselock_lease_remaining(NULL), 0);
    assert_false(leaselock_lease_valid(NULL));
    assert_null(leaselock_lock_client(NULL));
    assert_string_equal(leaselock_state_name(LEASELOCK_STATE_HELD), "HELD");
    assert_string_equal(leaselock_state_name(LEASELOCK_STATE_UNKNOWN), "UNKNOWN");
    assert_string_equal(leaselock_state_name(LEASELOCK_STATE_LOST), "LOST");
    assert_string_equal(leaselock_state_name(LEASELOCK_STATE_EXPIRED), "EXPIRED");
    assert_string_equal(leaselock_state_name(LEASELOCK_STATE_RELEASED), "RELEASED");
    assert_string_equal(leaselock_state_name(LEASELOCK_STATE_FORKED), "FORKED");
    assert_non_null(leaselock_state_name(0));
    assert_non_null(leaselock_state_name(-1));
    assert_non_null(leaselock_state_name(7));
}

TEST(a_lease_of_another_lock_is_refused)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 30000);
    bool untouched = true;
    assert_refused(LEASELOCK_INVALID, leaselock_lock_renew(rival, lease));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_release(rival, lease, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_release(lock, NULL, &untouched));
    assert_true(untouched);
    assert_true(leaselock_lease_valid(lease));
    release_now(lease);
}

int main(void)
{
#define LEASE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        LEASE_TEST(the_margin_is_a_fiftieth_of_the_ttl_and_at_least_50_ms),
        LEASE_TEST(the_deadline_counts_from_before_the_request),
        LEASE_TEST(a_lease_is_never_valid_once_a_rival_can_be_granted),
        LEASE_TEST(the_wall_clock_decides_nothing),
        LEASE_TEST(what_was_seen_as_expired_stays_expired_whatever_the_clock_does),
        LEASE_TEST(an_explicit_renewal_revives_what_nobody_took),
        LEASE_TEST(a_clock_that_cannot_be_read_makes_no_lease_valid),
        LEASE_TEST(a_renewal_that_cannot_ask_makes_it_unknown_and_valid_until_the_deadline),
        LEASE_TEST(any_failed_renewal_is_unknown_and_a_good_one_is_held_again),
        LEASE_TEST(a_renewal_whose_reply_was_lost_is_made_again),
        LEASE_TEST(lost_is_final_and_names_the_successor),
        LEASE_TEST(a_release_makes_it_invalid_before_the_engine_hears_of_it),
        LEASE_TEST(a_failed_release_leaves_it_invalid_and_can_be_tried_again),
        LEASE_TEST(a_release_whose_reply_was_lost_was_ours),
        LEASE_TEST(a_release_retried_after_a_take_over_was_not_ours),
        LEASE_TEST(getters_of_nothing_answer_nothing),
        LEASE_TEST(a_lease_of_another_lock_is_refused),
    };
#undef LEASE_TEST
    return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
