/* Obtaining with a backoff of the caller's: built in, and written by himself. */
#include <pthread.h>
#include <string.h>

#include "conformance/conformance.h"
#include "util/clock.h"

/* A backoff of the test's own: gives `pauses` pauses of `delay_ms`, and remembers who called it. */
typedef struct own_backoff {
    int pauses, given, starts;
    int64_t delay_ms;
    int failing_next; /* which call of next fails, from 1; 0: none */
    bool failing_start;
    bool foreign_thread;
    pthread_t caller;
    void (*inside_next)(struct own_backoff *);
    leaselock_backoff *self;
    leaselock_lease *held;
    leaselock_status inner;
} own_backoff;

static void note_thread(own_backoff *own)
{
    own->foreign_thread |= !pthread_equal(own->caller, pthread_self());
}

static leaselock_status own_start(void *payload)
{
    own_backoff *own = payload;
    note_thread(own);
    own->starts++;
    own->given = 0;
    return own->failing_start ? 7 : LEASELOCK_OK;
}

static leaselock_status own_next(void *payload, int64_t *delay_ms)
{
    own_backoff *own = payload;
    note_thread(own);
    if (own->inside_next)
        own->inside_next(own);
    *delay_ms = own->given < own->pauses ? own->delay_ms : LEASELOCK_BACKOFF_END;
    return ++own->given == own->failing_next ? 8 : LEASELOCK_OK;
}

static leaselock_status own_count(void *payload, int64_t *count)
{
    *count = ((own_backoff *)payload)->pauses;
    return LEASELOCK_OK;
}

static leaselock_backoff *new_backoff(own_backoff *own)
{
    const leaselock_backoff_slots slots = {sizeof slots, own, own_start, own_next, own_count, own_count, NULL};
    own->caller = pthread_self();
    assert_ok(leaselock_backoff_new_custom(&slots, &own->self));
    return own->self;
}

static leaselock_status obtain_by(leaselock_backoff *backoff, const char *name, leaselock_lease **out)
{
    return leaselock_lock_obtain_with_backoff(lock, resource(name), NULL, backoff, NULL, out);
}

TEST(a_built_in_backoff_serves_any_number_of_obtains)
{
    leaselock_backoff *backoff;
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *untouched = NULL;
    assert_ok(leaselock_backoff_new_exponential(2, 30, 2.0, &backoff));
    for (int i = 0; i < 3; i++) {
        int64_t begin = ll_clock_boot();
        assert_refused(LEASELOCK_BUSY, obtain_by(backoff, "a", &untouched));
        int64_t took = ll_clock_boot() - begin;
        assert_in_range(took, 90, ll_clock_is_test() ? 90 : PATIENCE_MS);
    }
    assert_null(untouched);
    leaselock_backoff_free(backoff);
    release_now(held);
}

TEST(a_custom_backoff_is_started_and_asked_on_the_callers_thread)
{
    own_backoff own = {.pauses = 2, .delay_ms = 40};
    leaselock_backoff *backoff = new_backoff(&own);
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *lease = NULL;
    int64_t begin = ll_clock_boot();
    assert_refused(LEASELOCK_BUSY, obtain_by(backoff, "a", &lease));
    int64_t took = ll_clock_boot() - begin;
    assert_in_range(took, 80, ll_clock_is_test() ? 80 : PATIENCE_MS);
    assert_int_equal(own.starts, 1);
    assert_int_equal(own.given, 3);
    assert_false(own.foreign_thread);
    assert_ok(obtain_by(backoff, "b", &lease));
    assert_int_equal(own.starts, 2);
    assert_int_equal(own.given, 0);
    release_now(lease);
    release_now(held);
    leaselock_backoff_free(backoff);
}

TEST(a_slot_that_fails_ends_the_obtain_as_callback)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *untouched = NULL;
    own_backoff failing[] = {{.pauses = 5, .failing_start = true}, {.pauses = 5, .failing_next = 1},
                             {.pauses = 5, .failing_next = 3}};
    for (int i = 0; i < 3; i++) {
        leaselock_backoff *backoff = new_backoff(&failing[i]);
        assert_refused(LEASELOCK_CALLBACK, obtain_by(backoff, "a", &untouched));
        assert_int_equal(leaselock_error_last()->native_code, i == 0 ? 7 : 8);
        assert_non_null(strstr(leaselock_error_last()->message, i == 0 ? "start" : "next"));
        leaselock_backoff_free(backoff);
    }
    /* a start that fails is before the first try: nothing was granted that nobody has */
    own_backoff own = {.failing_start = true};
    leaselock_backoff *backoff = new_backoff(&own);
    assert_refused(LEASELOCK_CALLBACK, obtain_by(backoff, "free", &untouched));
    leaselock_backoff_free(backoff);
    release_now(obtain_now(lock, "free", NULL, 0));
    assert_null(untouched);
    release_now(held);
}

