/* The end of background renewal, also while one is on its way; and who is told. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "leaselock/sys/probes.h"
#include "support/allocator.h"
#include "unit/kept.h"

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
    const struct CMUnitTest tests[] = {
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
    allocator_install();
    return cmocka_run_group_tests_name("keeper: ends", tests, NULL, NULL);
}
