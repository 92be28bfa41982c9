/* Threads of our own, and the mutex that is given first come, first served. */
#ifndef LL_UTIL_THREAD_H
#define LL_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "leaselock/sys/engine.h"
#include "util/wait.h"

/* Starts a detached thread that blocks all signals. NOMEM or INTERNAL. */
leaselock_status ll_thread_start(void *(*body)(void *), void *argument);

/* A mutex with a queue: whoever came first is next, however the scheduler feels. */
typedef struct ll_turn_waiter ll_turn_waiter;
typedef struct ll_turn {
    pthread_mutex_t mutex; /* protects the fields below, held for moments only */
    bool taken;
    ll_turn_waiter *first, *last;
} ll_turn;

void ll_turn_init(ll_turn *turn);
void ll_turn_destroy(ll_turn *turn);

/* Waits for the turn by call->pause's rules, until call->until_ms (then UNAVAILABLE). */
leaselock_status ll_turn_take(ll_turn *turn, const leaselock_call *call);
/* Waits however long it takes; for close, which must have it. */
void ll_turn_take_always(ll_turn *turn);
void ll_turn_give(ll_turn *turn);

#endif
