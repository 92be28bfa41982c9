/* Background renewal: when, and what happens when it fails or the lease is lost. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "leaselock/sys/probes.h"
#include "support/allocator.h"
#include "unit/kept.h"
#include "util/clock.h"

/*
 * --- when ----------------------------------------------------------------------------------------------------------
 */

TEST(renewals_come_at_a_third_of_the_ttl_up_to_a_fifth_earlier)
{
    leaselock_lease *lease = keep_renewed("r");
    assert_renewed_in(EARLIEST_MS, lease);
    fake_choose_jitter(LATEST_MS - EARLIEST_MS);
    assert_renewed_in(EARLIEST_MS, lease); /* that one was planned before */
    assert_renewed_in(LATEST_MS, lease);
    release_now(lease);
}

TEST(a_kept_lease_outlives_its_ttl_with_the_same_sequence)
{
    leaselock_lease *lease = keep_renewed("r");
    for (int i = 0; i < 50; i++) {
        renew_all(lease);
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
        assert_false(is_free(rival, "r"));
    }
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    assert_int_equal(leaselock_lease_expiry(lease), ll_clock_wall() + TTL_MS);
    release_now(lease);
}

/* What is left of an old grant counts, not when its keeping began. */
TEST(an_old_grant_is_renewed_in_time)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    leaselock_test_clock_advance(TTL_MS - MARGIN_MS - 100);
    assert_ok(leaselock_lease_keep(lease));
    assert_eventually(leaselock_lease_remaining(lease) == TTL_MS - MARGIN_MS);
    assert_int_equal(renewals(), 1);
    release_now(lease);
}

TEST(all_that_is_due_goes_in_one_call_on_a_connection_of_the_keepers_own)
{
    enum { COUNT = 5 };
    leaselock_lease *leases[COUNT], *slow = obtain_now(lock, "slow", NULL, LEASELOCK_TTL_MAX_MS);
    for (int i = 0; i < COUNT; i++) {
        char resource[8];
        snprintf(resource, sizeof resource, "r%d", i);
        leases[i] = obtain_now(lock, resource, NULL, 0);
        keep(leases[i]);
        assert_ok(leaselock_lease_keep(leases[i])); /* again: nothing happens */
    }
    assert_ok(leaselock_lease_keep(slow));
    assert_int_equal(fake_calls(FAKE_OPEN_AGAIN), 1);
    for (int round = 0; round < 3; round++) {
        renew_all(leases[0]);
        settle();
        assert_int_equal(renewals(), round + 1);
        assert_int_equal(fake_call_at(FAKE_RENEW, (size_t)round).count, COUNT);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(leaselock_lease_remaining(leases[i]), TTL_MS - MARGIN_MS);
    }
    for (int i = 0; i < COUNT; i++)
        release_now(leases[i]);
    release_now(slow);
}

/* One call for what is due now and for what is due within a quarter of an interval. */
TEST(what_is_nearly_due_goes_along)
{
    leaselock_lease *early = obtain_now(lock, "early", NULL, 0), *late = obtain_now(lock, "late", NULL, 0);
    keep(early);
    fake_choose_jitter(LATEST_MS - EARLIEST_MS);
    keep(late);
    uint64_t plans = fake_pauses_chosen() + 2;
    assert_next_renewal_in(EARLIEST_MS - MARGIN_MS); /* since a grant has been, what is left of it counts */
    await_plans(plans, early);
    assert_int_equal(fake_call_at(FAKE_RENEW, 0).count, 2);
    assert_int_equal(leaselock_lease_remaining(late), TTL_MS - MARGIN_MS);
    release_now(early);
    release_now(late);
}

TEST(the_thread_is_the_keepers_own_and_blocks_all_signals)
{
    leaselock_lease *lease = keep_renewed("r");
    fake_call call = fake_call_at(FAKE_RENEW, 0);
    assert_false(pthread_equal(call.thread, pthread_self()));
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP)
            assert_int_equal(sigismember(&call.blocked, number), 1);
    release_now(lease);
}

/*
 * --- when it fails -------------------------------------------------------------------------------------------------
 */

