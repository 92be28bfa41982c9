#include "util/wait.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "leaselock/hooks.h"
#include "util/clock.h"
#include "util/error.h"

#define SLEEPER 1u

enum { SLICE_US = 100000, TEST_CLOCK_SLICE_US = 1000 };

static _Thread_local leaselock_interrupt_hook hook;
static _Thread_local int64_t hook_called_us;

leaselock_interrupt_hook leaselock_interrupt_hook_swap(leaselock_interrupt_hook replacement)
{
    leaselock_interrupt_hook before = hook;
    hook = replacement;
    return before;
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int futex(ll_word *word, int operation, unsigned value, const struct timespec *timeout)
{
    return (int)syscall(SYS_futex, (unsigned *)word, operation | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

static bool is_unchanged(ll_word *word, unsigned seen)
{
    return (atomic_load(word) | SLEEPER) == (seen | SLEEPER);
}

/* No system call while nobody sleeps: every lease that changes its state comes by here. */
void ll_wake(ll_word *word)
{
    unsigned before = atomic_load(word);
    while (!atomic_compare_exchange_weak(word, &before, (before & ~SLEEPER) + 2 * SLEEPER))
        ;
    if (before & SLEEPER)
        futex(word, FUTEX_WAKE, INT_MAX, NULL);
}

/* One futex wait; true when a signal handler ran. */
static bool wait_once(ll_word *word, unsigned seen, int64_t microseconds)
{
    struct timespec timeout = {microseconds / 1000000, (microseconds % 1000000) * 1000};
    unsigned expected = seen & ~SLEEPER;
    if (!atomic_compare_exchange_strong(word, &expected, seen | SLEEPER) && expected != (seen | SLEEPER))
        return false;
    return futex(word, FUTEX_WAIT, seen | SLEEPER, &timeout) != 0 && errno == EINTR;
}

static leaselock_status call_hook(int64_t now_us)
{
    hook_called_us = now_us;
    if (hook.fn && hook.fn(hook.payload) != 0)
        return ll_error_set(LEASELOCK_INTERRUPTED, "interrupted while waiting");
    return LEASELOCK_OK;
}

leaselock_status ll_sleep(ll_word *word, unsigned seen, int64_t microseconds)
{
    int64_t now = monotonic_us();
    int64_t slice_max = ll_clock_is_test() ? TEST_CLOCK_SLICE_US : SLICE_US;
    int64_t end = microseconds > INT64_MAX - now ? INT64_MAX : now + microseconds;
    do {
        bool signalled = false;
        if (now < end && is_unchanged(word, seen))
            signalled = wait_once(word, seen, end - now < slice_max ? end - now : slice_max);
        now = monotonic_us();
        if (signalled || now - hook_called_us >= SLICE_US) {
            leaselock_status status = call_hook(now);
            if (status != LEASELOCK_OK)
                return status;
        }
        /* the test clock may have been moved: the caller looks again */
    } while (now < end && is_unchanged(word, seen) && !ll_clock_is_test());
    return LEASELOCK_OK;
}

leaselock_status ll_pause(ll_word *word, unsigned seen, int64_t microseconds)
{
    if (!ll_clock_is_test())
        return ll_sleep(word, seen, microseconds);
    leaselock_status status = ll_sleep(word, seen, microseconds);
    if (status == LEASELOCK_OK && is_unchanged(word, seen))
        ll_clock_test_advance(microseconds);
    return status;
}

void ll_sleep_quietly(ll_word *word, unsigned seen, int64_t microseconds)
{
    if (ll_clock_is_test() && microseconds > TEST_CLOCK_SLICE_US)
        microseconds = TEST_CLOCK_SLICE_US;
    if (microseconds > 0)
        wait_once(word, seen, microseconds);
}
