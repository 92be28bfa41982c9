/* What ends a wait: interrupt, close, the thread's hook, time, and what was waited for. In real time. */
#include <pthread.h>
#include <stdatomic.h>

#include "conformance/conformance.h"

enum { HELD_MS = 3600000 };

/* Something that another thread does again and again until the waiter is back. */
typedef struct nuisance {
    void (*act)(struct nuisance *);
    leaselock_lease *lease; /* what it is about, where that matters */
    atomic_bool over;
    pthread_t thread;
    leaselock_status status; /* of the last act */
} nuisance;

static void *repeat(void *payload)
{
    nuisance *of = payload;
    while (!atomic_load(&of->over)) {
        real_sleep(10);
        of->act(of);
    }
    return NULL;
}

static void begin(nuisance *of, void (*act)(nuisance *))
{
    of->act = act;
    assert_int_equal(pthread_create(&of->thread, NULL, repeat, of), 0);
}

static void end(nuisance *of)
{
    atomic_store(&of->over, true);
    pthread_join(of->thread, NULL);
}

static void interrupt_lock(nuisance *of)
{
    of->status = leaselock_lock_interrupt(lock);
}

static void close_own_lock(nuisance *of)
{
    of->status = leaselock_lock_close(lock);
}

static void release_lease(nuisance *of)
{
    of->status = leaselock_lock_release(lock, of->lease, NULL);
}

/* Two ways to wait for a busy resource for as long as it takes. */
static leaselock_status wait_by_option(leaselock_lease **out)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = LEASELOCK_FOREVER};
    return leaselock_lock_obtain(lock, resource("a"), NULL, &options, out);
}

static leaselock_status wait_by_backoff(leaselock_lease **out)
{
    leaselock_backoff *backoff;
    assert_ok(leaselock_backoff_new_exponential(1, HELD_MS, 1.0, &backoff));
    leaselock_status status = leaselock_lock_obtain_with_backoff(lock, resource("a"), NULL, backoff, NULL, out);
    leaselock_backoff_free(backoff);
    return status;
}

static leaselock_status (*const ways[])(leaselock_lease **) = {wait_by_option, wait_by_backoff};
enum { WAYS = sizeof ways / sizeof *ways };

TEST(an_interrupt_ends_a_wait_for_a_resource)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, HELD_MS), *untouched = NULL;
    for (int i = 0; i < WAYS; i++) {
        nuisance of = {.over = false};
        begin(&of, interrupt_lock);
        leaselock_status status = ways[i](&untouched);
        leaselock_status code = leaselock_error_last()->code;
        end(&of);
        assert_status(LEASELOCK_INTERRUPTED, status);
        assert_int_equal(code, LEASELOCK_INTERRUPTED);
        assert_ok(of.status);
        assert_null(untouched);
    }
    assert_true(leaselock_lease_valid(held));
    release_now(held);
}

TEST(an_interrupt_concerns_no_later_wait)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = 60};
    leaselock_lease *held = obtain_now(lock, "a", NULL, HELD_MS), *untouched = NULL;
    leaselock_state state = 0;
    assert_ok(leaselock_lock_interrupt(lock));
    assert_refused(LEASELOCK_BUSY, leaselock_lock_obtain(lock, resource("a"), NULL, &options, &untouched));
    assert_ok(leaselock_lock_interrupt(lock));
    assert_ok(leaselock_lease_wait(held, 30, &state));
    assert_int_equal(state, LEASELOCK_STATE_HELD);
    release_now(held);
}

/* After a close: a new lock, and what client "c" held is free. */
static void start_over(leaselock_lease *held)
{
    leaselock_lease *twin;
    leaselock_lock_free(lock);
    lock = open_lock();
    assert_ok(leaselock_lock_resume(lock, resource("a"), "c", leaselock_lease_sequence(held),
                                    leaselock_lease_acquisition(held), &twin));
    release_now(twin);
    leaselock_lease_free(held);
}