TEST(a_renewal_that_fails_is_unknown_and_retried_at_growing_intervals_until_expired)
{
    leaselock_lease *lease = keep_renewed("r");
    fake_always(FAKE_RENEW, (fake_fault){.refused = LEASELOCK_IO});
    assert_renewed_in(EARLIEST_MS, lease);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    assert_true(leaselock_lease_valid(lease));
    int64_t pause = 20; /* with the least jitter, half of 40 ms, which doubles up to a tenth of the ttl */
    while (leaselock_lease_remaining(lease) > pause) {
        assert_renewed_in(pause, lease);
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
        pause = 2 * pause < TTL_MS / 20 ? 2 * pause : TTL_MS / 20;
    }
    size_t tries = renewals();
    for (size_t i = 0; i < tries; i++) {
        fake_call call = fake_call_at(FAKE_RENEW, i);
        assert_string_equal(call.acquisition, leaselock_lease_acquisition(lease));
        assert_true(call.until_ms <= call.at_ms + LEASELOCK_OPERATION_DEFAULT_MS);
        assert_true(call.until_ms <= ll_clock_boot() + leaselock_lease_remaining(lease));
    }
    leaselock_test_clock_advance(leaselock_lease_remaining(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_false(leaselock_lease_valid(lease));
    settle();
    leaselock_test_clock_advance(TTL_MS);
    settle();
    assert_int_equal(renewals(), tries);
    leaselock_lease_free(lease);
}

TEST(an_engine_that_comes_back_makes_it_held_again)
{
    leaselock_lease *lease = keep_renewed("r");
    fake_next(FAKE_RENEW, (fake_fault){.refused = LEASELOCK_UNAVAILABLE});
    fake_next(FAKE_RENEW, (fake_fault){.lost_reply = LEASELOCK_IO});
    assert_renewed_in(EARLIEST_MS, lease);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    assert_renewed_in(20, lease);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    assert_renewed_in(40, lease);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_int_equal(leaselock_lease_remaining(lease), TTL_MS - MARGIN_MS);
    assert_renewed_in(EARLIEST_MS, lease); /* and the failures are forgotten */
    release_now(lease);
}

TEST(one_that_nothing_is_known_of_keeps_no_news_from_the_others)
{
    leaselock_lease *locked = obtain_now(lock, "locked", NULL, 0), *other = obtain_now(lock, "other", NULL, 0);
    keep(locked);
    keep(other);
    renew_all(other);
    int64_t left = leaselock_lease_remaining(locked) - LATEST_MS;
    fake_next(FAKE_RENEW, (fake_fault){.unknown = "locked"});
    renew_all(other);
    assert_int_equal(leaselock_lease_state(other), LEASELOCK_STATE_HELD);
    assert_int_equal(leaselock_lease_state(locked), LEASELOCK_STATE_UNKNOWN);
    assert_int_equal(leaselock_lease_remaining(locked), left);
    assert_renewed_in(20, other); /* soon again, and that one alone */
    assert_int_equal(fake_call_at(FAKE_RENEW, renewals() - 1).count, 1);
    assert_int_equal(leaselock_lease_state(locked), LEASELOCK_STATE_HELD);
    release_now(locked);
    release_now(other);
}

TEST(memory_that_runs_out_costs_nothing_but_a_moment)
{
    leaselock_lease *lease = keep_renewed("r");
    size_t before = renewals();
    allocator_fail(1, true);
    leaselock_test_clock_advance(LATEST_MS);
    settle();
    assert_true(allocator_heal());
    assert_true(leaselock_lease_valid(lease));
    assert_eventually(renewals() == before + 1 && leaselock_lease_remaining(lease) == TTL_MS - MARGIN_MS);
    release_now(lease);
}

TEST(a_lease_that_somebody_has_taken_is_lost_to_them_and_let_go)
{
    leaselock_lease *lease = keep_renewed("r"), *other = keep_renewed("other");
    release_by_twin(lease);
    leaselock_lease *taken = obtain_now(rival, "r", NULL, 0);
    assert_true(leaselock_lease_valid(lease)); /* it cannot know yet */
    uint64_t plans = fake_pauses_chosen();
    leaselock_test_clock_advance(LATEST_MS);
    assert_eventually(leaselock_lease_state(lease) == LEASELOCK_STATE_LOST);
    assert_false(leaselock_lease_valid(lease));
    assert_string_equal(leaselock_lease_lost_to(lease), "rival");
    await_plans(plans + 1, other);
    kept = 1;
    renew_all(other);
    assert_int_equal(fake_call_at(FAKE_RENEW, renewals() - 1).count, 1); /* the other's alone */
    assert_int_equal(leaselock_lease_state(other), LEASELOCK_STATE_HELD);
    leaselock_lease_free(lease);
    release_now(other);
    release_now(taken);
}

TEST(a_lease_that_was_released_by_force_is_lost_to_nobody)
{
    leaselock_lease *lease = keep_renewed("r");
    release_by_twin(lease);
    leaselock_test_clock_advance(LATEST_MS);
    assert_eventually(leaselock_lease_state(lease) == LEASELOCK_STATE_LOST);
    assert_null(leaselock_lease_lost_to(lease));
    leaselock_lease_free(lease);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(renewals_come_at_a_third_of_the_ttl_up_to_a_fifth_earlier),
        KEEPER_TEST(a_kept_lease_outlives_its_ttl_with_the_same_sequence),
        KEEPER_TEST(an_old_grant_is_renewed_in_time),
        KEEPER_TEST(all_that_is_due_goes_in_one_call_on_a_connection_of_the_keepers_own),
        KEEPER_TEST(what_is_nearly_due_goes_along),
        KEEPER_TEST(the_thread_is_the_keepers_own_and_blocks_all_signals),
        KEEPER_TEST(a_renewal_that_fails_is_unknown_and_retried_at_growing_intervals_until_expired),
        KEEPER_TEST(an_engine_that_comes_back_makes_it_held_again),
        KEEPER_TEST(one_that_nothing_is_known_of_keeps_no_news_from_the_others),
        KEEPER_TEST(memory_that_runs_out_costs_nothing_but_a_moment),
        KEEPER_TEST(a_lease_that_somebody_has_taken_is_lost_to_them_and_let_go),
        KEEPER_TEST(a_lease_that_was_released_by_force_is_lost_to_nobody),
    };
    allocator_install();
    return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
