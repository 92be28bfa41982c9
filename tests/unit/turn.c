/* The mutex that is given first come, first served. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "support/check.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/thread.h"

enum { WAITERS = 8 };

static leaselock_status keep_waiting(const leaselock_call *call, int64_t microseconds)
{
    (void)call, (void)microseconds;
    return LEASELOCK_OK;
}

static const leaselock_call patient = {INT64_MAX, keep_waiting};

/* The turn and what its takers did, each in its moment of having it. */
static ll_turn turn;
static int order[WAITERS];
static int served;

static size_t queue_length(void)
{
    size_t length = 0;
    pthread_mutex_lock(&turn.mutex);
    for (ll_turn_waiter *at = turn.first; at; at = *(ll_turn_waiter **)at) /* `next` comes first */
        length++;
    pthread_mutex_unlock(&turn.mutex);
    return length;
}

static void *take_in_order(void *number)
{
    if (ll_turn_take(&turn, &patient) != LEASELOCK_OK)
        return NULL;
    order[served++] = (int)(intptr_t)number;
    ll_turn_give(&turn);
    return NULL;
}

TEST(waiters_are_served_in_the_order_they_came)
{
    pthread_t threads[WAITERS];
    ll_turn_init(&turn);
    served = 0;
    assert_ok(ll_turn_take(&turn, &patient));
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_in_order, (void *)(intptr_t)i), 0);
        assert_eventually(queue_length() == (size_t)i + 1);
    }
    ll_turn_give(&turn);
    for (int i = 0; i < WAITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(served, WAITERS);
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(order[i], i);
    assert_false(turn.taken);
    ll_turn_destroy(&turn);
}

/* A waiter that may give up, as an operation does that is interrupted. */
typedef struct impatient {
    leaselock_call call; /* first, as in the core */
    atomic_bool leave;
    leaselock_status status;
    pthread_t thread;
} impatient;

static leaselock_status pause_until_told(const leaselock_call *call, int64_t microseconds)
{
    (void)microseconds;
    return atomic_load(&((impatient *)call)->leave) ? ll_error_set(LEASELOCK_INTERRUPTED, "told to leave")
                                                    : LEASELOCK_OK;
}

static void *take_impatiently(void *payload)
{
    impatient *waiter = payload;
    waiter->status = ll_turn_take(&turn, &waiter->call);
    if (waiter->status == LEASELOCK_OK)
        ll_turn_give(&turn);
    return NULL;
}

static void start_impatient(impatient *waiter)
{
    memset(waiter, 0, sizeof *waiter);
    waiter->call = (leaselock_call){INT64_MAX, pause_until_told};
    size_t before = queue_length();
    assert_int_equal(pthread_create(&waiter->thread, NULL, take_impatiently, waiter), 0);
    assert_eventually(queue_length() == before + 1);
}

/* First, middle or last of the queue: who leaves it takes nobody along, and who stays is served. */
TEST(an_abandoned_place_in_the_queue_is_closed)
{
    for (int leaver = 0; leaver < 3; leaver++) {
        impatient waiters[3];
        ll_turn_init(&turn);
        assert_ok(ll_turn_take(&turn, &patient));
        for (int i = 0; i < 3; i++)
            start_impatient(&waiters[i]);
        atomic_store(&waiters[leaver].leave, true);
        pthread_join(waiters[leaver].thread, NULL);
        assert_status(LEASELOCK_INTERRUPTED, waiters[leaver].status);
        assert_int_equal(queue_length(), 2);
        impatient late;
        start_impatient(&late); /* the queue's end must still be its end */
        ll_turn_give(&turn);
        pthread_join(late.thread, NULL);
        assert_ok(late.status);
        for (int i = 0; i < 3; i++)
            if (i != leaver) {
                pthread_join(waiters[i].thread, NULL);
                assert_ok(waiters[i].status);
            }
        assert_false(turn.taken);
        ll_turn_destroy(&turn);
    }
}

