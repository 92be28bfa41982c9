/* Background renewal: when, what happens when it fails, and that it ends. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "leaselock/sys/probes.h"
#include "support/allocator.h"
#include "support/fake_lock.h"
#include "util/clock.h"

enum { TTL_MS = 30000, MARGIN_MS = 600, EARLIEST_MS = 8000, LATEST_MS = 10000 };

static leaselock_lock *lock, *rival;

static int kept; /* leases that the keeper has */

static int setup(void **state)
{
    fake_setup(state);
    fake_choose_jitter(0);
    kept = 0;
    lock = fake_lock_open(TTL_MS, 0);
    rival = fake_rival_open();
    return 0;
}

static int teardown(void **state)
{
    if (lock)
        end_lock(lock);
    end_lock(rival);
    return fake_teardown(state);
}

static size_t renewals(void)
{
    return fake_calls(FAKE_RENEW);
}

/* Time for the keeper to do what it must not do; it looks at the test clock every millisecond. */
static void settle(void)
{
    real_sleep(20);
}

/* Waits until the keeper has made that many plans for next renewals; then the clock may go on. */
static void await_plans(uint64_t plans, leaselock_lease *lease)
{
    assert_eventually(fake_pauses_chosen() == plans);
    assert_ok(leaselock_lease_keep(lease)); /* does nothing, but under the keeper's mutex: the plan is written down */
}

static void keep(leaselock_lease *lease)
{
    assert_ok(leaselock_lease_keep(lease));
    kept++;
}

/* All kept leases are due; when this is over, each has its whole ttl again, and a plan. */
static void renew_all(leaselock_lease *lease)
{
    uint64_t plans = fake_pauses_chosen() + (uint64_t)kept;
    size_t before = renewals();
    leaselock_test_clock_advance(LATEST_MS);
    await_plans(plans, lease);
    assert_int_equal(renewals(), before + 1);
    assert_int_equal(leaselock_lease_remaining(lease), TTL_MS - MARGIN_MS);
}

/* A lease that the keeper has just renewed: the next renewal is an interval from now. */
static leaselock_lease *keep_renewed(const char *resource)
{
    leaselock_lease *lease = obtain_now(lock, resource, NULL, 0);
    keep(lease);
    renew_all(lease);
    return lease;
}

/* The one kept lease is asked for after exactly this time, and not a millisecond earlier. */
static void assert_next_renewal_in(int64_t ms)
{
    size_t before = renewals();
    leaselock_test_clock_advance(ms - 1);
    settle();
    assert_int_equal(renewals(), before);
    leaselock_test_clock_advance(1);
    assert_eventually(renewals() == before + 1);
}

/* The same, and then a new plan is made. */
static void assert_renewed_in(int64_t ms, leaselock_lease *lease)
{
    uint64_t plans = fake_pauses_chosen() + 1;
    assert_next_renewal_in(ms);
    await_plans(plans, lease);
}

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

/* Ends the keeper's lease from elsewhere, as `release --force` does. */
static void release_by_twin(const leaselock_lease *lease)
{
    leaselock_lease *twin;
    assert_ok(leaselock_lock_resume(rival, leaselock_lease_resource(lease), leaselock_lease_client(lease),
                                    leaselock_lease_sequence(lease), leaselock_lease_acquisition(lease), &twin));
    release_now(twin);
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

/*
 * --- renewals on their way -------------------------------------------------------------------------------------------
 */

/* A gate inside the engine's call: the test sees that a renewal has come to it, and lets it through. */
typedef struct gate {
    atomic_bool reached, open;
} gate;

static void wait_at_gate(void *payload)
{
    gate *at = payload;
    atomic_store(&at->reached, true);
    int64_t give_up_ms = real_clock() + PATIENCE_MS;
    while (!atomic_load(&at->open) && real_clock() < give_up_ms)
        real_sleep(1);
}

/* Lets the next renewal come as far as the gate; `after` its work, or before. */
static void stop_renewal_at(gate *at, bool after)
{
    fake_fault fault = {.payload = at};
    if (after)
        fault.after = wait_at_gate;
    else
        fault.before = wait_at_gate;
    fake_next(FAKE_RENEW, fault);
    leaselock_test_clock_advance(LATEST_MS);
    assert_eventually(atomic_load(&at->reached));
}

static void assert_late_renewal_revives_nothing(bool look_before)
{
    leaselock_lease *lease = keep_renewed("r");
    gate at = {false, false};
    stop_renewal_at(&at, true);
    leaselock_test_clock_advance(TTL_MS - MARGIN_MS - LATEST_MS);
    if (look_before)
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    atomic_store(&at.open, true);
    settle();
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_false(is_free(rival, "r")); /* the engine did renew it: only the holder may say that it is still his */
    size_t before = renewals();
    leaselock_test_clock_advance(LATEST_MS);
    settle();
    assert_int_equal(renewals(), before);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    assert_ok(leaselock_lease_keep(lease));
    leaselock_test_clock_advance(LATEST_MS);
    assert_eventually(renewals() == before + 2 && leaselock_lease_remaining(lease) == TTL_MS - MARGIN_MS);
    release_now(lease);
}

TEST(a_renewal_that_arrives_after_the_deadline_revives_nothing)
{
    assert_late_renewal_revives_nothing(false);
}

TEST(a_lease_once_seen_as_expired_is_not_revived_either)
{
    assert_late_renewal_revives_nothing(true);
}

static void count_messages(int level, const char *domain, const char *message, void *payload)
{
    (void)level, (void)domain, (void)message;
    atomic_fetch_add((atomic_int *)payload, 1);
}

TEST(a_lease_that_its_holder_releases_meanwhile_is_not_lost)
{
    atomic_int messages = 0;
    leaselock_log_set(count_messages, &messages, LEASELOCK_LOG_WARNING);
    leaselock_lease *lease = keep_renewed("r");
    gate at = {false, false};
    stop_renewal_at(&at, false);
    bool was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_true(was_ours);
    atomic_store(&at.open, true);
    settle();
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_RELEASED);
    assert_ok(leaselock_lock_close(lock)); /* the keeper is gone, and has said nothing */
    leaselock_log_set(NULL, NULL, 0);
    assert_int_equal(atomic_load(&messages), 0);
    leaselock_lease_free(lease);
}

