/* Sleeping on a word: what ends it, and what only looks like an end. */
#include "util/wait.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "leaselock/hooks.h"
#include "leaselock/sys/probes.h"
#include "support/check.h"
#include "util/clock.h"

enum { FOREVER_US = 600000000, LONG_MS = 600000 / 2 };

static ll_word word;

static void *wake_soon(void *payload)
{
    (void)payload;
    real_sleep(20);
    ll_wake(&word);
    return NULL;
}

TEST(a_wake_from_another_thread_ends_the_sleep)
{
    pthread_t thread;
    unsigned seen = atomic_load(&word);
    int64_t begin = real_clock();
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, NULL), 0);
    assert_ok(ll_sleep(&word, seen, FOREVER_US));
    assert_true(atomic_load(&word) != seen);
    assert_true(real_clock() - begin < LONG_MS);
    pthread_join(thread, NULL);
}

/* The change came between the look and the sleep: no wake-up may be missed. */
TEST(a_word_that_has_changed_already_is_not_slept_on)
{
    unsigned seen = atomic_load(&word);
    ll_wake(&word);
    int64_t begin = real_clock();
    assert_ok(ll_sleep(&word, seen, FOREVER_US));
    ll_sleep_quietly(&word, seen, FOREVER_US);
    assert_true(real_clock() - begin < LONG_MS);
}

TEST(a_sleep_lasts_as_long_as_it_should)
{
    int64_t begin = real_clock();
    assert_ok(ll_sleep(&word, atomic_load(&word), 150000));
    assert_true(real_clock() - begin >= 149);
    begin = real_clock();
    assert_ok(ll_sleep(&word, atomic_load(&word), 0));
    assert_true(real_clock() - begin < LONG_MS);
}

typedef struct counted_hook {
    int calls, ends_at;
    pthread_t thread;
} counted_hook;

static int count_calls(void *payload)
{
    counted_hook *hook = payload;
    hook->thread = pthread_self();
    return ++hook->calls >= hook->ends_at;
}

TEST(the_hook_is_called_about_every_100_ms_and_can_end_the_sleep)
{
    counted_hook counted = {.ends_at = 4};
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &counted});
    int64_t begin = real_clock();
    leaselock_status status = ll_sleep(&word, atomic_load(&word), FOREVER_US);
    int64_t took = real_clock() - begin;
    leaselock_interrupt_hook_swap(before);
    assert_refused(LEASELOCK_INTERRUPTED, status);
    assert_int_equal(counted.calls, 4);
    assert_true(pthread_equal(counted.thread, pthread_self()));
    /* the first call may come at once, the other three 100 ms apart */
    assert_in_range(took, 290, LONG_MS);
}

/* Many short sleeps are one long wait: the hook gets its turn all the same. */
TEST(the_hook_is_called_across_short_sleeps)
{
    counted_hook counted = {.ends_at = 3};
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &counted});
    leaselock_status status = LEASELOCK_OK;
    int64_t begin = real_clock();
    while (status == LEASELOCK_OK && real_clock() - begin < PATIENCE_MS)
        status = ll_sleep(&word, atomic_load(&word), 5000);
    leaselock_interrupt_hook_swap(before);
    assert_refused(LEASELOCK_INTERRUPTED, status);
}

TEST(hooks_nest)
{
    counted_hook outer = {0}, inner = {0};
    leaselock_interrupt_hook none =
        leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &outer});
    assert_null(none.fn);
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &inner});
    assert_ptr_equal(before.payload, &outer);
    before = leaselock_interrupt_hook_swap(before);
    assert_ptr_equal(before.payload, &inner);
    leaselock_interrupt_hook_swap(none);
}

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    (void)number;
    signalled = 1;
}

/* Remembers when it was called, and ends the wait once the handler has run. */
typedef struct signal_hook {
    int64_t called_ms, before_ms;
} signal_hook;

static int ends_when_signalled(void *payload)
{
    signal_hook *hook = payload;
    hook->before_ms = hook->called_ms;
    hook->called_ms = real_clock();
    return signalled;
}

