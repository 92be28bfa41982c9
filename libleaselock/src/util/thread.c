#include "util/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "util/clock.h"
#include "util/error.h"

leaselock_status ll_thread_start(void *(*body)(void *), void *argument)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits the mask */
    int failure = pthread_create(&thread, NULL, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return ll_error_set_native(failure == EAGAIN ? LEASELOCK_NOMEM : LEASELOCK_INTERNAL, failure,
                                   "cannot start a thread: %s", strerror(failure));
    pthread_detach(thread);
    return LEASELOCK_OK;
}

/* On the waiter's stack; `word` changes once, when the turn is handed over. */
struct ll_turn_waiter {
    ll_turn_waiter *next;
    ll_word word;
    bool served;
};

void ll_turn_init(ll_turn *turn)
{
    memset(turn, 0, sizeof *turn);
    pthread_mutex_init(&turn->mutex, NULL);
}

void ll_turn_destroy(ll_turn *turn)
{
    pthread_mutex_destroy(&turn->mutex);
}

/* True: taken at once. False: `waiter` stands in the queue. */
static bool take_or_queue(ll_turn *turn, ll_turn_waiter *waiter)
{
    pthread_mutex_lock(&turn->mutex);
    bool free_now = !turn->taken;
    if (free_now) {
        turn->taken = true;
    } else {
        if (turn->last)
            turn->last->next = waiter;
        else
            turn->first = waiter;
        turn->last = waiter;
    }
    pthread_mutex_unlock(&turn->mutex);
    return free_now;
}

/* Leaves the queue; false when the turn was handed over meanwhile. */
static bool leave_queue(ll_turn *turn, ll_turn_waiter *waiter)
{
    pthread_mutex_lock(&turn->mutex);
    bool waiting = !waiter->served;
    if (waiting) {
        ll_turn_waiter *before = NULL, *at = turn->first;
        for (; at != waiter; at = at->next)
            before = at;
        if (before)
            before->next = waiter->next;
        else
            turn->first = waiter->next;
        if (turn->last == waiter)
            turn->last = before;
    }
    pthread_mutex_unlock(&turn->mutex);
    return waiting;
}

static bool is_served(ll_turn *turn, ll_turn_waiter *waiter)
{
    pthread_mutex_lock(&turn->mutex);
    bool served = waiter->served;
    pthread_mutex_unlock(&turn->mutex);
    return served;
}

leaselock_status ll_turn_take(ll_turn *turn, const leaselock_call *call)
{
    ll_turn_waiter waiter = {0};
    if (take_or_queue(turn, &waiter))
        return LEASELOCK_OK;
    /* The engine call ahead ends by its own time; ours is looked at every 10 ms besides. */
    while (!is_served(turn, &waiter)) {
        leaselock_status status = LEASELOCK_OK;
        ll_sleep_quietly(&waiter.word, 0, 10000);
        if (ll_clock_boot() >= call->until_ms)
            status = ll_error_set(LEASELOCK_UNAVAILABLE, "other threads kept the lock's connection busy");
        else
            status = call->pause(call, 0);
        if (status == LEASELOCK_OK)
            continue;
        if (!leave_queue(turn, &waiter)) /* ours by now, and not wanted: an interrupt must not go unanswered */
            ll_turn_give(turn);
        return status;
    }
    return LEASELOCK_OK;
}

void ll_turn_take_always(ll_turn *turn)
{
    ll_turn_waiter waiter = {0};
    if (take_or_queue(turn, &waiter))
        return;
    while (!is_served(turn, &waiter))
        ll_sleep_quietly(&waiter.word, 0, 100000);
}

void ll_turn_give(ll_turn *turn)
{
    pthread_mutex_lock(&turn->mutex);
    ll_turn_waiter *next = turn->first;
    if (next) {
        turn->first = next->next;
        if (!turn->first)
            turn->last = NULL;
        next->served = true;
        ll_wake(&next->word); /* under the mutex: the waiter's stack is gone as soon as it sees `served` */
    } else {
        turn->taken = false;
    }
    pthread_mutex_unlock(&turn->mutex);
}