/* The turn arrives in the very moment in which its waiter is told to leave. */
static leaselock_status give_and_interrupt(const leaselock_call *call, int64_t microseconds)
{
    (void)call, (void)microseconds;
    ll_turn_give(&turn);
    return ll_error_set(LEASELOCK_INTERRUPTED, "too late to leave the queue");
}

TEST(an_interrupt_is_not_swallowed_by_a_turn_that_comes_in_the_same_moment)
{
    const leaselock_call call = {INT64_MAX, give_and_interrupt};
    ll_turn_init(&turn);
    assert_ok(ll_turn_take(&turn, &patient));
    assert_refused(LEASELOCK_INTERRUPTED, ll_turn_take(&turn, &call));
    assert_false(turn.taken);
    ll_turn_destroy(&turn);
}

TEST(a_turn_that_does_not_come_in_time_is_unavailable)
{
    const leaselock_call call = {ll_clock_after(30), keep_waiting};
    ll_turn_init(&turn);
    assert_ok(ll_turn_take(&turn, &patient));
    assert_refused(LEASELOCK_UNAVAILABLE, ll_turn_take(&turn, &call));
    ll_turn_give(&turn);
    assert_false(turn.taken);
    assert_ok(ll_turn_take(&turn, &call)); /* a free one needs no time */
    ll_turn_give(&turn);
    ll_turn_destroy(&turn);
}

static void *take_always(void *number)
{
    ll_turn_take_always(&turn);
    order[served++] = (int)(intptr_t)number;
    ll_turn_give(&turn);
    return NULL;
}

TEST(who_must_have_it_stands_in_the_same_queue)
{
    pthread_t threads[3];
    ll_turn_init(&turn);
    served = 0;
    assert_ok(ll_turn_take(&turn, &patient));
    for (int i = 0; i < 3; i++) {
        void *(*body)(void *) = i == 1 ? take_always : take_in_order;
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)(intptr_t)i), 0);
        assert_eventually(queue_length() == (size_t)i + 1);
    }
    ll_turn_give(&turn);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(order[i], i);
    ll_turn_destroy(&turn);
}

enum { CROWD = 12, ROUNDS = 500 };
static long unprotected; /* by anything but the turn */

static void *count_up(void *payload)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (ll_turn_take(&turn, &patient) != LEASELOCK_OK)
            return payload;
        unprotected++;
        ll_turn_give(&turn);
    }
    return NULL;
}

TEST(a_crowd_has_it_one_at_a_time)
{
    pthread_t threads[CROWD];
    ll_turn_init(&turn);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &unprotected), 0);
    for (int i = 0; i < CROWD; i++) {
        void *failure;
        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
    assert_int_equal(unprotected, CROWD * ROUNDS);
    assert_false(turn.taken);
    ll_turn_destroy(&turn);
}

typedef struct signal_mask {
    sigset_t blocked;
    atomic_bool known;
} signal_mask;

static void *note_mask(void *payload)
{
    signal_mask *mask = payload;
    pthread_sigmask(SIG_SETMASK, NULL, &mask->blocked);
    atomic_store(&mask->known, true);
    return NULL;
}

TEST(a_thread_of_the_library_takes_no_signals_and_leaves_ours_alone)
{
    static signal_mask theirs; /* the thread is detached */
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_ok(ll_thread_start(note_mask, &theirs));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_eventually(atomic_load(&theirs.known));
    for (int number = 1; number < 32; number++) {
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
        if (number != SIGKILL && number != SIGSTOP)
            assert_int_equal(sigismember(&theirs.blocked, number), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiters_are_served_in_the_order_they_came),
        cmocka_unit_test(an_abandoned_place_in_the_queue_is_closed),
        cmocka_unit_test(an_interrupt_is_not_swallowed_by_a_turn_that_comes_in_the_same_moment),
        cmocka_unit_test(a_turn_that_does_not_come_in_time_is_unavailable),
        cmocka_unit_test(who_must_have_it_stands_in_the_same_queue),
        cmocka_unit_test(a_crowd_has_it_one_at_a_time),
        cmocka_unit_test(a_thread_of_the_library_takes_no_signals_and_leaves_ours_alone),
    };
    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