static void *signal_soon(void *sleeper)
{
    real_sleep(20);
    pthread_kill(*(pthread_t *)sleeper, SIGUSR1);
    return NULL;
}

/* How long after the hook's call before it was called for the signal; 100 ms is when it would have been anyway. */
static int64_t interval_of_signalled_call(void)
{
    pthread_t self = pthread_self(), thread;
    signal_hook hook = {0};
    signalled = 0;
    leaselock_interrupt_hook before =
        leaselock_interrupt_hook_swap((leaselock_interrupt_hook){ends_when_signalled, &hook});
    while (hook.called_ms == 0)
        assert_ok(ll_sleep(&word, atomic_load(&word), 1000));
    assert_int_equal(pthread_create(&thread, NULL, signal_soon, &self), 0);
    leaselock_status status = ll_sleep(&word, atomic_load(&word), FOREVER_US);
    leaselock_interrupt_hook_swap(before);
    pthread_join(thread, NULL);
    assert_refused(LEASELOCK_INTERRUPTED, status);
    return hook.called_ms - hook.before_ms;
}

/*
 * With SA_RESTART too, since a program's handlers are its own. A loaded machine may be late now and then, not always.
 */
TEST(a_signal_handler_that_ran_calls_the_hook_at_once)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    int tries = 0;
    while (interval_of_signalled_call() >= 90)
        assert_true(++tries < 50);
}

static void *wait_without_hook(void *payload)
{
    *(leaselock_status *)payload = ll_sleep(&word, atomic_load(&word), 120000);
    return NULL;
}

TEST(a_hook_is_its_threads_own)
{
    counted_hook counted = {.ends_at = 1};
    pthread_t thread;
    leaselock_status theirs = LEASELOCK_INTERNAL;
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &counted});
    assert_int_equal(pthread_create(&thread, NULL, wait_without_hook, &theirs), 0);
    pthread_join(thread, NULL);
    leaselock_interrupt_hook_swap(before);
    assert_ok(theirs);
    assert_int_equal(counted.calls, 0);
}

TEST(a_quiet_sleep_calls_no_hook)
{
    counted_hook counted = {.ends_at = 1};
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){count_calls, &counted});
    ll_sleep_quietly(&word, atomic_load(&word), 250000);
    leaselock_interrupt_hook_swap(before);
    assert_int_equal(counted.calls, 0);
}

TEST(a_pause_on_the_test_clock_moves_it_instead_of_sleeping)
{
    leaselock_test_clock_start(1000, 1000);
    int64_t begin = real_clock();
    assert_ok(ll_pause(&word, atomic_load(&word), 3600000000));
    assert_true(real_clock() - begin < LONG_MS);
    assert_int_equal(ll_clock_boot(), 3601000);
    assert_ok(ll_pause(&word, atomic_load(&word) + 1, 5000000)); /* woken: time did not pass */
    assert_int_equal(ll_clock_boot(), 3601000);
    assert_ok(ll_sleep(&word, atomic_load(&word), 3600000000)); /* a sleep returns for another look */
    assert_int_equal(ll_clock_boot(), 3601000);
    leaselock_test_clock_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_from_another_thread_ends_the_sleep),
        cmocka_unit_test(a_word_that_has_changed_already_is_not_slept_on),
        cmocka_unit_test(a_sleep_lasts_as_long_as_it_should),
        cmocka_unit_test(the_hook_is_called_about_every_100_ms_and_can_end_the_sleep),
        cmocka_unit_test(the_hook_is_called_across_short_sleeps),
        cmocka_unit_test(hooks_nest),
        cmocka_unit_test(a_signal_handler_that_ran_calls_the_hook_at_once),
        cmocka_unit_test(a_hook_is_its_threads_own),
        cmocka_unit_test(a_quiet_sleep_calls_no_hook),
        cmocka_unit_test(a_pause_on_the_test_clock_moves_it_instead_of_sleeping),
    };
    return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