/* No mutex is held while the callback runs, and what it does to the error record is its own affair. */
static void use_the_library(own_backoff *own)
{
    leaselock_listing *listing;
    leaselock_lease *lease;
    own->inner = leaselock_lock_list(lock, NULL, &listing);
    if (own->inner != LEASELOCK_OK)
        return;
    leaselock_listing_free(listing);
    own->inner = leaselock_lock_obtain_with_no_wait(lock, resource("inner"), NULL, NULL, &lease);
    if (own->inner == LEASELOCK_OK) {
        own->inner = leaselock_lock_release(lock, lease, NULL);
        leaselock_lease_free(lease);
    }
    (void)!leaselock_lock_obtain_with_no_wait(lock, "", NULL, NULL, &lease); /* INVALID is its last word */
}

TEST(a_slot_may_use_the_same_lock)
{
    own_backoff own = {.pauses = 1, .delay_ms = 10, .inside_next = use_the_library};
    leaselock_backoff *backoff = new_backoff(&own);
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *untouched = NULL;
    assert_refused(LEASELOCK_BUSY, obtain_by(backoff, "a", &untouched));
    assert_ok(own.inner);
    assert_null(untouched);
    release_now(held);
    leaselock_backoff_free(backoff);
}

static void obtain_with_the_same(own_backoff *own)
{
    leaselock_lease *lease;
    own->inner = obtain_by(own->self, "b", &lease);
}

TEST(a_custom_backoff_serves_one_obtain_at_a_time)
{
    own_backoff own = {.pauses = 1, .delay_ms = 10, .inside_next = obtain_with_the_same};
    leaselock_backoff *backoff = new_backoff(&own);
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *lease = NULL;
    assert_refused(LEASELOCK_BUSY, obtain_by(backoff, "a", &lease));
    assert_status(LEASELOCK_INVALID, own.inner);
    own.inside_next = NULL;
    assert_ok(obtain_by(backoff, "b", &lease)); /* afterwards it is free again */
    release_now(lease);
    release_now(held);
    leaselock_backoff_free(backoff);
}

static void interrupt_own_lock(own_backoff *own)
{
    own->inner = leaselock_lock_interrupt(lock);
}

TEST(an_interrupt_from_a_slot_ends_the_obtain)
{
    own_backoff own = {.pauses = 5, .delay_ms = 60000, .inside_next = interrupt_own_lock};
    leaselock_backoff *backoff = new_backoff(&own);
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0), *untouched = NULL;
    int64_t begin = real_clock();
    assert_refused(LEASELOCK_INTERRUPTED, obtain_by(backoff, "a", &untouched));
    assert_true(real_clock() - begin < PATIENCE_MS);
    assert_int_equal(own.given, 1);
    assert_null(untouched);
    release_now(held);
    leaselock_backoff_free(backoff);
}

static void release_held(own_backoff *own)
{
    own->inner = leaselock_lock_release(lock, own->held, NULL);
}

/* What becomes free meanwhile shortens no pause, not even on an engine that would wake a waiter. */
TEST(a_pause_is_as_long_as_the_backoff_says)
{
    enum { PAUSE_MS = 300 };
    own_backoff own = {.pauses = 1, .delay_ms = PAUSE_MS, .inside_next = release_held};
    leaselock_backoff *backoff = new_backoff(&own);
    leaselock_lease *lease;
    own.held = obtain_now(lock, "a", NULL, 0);
    int64_t begin = ll_clock_boot();
    assert_ok(obtain_by(backoff, "a", &lease));
    assert_ok(own.inner);
    assert_true(ll_clock_boot() - begin >= PAUSE_MS);
    leaselock_lease_free(own.held);
    release_now(lease);
    leaselock_backoff_free(backoff);
}

int run_lock_backoff(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(a_built_in_backoff_serves_any_number_of_obtains),
        LOCK_TEST(a_custom_backoff_is_started_and_asked_on_the_callers_thread),
        LOCK_TEST(a_slot_that_fails_ends_the_obtain_as_callback),
        LOCK_TEST(a_slot_may_use_the_same_lock),
        LOCK_TEST(a_custom_backoff_serves_one_obtain_at_a_time),
        LOCK_TEST(an_interrupt_from_a_slot_ends_the_obtain),
        LOCK_TEST(a_pause_is_as_long_as_the_backoff_says),
    };
    return cmocka_run_group_tests_name("lock: backoff", tests, NULL, NULL);
}