/* All handles go while the renewal is inside the engine: free waits for nobody, and the keeper cleans up by itself. */
TEST(a_busy_keeper_frees_itself)
{
    leaselock_lease *lease = keep_renewed("r");
    gate at = {false, false};
    stop_renewal_at(&at, true);
    size_t alive = allocator_alive();
    leaselock_lease_free(lease);
    leaselock_lock_free(lock);
    lock = NULL;
    assert_int_equal(fake_calls(FAKE_CLOSE), 0);
    assert_true(allocator_alive() >= alive - 1);
    atomic_store(&at.open, true);
    assert_eventually(fake_calls(FAKE_CLOSE) == 2);
    settle();
    assert_true(allocator_alive() < alive);
    leaselock_test_clock_advance(TTL_MS);
    assert_true(is_free(rival, "r"));
}

static void *close_lock(void *done)
{
    if (leaselock_lock_close(lock) == LEASELOCK_OK)
        atomic_store((atomic_bool *)done, true);
    return NULL;
}

TEST(close_waits_until_the_keeper_is_out_of_the_engine)
{
    leaselock_lease *lease = keep_renewed("r");
    gate at = {false, false};
    atomic_bool closed = false;
    pthread_t closer;
    stop_renewal_at(&at, true);
    assert_int_equal(pthread_create(&closer, NULL, close_lock, &closed), 0);
    settle();
    assert_false(atomic_load(&closed));
    atomic_store(&at.open, true);
    pthread_join(closer, NULL);
    assert_true(atomic_load(&closed));
    assert_int_equal(fake_calls(FAKE_CLOSE), 2);
    leaselock_lease_free(lease);
}

/*
 * --- the end -------------------------------------------------------------------------------------------------------
 */

static void assert_no_more_renewals(void)
{
    size_t before = renewals();
    for (int i = 0; i < 3; i++) {
        leaselock_test_clock_advance(LATEST_MS);
        settle();
    }
    assert_int_equal(renewals(), before);
}

TEST(nothing_is_renewed_after_close)
{
    leaselock_lease *lease = keep_renewed("r");
    assert_ok(leaselock_lock_close(lock));
    assert_no_more_renewals();
    assert_refused(LEASELOCK_CLOSED, leaselock_lease_keep(lease));
    leaselock_lease_free(lease);
}

TEST(nothing_is_renewed_after_free)
{
    leaselock_lease_free(keep_renewed("r"));
    assert_no_more_renewals();
    assert_true(is_free(rival, "r"));
}

TEST(nothing_is_renewed_after_release)
{
    leaselock_lease *lease = keep_renewed("r");
    bool was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_true(was_ours);
    assert_no_more_renewals();
    leaselock_lease_free(lease);
}

TEST(what_is_not_held_is_not_kept)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    leaselock_test_clock_advance(TTL_MS);
    assert_refused(LEASELOCK_LOST, leaselock_lease_keep(lease));
    leaselock_lease_free(lease);
    assert_refused(LEASELOCK_INVALID, leaselock_lease_keep(NULL));
    assert_int_equal(fake_calls(FAKE_OPEN_AGAIN), 0);
}