TEST(a_close_by_another_thread_ends_a_wait_for_a_resource)
{
    for (int i = 0; i < WAYS; i++) {
        leaselock_lease *held = obtain_now(lock, "a", "c", HELD_MS), *untouched = NULL;
        nuisance of = {.over = false};
        begin(&of, close_own_lock);
        leaselock_status status = ways[i](&untouched);
        leaselock_status code = leaselock_error_last()->code;
        end(&of);
        assert_status(LEASELOCK_CLOSED, status);
        assert_int_equal(code, LEASELOCK_CLOSED);
        assert_ok(of.status);
        assert_null(untouched);
        start_over(held);
    }
}

typedef struct counted {
    int calls, ends_at;
    bool foreign_thread, lock_usable;
    pthread_t caller;
} counted;

/* The hook may call the library: no mutex is held. */
static int count_calls(void *payload)
{
    counted *of = payload;
    leaselock_listing *listing;
    of->foreign_thread |= !pthread_equal(of->caller, pthread_self());
    of->lock_usable = leaselock_lock_list(lock, NULL, &listing) == LEASELOCK_OK;
    if (of->lock_usable)
        leaselock_listing_free(listing);
    return ++of->calls >= of->ends_at;
}

TEST(the_threads_hook_is_called_every_100_ms_and_ends_a_wait)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, HELD_MS), *untouched = NULL;
    for (int i = 0; i < WAYS; i++) {
        counted of = {.ends_at = 4, .caller = pthread_self()};
        leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &of});
        int64_t start = real_clock();
        leaselock_status status = ways[i](&untouched);
        int64_t took = real_clock() - start;
        leaselock_interrupt_hook_swap(before);
        assert_refused(LEASELOCK_INTERRUPTED, status);
        assert_int_equal(of.calls, 4);
        assert_true(took < PATIENCE_MS);
        assert_true(took >= 250); /* the first call may come at once */
        assert_false(of.foreign_thread);
        assert_true(of.lock_usable);
    }
    assert_null(untouched);
    release_now(held);
}

/* As a signal handler of Python's would. */
static int close_in_hook(void *payload)
{
    *(leaselock_status *)payload = leaselock_lock_close(lock);
    return 0;
}

TEST(a_close_in_the_hook_ends_the_wait_it_is_called_by)
{
    for (int i = 0; i < WAYS; i++) {
        leaselock_lease *held = obtain_now(lock, "a", "c", HELD_MS), *untouched = NULL;
        leaselock_status closed = 1;
        leaselock_interrupt_hook before =
            leaselock_interrupt_hook_swap((leaselock_interrupt_hook){close_in_hook, &closed});
        leaselock_status status = ways[i](&untouched);
        leaselock_interrupt_hook_swap(before);
        assert_refused(LEASELOCK_CLOSED, status);
        assert_ok(closed);
        assert_null(untouched);
        assert_ok(leaselock_lock_close(lock)); /* the rest of it */
        start_over(held);
    }
}

TEST(a_release_by_another_thread_lets_a_wait_obtain)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, HELD_MS), *lease = NULL;
    nuisance of = {.lease = held};
    begin(&of, release_lease);
    int64_t start = real_clock();
    leaselock_status status = wait_by_option(&lease);
    end(&of);
    assert_ok(status);
    assert_true(real_clock() - start < PATIENCE_MS);
    assert_int_equal(leaselock_lease_sequence(lease), leaselock_lease_sequence(held) + 1);
    leaselock_lease_free(held);
    release_now(lease);
}

/*
 * --- waiting for the end of a lease ----------------------------------------------------------------------------------
 */

TEST(a_wait_of_no_time_only_looks)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, HELD_MS);
    leaselock_state state = 0;
    assert_ok(leaselock_lease_wait(lease, 0, &state));
    assert_int_equal(state, LEASELOCK_STATE_HELD);
    assert_ok(leaselock_lock_release(lock, lease, NULL));
    assert_ok(leaselock_lease_wait(lease, LEASELOCK_FOREVER, &state)); /* over already */
    assert_int_equal(state, LEASELOCK_STATE_RELEASED);
    leaselock_lease_free(lease);
}

