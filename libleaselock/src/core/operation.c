/* One operation: its time, what interrupts it, and trying again when the engine was out of reach. */
#include "core/lock.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/random.h"

enum { RETRY_FIRST_MS = 10, RETRY_LONGEST_MS = 500 };

/* Of this thread, innermost first: an interrupt hook may call the library, and wait there, too. */
static _Thread_local const ll_waiting *waiting;

void ll_waiting_begin(ll_waiting *here, const leaselock_lock *lock)
{
    here->lock = lock;
    here->outer = waiting;
    waiting = here;
}

void ll_waiting_end(const ll_waiting *here)
{
    waiting = here->outer;
}

bool ll_waiting_is_for(const leaselock_lock *lock)
{
    const ll_waiting *at = waiting;
    while (at && at->lock != lock)
        at = at->outer;
    return at != NULL;
}

typedef leaselock_status (*ll_wait_fn)(ll_word *, unsigned seen, int64_t microseconds);

static leaselock_status wait_by(ll_wait_fn wait, leaselock_lock *lock, unsigned seen, int64_t microseconds)
{
    ll_waiting here;
    ll_waiting_begin(&here, lock);
    leaselock_status status = wait(&lock->word, seen, microseconds);
    ll_waiting_end(&here);
    return status;
}

static leaselock_status interrupted(const ll_operation *operation)
{
    if (atomic_load(&operation->lock->closed))
        return ll_error_set(LEASELOCK_CLOSED, "the lock was closed while waiting");
    if (atomic_load(&operation->lock->interrupts) != operation->interrupts_seen)
        return ll_error_set(LEASELOCK_INTERRUPTED, "the lock's waits were interrupted");
    return LEASELOCK_OK;
}

static leaselock_status pause_operation(const leaselock_call *call, int64_t microseconds)
{
    const ll_operation *operation = (const ll_operation *)call;
    unsigned seen = atomic_load(&operation->lock->word);
    leaselock_status status = interrupted(operation);
    if (status == LEASELOCK_OK)
        status = wait_by(ll_pause, operation->lock, seen, microseconds);
    return status == LEASELOCK_OK ? interrupted(operation) : status;
}

leaselock_status ll_operation_sleep(const ll_operation *operation, unsigned seen, int64_t microseconds)
{
    leaselock_status status = interrupted(operation);
    if (status == LEASELOCK_OK)
        status = wait_by(ll_sleep, operation->lock, seen, microseconds);
    return status == LEASELOCK_OK ? interrupted(operation) : status;
}

void ll_operation_begin(ll_operation *operation, leaselock_lock *lock)
{
    operation->call.pause = pause_operation;
    operation->lock = lock;
    operation->interrupts_seen = atomic_load(&lock->interrupts);
    ll_operation_restart_clock(operation);
}

void ll_operation_restart_clock(ll_operation *operation)
{
    operation->call.until_ms = ll_clock_after(operation->lock->operation_ms);
}

leaselock_status ll_operation_retry_pause(const leaselock_call *call, unsigned round)
{
    int64_t longest = RETRY_FIRST_MS << (round < 6 ? round : 6);
    int64_t ms = ll_random_between(longest / 2, longest < RETRY_LONGEST_MS ? longest : RETRY_LONGEST_MS);
    if (ll_clock_after(ms) >= call->until_ms)
        return LEASELOCK_UNAVAILABLE;
    return call->pause(call, ms * 1000);
}

/* One try, under the lock's turn. */
static leaselock_status try(ll_operation *operation, ll_engine_work work, void *payload)
{
    leaselock_lock *lock = operation->lock;
    leaselock_status status = ll_turn_take(&lock->turn, &operation->call);
    if (status != LEASELOCK_OK)
        return status;
    status = lock->connection ? work(lock->connection, &operation->call, payload)
                              : ll_error_set(LEASELOCK_CLOSED, "the lock is closed");
    ll_turn_give(&lock->turn);
    if (status == LEASELOCK_OK)
        ll_error_clear(); /* of a failure that was overcome */
    return status;
}

leaselock_status ll_operation_work(ll_operation *operation, ll_engine_work work, void *payload)
{
    for (unsigned round = 0;; round++) {
        leaselock_status status = try(operation, work, payload);
        if (status != LEASELOCK_UNAVAILABLE)
            return status;
        leaselock_error failure;
        ll_error_save(&failure);
        status = ll_operation_retry_pause(&operation->call, round);
        if (status == LEASELOCK_UNAVAILABLE)
            return ll_error_restore(&failure);
        if (status != LEASELOCK_OK)
            return status;
        ll_error_clear(); /* if the next try succeeds, this failure is no news */
    }
}

typedef struct slot_work {
    ll_engine_slot slot;
    const leaselock_claim *claims;
    size_t count;
    leaselock_outcome *outcomes;
} slot_work;

static leaselock_status run_slot(leaselock_connection *connection, const leaselock_call *call, void *payload)
{
    const slot_work *work = payload;
    return work->slot(connection, work->claims, work->count, call, work->outcomes);
}

leaselock_status ll_operation_run(ll_operation *operation, ll_engine_slot slot, const leaselock_claim *claims,
                                  size_t count, leaselock_outcome *outcomes)
{
    slot_work work = {slot, claims, count, outcomes};
    return ll_operation_work(operation, run_slot, &work);
}
