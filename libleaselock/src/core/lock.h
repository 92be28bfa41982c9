/* The lock: one connection to one database of leases, shared by the threads of a process. */
#ifndef LL_CORE_LOCK_H
#define LL_CORE_LOCK_H

#include <stdatomic.h>

#include "leaselock/lock.h"
#include "leaselock/sys/engine.h"
#include "util/thread.h"
#include "util/wait.h"

typedef struct ll_keeper ll_keeper;

struct leaselock_lock {
    atomic_uint references; /* the handle's own, and one per lease */
    unsigned fork_generation;
    const leaselock_engine *engine;
    char *client;
    int64_t ttl_ms;
    int64_t operation_ms;
    bool no_install;

    ll_turn turn; /* covers the connection, the keeper pointer, and close */
    leaselock_connection *connection;
    ll_keeper *keeper; /* NULL until a lease is kept */

    ll_word word; /* changes when a wait should look again: interrupt, close, a lease's state */
    atomic_uint interrupts;
    atomic_bool closed;
    atomic_uint watchers; /* threads inside engine->watch, which has no turn */
};

/* First line of every public function on a lock: INVALID for NULL, FORKED, CLOSED. */
leaselock_status ll_lock_check(const leaselock_lock *lock);

/* True in a forked child: nothing of the lock may be touched, its mutexes least of all. */
bool ll_lock_is_forked(const leaselock_lock *lock);

void ll_lock_reference(leaselock_lock *lock);
void ll_lock_unreference(leaselock_lock *lock);

/*
 * One operation on a lock, as the engine sees it: its time, and what ends it. Interrupts count from when it began.
 */
typedef struct ll_operation {
    leaselock_call call; /* first: the engine gets a pointer to it */
    leaselock_lock *lock;
    unsigned interrupts_seen;
} ll_operation;

void ll_operation_begin(ll_operation *operation, leaselock_lock *lock);
/* Gives the operation the lock's whole operation time, from now. */
void ll_operation_restart_clock(ll_operation *operation);

/* Sleeps until the lock's word is no longer `seen`; OK, or what ended the wait. */
leaselock_status ll_operation_sleep(const ll_operation *operation, unsigned seen, int64_t microseconds);

/*
 * A wait of this thread, on its stack: in the interrupt hook that it calls, close must not wait for this same thread.
 */
typedef struct ll_waiting ll_waiting;
struct ll_waiting {
    const leaselock_lock *lock;
    const ll_waiting *outer;
};

void ll_waiting_begin(ll_waiting *here, const leaselock_lock *lock);
void ll_waiting_end(const ll_waiting *here);
/* Whether this thread waits on the lock: the turn may be its own. */
bool ll_waiting_is_for(const leaselock_lock *lock);

/* Something to be done with the lock's connection. */
typedef leaselock_status (*ll_engine_work)(leaselock_connection *, const leaselock_call *, void *payload);

/* Does it under the lock's turn; what is UNAVAILABLE is tried again within the operation's time. */
leaselock_status ll_operation_work(ll_operation *operation, ll_engine_work work, void *payload);

/* The engine's obtain, renew or release: arrays of claims and outcomes, the same claims in every try. */
typedef leaselock_status (*ll_engine_slot)(leaselock_connection *, const leaselock_claim *, size_t count,
                                           const leaselock_call *, leaselock_outcome *);
leaselock_status ll_operation_run(ll_operation *operation, ll_engine_slot slot, const leaselock_claim *claims,
                                  size_t count, leaselock_outcome *outcomes);

/* The pause between two tries: jittered, growing with `round`, within the call's time; else UNAVAILABLE as it was. */
leaselock_status ll_operation_retry_pause(const leaselock_call *call, unsigned round);

/* The bounds of contract and header; INVALID with a message. */
leaselock_status ll_lock_check_ttl(int64_t ttl_ms);

#endif