TEST(a_wait_for_the_end_has_an_end_of_its_own)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, HELD_MS);
    leaselock_state state = 0;
    int64_t start = real_clock();
    assert_ok(leaselock_lease_wait(lease, 150, &state));
    assert_true(real_clock() - start >= 149);
    assert_int_equal(state, LEASELOCK_STATE_HELD);
    release_now(lease);
}

TEST(a_wait_ends_at_the_deadline)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, 300);
    leaselock_state state = 0;
    assert_ok(leaselock_lease_wait(lease, LEASELOCK_FOREVER, &state));
    assert_int_equal(state, LEASELOCK_STATE_EXPIRED);
    assert_false(leaselock_lease_valid(lease));
    leaselock_lease_free(lease);
}

TEST(a_wait_ends_when_another_thread_releases)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, HELD_MS);
    leaselock_state state = 0;
    nuisance of = {.lease = lease};
    begin(&of, release_lease);
    leaselock_status status = leaselock_lease_wait(lease, LEASELOCK_FOREVER, &state);
    end(&of);
    assert_ok(status);
    assert_int_equal(state, LEASELOCK_STATE_RELEASED);
    leaselock_lease_free(lease);
}

TEST(interrupt_hook_and_close_end_a_wait_for_the_end)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, HELD_MS);
    leaselock_state untouched = -77;
    nuisance interrupting = {.over = false}, closing = {.over = false};
    begin(&interrupting, interrupt_lock);
    leaselock_status status = leaselock_lease_wait(lease, LEASELOCK_FOREVER, &untouched);
    end(&interrupting);
    assert_status(LEASELOCK_INTERRUPTED, status);

    counted of = {.ends_at = 2, .caller = pthread_self()};
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &of});
    status = leaselock_lease_wait(lease, LEASELOCK_FOREVER, &untouched);
    leaselock_interrupt_hook_swap(before);
    assert_refused(LEASELOCK_INTERRUPTED, status);

    begin(&closing, close_own_lock);
    status = leaselock_lease_wait(lease, LEASELOCK_FOREVER, &untouched);
    end(&closing);
    assert_status(LEASELOCK_CLOSED, status);
    assert_int_equal(untouched, -77);
    leaselock_lease_free(lease);
}

TEST(a_wait_of_no_sense_is_refused)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, HELD_MS);
    leaselock_state untouched = -77;
    assert_refused(LEASELOCK_INVALID, leaselock_lease_wait(NULL, 0, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lease_wait(lease, 0, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_lease_wait(lease, -2, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lease_wait(lease, INT64_MIN, &untouched));
    assert_int_equal(untouched, -77);
    release_now(lease);
}

int run_lock_wait(void)
{
    const struct CMUnitTest tests[] = {
        REAL_TIME_TEST(an_interrupt_ends_a_wait_for_a_resource),
        REAL_TIME_TEST(an_interrupt_concerns_no_later_wait),
        REAL_TIME_TEST(a_close_by_another_thread_ends_a_wait_for_a_resource),
        REAL_TIME_TEST(the_threads_hook_is_called_every_100_ms_and_ends_a_wait),
        REAL_TIME_TEST(a_close_in_the_hook_ends_the_wait_it_is_called_by),
        REAL_TIME_TEST(a_release_by_another_thread_lets_a_wait_obtain),
        REAL_TIME_TEST(a_wait_of_no_time_only_looks),
        REAL_TIME_TEST(a_wait_for_the_end_has_an_end_of_its_own),
        REAL_TIME_TEST(a_wait_ends_at_the_deadline),
        REAL_TIME_TEST(a_wait_ends_when_another_thread_releases),
        REAL_TIME_TEST(interrupt_hook_and_close_end_a_wait_for_the_end),
        REAL_TIME_TEST(a_wait_of_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("lock: waits", tests, NULL, NULL);
}