TEST(a_keeper_that_cannot_be_started_says_why_and_can_be_tried_again)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    fake_next(FAKE_OPEN_AGAIN, (fake_fault){.refused = LEASELOCK_PERMISSION});
    assert_refused(LEASELOCK_PERMISSION, leaselock_lease_keep(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_ok(leaselock_lease_keep(lease));
    leaselock_test_clock_advance(LATEST_MS);
    assert_eventually(renewals() == 1);
    release_now(lease);
}

/*
 * --- news ----------------------------------------------------------------------------------------------------------
 */

typedef struct waiting {
    leaselock_lease *lease;
    leaselock_status status;
    leaselock_state state;
    atomic_bool done;
} waiting;

static void *wait_for_end(void *payload)
{
    waiting *of = payload;
    of->status = leaselock_lease_wait(of->lease, LEASELOCK_FOREVER, &of->state);
    atomic_store(&of->done, true);
    return NULL;
}

TEST(who_waits_for_the_end_is_told_how_it_came)
{
    leaselock_lease *lease = keep_renewed("r");
    waiting of = {.lease = lease, .state = 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &of), 0);
    leaselock_test_clock_advance(LATEST_MS); /* renewed: no news */
    assert_eventually(leaselock_lease_remaining(lease) == TTL_MS - MARGIN_MS);
    settle();
    assert_false(atomic_load(&of.done));
    release_by_twin(lease);
    leaselock_test_clock_advance(LATEST_MS);
    pthread_join(thread, NULL);
    assert_ok(of.status);
    assert_int_equal(of.state, LEASELOCK_STATE_LOST);
    leaselock_lease_free(lease);
}

/* What a log hook may do: call the library, since no mutex is held. */
typedef struct log_of_keeper {
    leaselock_lease *other;
    atomic_int warnings;
    atomic_bool trouble;
    char message[512];
} log_of_keeper;

static void hear(int level, const char *domain, const char *message, void *payload)
{
    log_of_keeper *heard = payload;
    if (level != LEASELOCK_LOG_WARNING || strcmp(domain, "keeper") != 0)
        return;
    if (leaselock_lease_keep(heard->other) != LEASELOCK_OK || leaselock_lock_raise_floor(lock, 0, NULL) != LEASELOCK_OK)
        atomic_store(&heard->trouble, true);
    snprintf(heard->message, sizeof heard->message, "%s", message);
    atomic_fetch_add(&heard->warnings, 1);
}

TEST(trouble_is_logged_with_no_mutex_held)
{
    log_of_keeper heard = {.other = obtain_now(lock, "other", NULL, LEASELOCK_TTL_MAX_MS)};
    assert_ok(leaselock_lease_keep(heard.other));
    leaselock_log_set(hear, &heard, LEASELOCK_LOG_DEBUG);
    leaselock_lease *lease = keep_renewed("r");
    assert_int_equal(atomic_load(&heard.warnings), 0);
    fake_next(FAKE_RENEW, (fake_fault){.refused = LEASELOCK_FULL});
    assert_renewed_in(EARLIEST_MS, lease);
    assert_int_equal(atomic_load(&heard.warnings), 1);
    assert_non_null(strstr(heard.message, "the fake engine refuses"));
    release_by_twin(lease);
    assert_next_renewal_in(20);
    assert_eventually(atomic_load(&heard.warnings) == 2);
    assert_non_null(strstr(heard.message, "lost \"r\""));
    assert_null(strstr(heard.message, leaselock_lease_acquisition(lease)));
    assert_false(atomic_load(&heard.trouble));
    assert_ok(leaselock_lock_close(lock));
    leaselock_log_set(NULL, NULL, 0);
    leaselock_lease_free(lease);
    leaselock_lease_free(heard.other);
}

int main(void)
{
#define KEEPER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        KEEPER_TEST(a_renewal_that_arrives_after_the_deadline_revives_nothing),
        KEEPER_TEST(a_lease_once_seen_as_expired_is_not_revived_either),
        KEEPER_TEST(a_lease_that_its_holder_releases_meanwhile_is_not_lost),
        KEEPER_TEST(a_busy_keeper_frees_itself),
        KEEPER_TEST(close_waits_until_the_keeper_is_out_of_the_engine),
        KEEPER_TEST(nothing_is_renewed_after_close),
        KEEPER_TEST(nothing_is_renewed_after_free),
        KEEPER_TEST(nothing_is_renewed_after_release),
        KEEPER_TEST(what_is_not_held_is_not_kept),
        KEEPER_TEST(a_keeper_that_cannot_be_started_says_why_and_can_be_tried_again),
        KEEPER_TEST(who_waits_for_the_end_is_told_how_it_came),
        KEEPER_TEST(trouble_is_logged_with_no_mutex_held),
    };
#undef KEEPER_TEST
    allocator_install();
    return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
