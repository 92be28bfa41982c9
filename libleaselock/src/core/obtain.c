/* Obtaining: one try at the engine, and how often and after which pauses it is tried again. */
#include <string.h>

#include "core/backoff.h"
#include "core/lease.h"
#include "core/options.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/random.h"
#include "util/text.h"

/* The pauses of a wait without a backoff: at random, so that contenders do not march in step. */
enum { POLL_SHORTEST_MS = 50, POLL_LONGEST_MS = 250 };

typedef struct ll_obtain {
    ll_operation operation;
    leaselock_claim claim;
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
    int64_t wait_until_ms;        /* INT64_MAX: no overall wait */
    ll_backoff_walk *walk;        /* NULL: poll until then */
    leaselock_outcome outcome;    /* of the last try */
} ll_obtain;

static leaselock_status prepare(ll_obtain *obtain, leaselock_lock *lock, const char *resource, const char *client,
                                const leaselock_obtain_options *options)
{
    leaselock_status status = ll_text_check_id(resource, "resource");
    if (status == LEASELOCK_OK && client)
        status = ll_text_check_id(client, "client id");
    int64_t ttl_ms = options->ttl_ms ? options->ttl_ms : lock->ttl_ms;
    if (status == LEASELOCK_OK)
        status = ll_lock_check_ttl(ttl_ms);
    if (status == LEASELOCK_OK && options->wait_ms < LEASELOCK_FOREVER)
        status = ll_error_set(LEASELOCK_INVALID, "the wait is negative");
    if (status == LEASELOCK_OK)
        status = ll_random_acquisition(obtain->acquisition);
    if (status != LEASELOCK_OK)
        return status;
    leaselock_claim claim = {resource, client ? client : lock->client, obtain->acquisition, 0, ttl_ms};
    obtain->claim = claim;
    obtain->wait_until_ms = options->wait_ms > 0 ? ll_clock_after(options->wait_ms) : INT64_MAX;
    ll_operation_begin(&obtain->operation, lock);
    return LEASELOCK_OK;
}

/* A grant that arrived too late is of no use to anybody: give it back, best effort, and start over with a new id. */
static leaselock_status give_back(ll_obtain *obtain)
{
    leaselock_outcome released;
    leaselock_claim claim = obtain->claim;
    claim.sequence = obtain->outcome.sequence;
    ll_operation_restart_clock(&obtain->operation);
    leaselock_status status =
        ll_operation_run(&obtain->operation, obtain->operation.lock->engine->release, &claim, 1, &released);
    return status == LEASELOCK_OK ? ll_random_acquisition(obtain->acquisition) : status;
}

/* One try. The lease's sequence stays 0 when it was in vain. */
static leaselock_status try_once(ll_obtain *obtain, leaselock_lease *lease)
{
    leaselock_lock *lock = obtain->operation.lock;
    ll_operation_restart_clock(&obtain->operation);
    leaselock_status status =
        ll_operation_run(&obtain->operation, lock->engine->obtain, &obtain->claim, 1, &obtain->outcome);
    if (status != LEASELOCK_OK)
        return status;
    const leaselock_outcome *outcome = &obtain->outcome;
    if (outcome->kind == LEASELOCK_OUTCOME_SPENT)
        return ll_random_acquisition(obtain->acquisition);
    if (outcome->kind != LEASELOCK_OUTCOME_GRANTED)
        return LEASELOCK_OK;
    if (ll_clock_boot() >= ll_lease_deadline(outcome))
        return give_back(obtain);
    lease->sequence = outcome->sequence;
    lease->ttl_ms = outcome->ttl_ms;
    memcpy(lease->acquisition, obtain->acquisition, sizeof obtain->acquisition);
    ll_lease_set_held(lease, outcome);
    return LEASELOCK_OK;
}

/* The next pause, cut by the overall wait; LEASELOCK_BACKOFF_END when there is no further try. */
static leaselock_status next_delay(ll_obtain *obtain, int64_t *delay_ms)
{
    int64_t left_ms = obtain->wait_until_ms - ll_clock_boot();
    *delay_ms = LEASELOCK_BACKOFF_END;
    if (left_ms <= 0)
        return LEASELOCK_OK;
    if (!obtain->walk)
        *delay_ms = ll_random_between(POLL_SHORTEST_MS, POLL_LONGEST_MS);
    else {
        leaselock_status status = leaselock_backoff_next(obtain->walk->backoff, delay_ms);
        if (status != LEASELOCK_OK)
            return status;
    }
    if (obtain->wait_until_ms != INT64_MAX && *delay_ms > left_ms)
        *delay_ms = left_ms;
    return LEASELOCK_OK;
}

/* Waits until the holder's sequence no longer holds the resource, as far as the engine can tell. */
static leaselock_status watch(ll_obtain *obtain, int64_t microseconds)
{
    leaselock_lock *lock = obtain->operation.lock;
    const leaselock_call *call = &obtain->operation.call;
    atomic_fetch_add(&lock->watchers, 1); /* from here on a close waits for us */
    leaselock_status status = call->pause(call, 0);
    ll_waiting here; /* the engine may wait on a word of its own */
    ll_waiting_begin(&here, lock);
    if (status == LEASELOCK_OK)
        status = lock->engine->watch(lock->connection, obtain->claim.resource, obtain->outcome.sequence, call,
                                     microseconds);
    ll_waiting_end(&here);
    atomic_fetch_sub(&lock->watchers, 1);
    ll_wake(&lock->word);
    return status;
}

static leaselock_status pause(ll_obtain *obtain, int64_t delay_ms)
{
    const leaselock_call *call = &obtain->operation.call;
    int64_t end_ms = ll_clock_after(delay_ms);
    /* only a wait without a backoff may be cut short by the engine: a backoff's pauses are its own */
    if (!obtain->walk && obtain->operation.lock->engine->watch && obtain->outcome.kind == LEASELOCK_OUTCOME_BUSY)
        return watch(obtain, delay_ms * 1000);
    for (int64_t left_ms = delay_ms; left_ms > 0; left_ms = end_ms - ll_clock_boot()) {
        leaselock_status status = call->pause(call, left_ms > INT64_MAX / 1000 ? INT64_MAX : left_ms * 1000);
        if (status != LEASELOCK_OK)
            return status;
    }
    return LEASELOCK_OK;
}

static leaselock_status busy(const ll_obtain *obtain)
{
    const leaselock_outcome *outcome = &obtain->outcome;
    if (outcome->kind != LEASELOCK_OUTCOME_BUSY)
        return ll_error_set(LEASELOCK_UNAVAILABLE, "\"%s\" was granted, but too late to be used",
                            obtain->claim.resource);
    ll_error_set(LEASELOCK_BUSY, "\"%s\" is held by \"%s\"", obtain->claim.resource, outcome->client);
    ll_error_set_holder(obtain->claim.resource, outcome->client, outcome->sequence, outcome->remaining_ms);
    return LEASELOCK_BUSY;
}

/* Tries and pauses until there is a lease, or no further try. */
static leaselock_status run(ll_obtain *obtain, leaselock_lease *lease)
{
    for (;;) {
        leaselock_status status = try_once(obtain, lease);
        if (status != LEASELOCK_OK || lease->sequence != 0)
            return status;
        int64_t delay_ms;
        status = next_delay(obtain, &delay_ms);
        if (status == LEASELOCK_OK && delay_ms == LEASELOCK_BACKOFF_END)
            status = busy(obtain);
        if (status == LEASELOCK_OK)
            status = pause(obtain, delay_ms);
        if (status != LEASELOCK_OK)
            return status;
    }
}

/* `backoff` NULL: poll with jitter until the wait is over. */
static leaselock_status obtain_by(leaselock_lock *lock, const char *resource, const char *client,
                                  leaselock_backoff *backoff, const leaselock_obtain_options *options,
                                  leaselock_lease **out)
{
    ll_obtain obtain;
    memset(&obtain, 0, sizeof obtain);
    leaselock_status status = prepare(&obtain, lock, resource, client, options);
    if (status != LEASELOCK_OK)
        return status;
    /* Before the engine is asked: nothing may be granted that there is no memory for. */
    leaselock_lease *lease = ll_lease_new(lock, &obtain.claim);
    if (!lease)
        return LEASELOCK_NOMEM;
    ll_backoff_walk walk;
    if (backoff) {
        obtain.walk = &walk;
        status = ll_backoff_walk_begin(&walk, backoff);
    }
    if (status == LEASELOCK_OK) {
        status = run(&obtain, lease);
        if (backoff)
            ll_backoff_walk_end(&walk);
    }
    if (status == LEASELOCK_OK)
        *out = lease;
    else
        ll_lease_unreference(lease);
    return status;
}

static leaselock_status read_options(leaselock_lock *lock, const leaselock_obtain_options *given, const void *out,
                                     leaselock_obtain_options *options)
{
    leaselock_status status = ll_lock_check(lock);
    if (status == LEASELOCK_OK && !out)
        status = ll_error_set(LEASELOCK_INVALID, "out is NULL");
    return status == LEASELOCK_OK ? LL_OPTIONS_READ(given, options) : status;
}

leaselock_status leaselock_lock_obtain(leaselock_lock *lock, const char *resource, const char *client,
                                       const leaselock_obtain_options *options, leaselock_lease **out)
{
    leaselock_obtain_options read;
    leaselock_status status = read_options(lock, options, out, &read);
    if (status != LEASELOCK_OK)
        return status;
    leaselock_backoff by_default = ll_backoff_default;
    return obtain_by(lock, resource, client, read.wait_ms ? NULL : &by_default, &read, out);
}

leaselock_status leaselock_lock_obtain_with_backoff(leaselock_lock *lock, const char *resource, const char *client,
                                                    leaselock_backoff *backoff, const leaselock_obtain_options *options,
                                                    leaselock_lease **out)
{
    leaselock_obtain_options read;
    leaselock_status status = read_options(lock, options, out, &read);
    if (status != LEASELOCK_OK)
        return status;
    if (!backoff)
        return ll_error_set(LEASELOCK_INVALID, "backoff is NULL");
    return obtain_by(lock, resource, client, backoff, &read, out);
}

leaselock_status leaselock_lock_obtain_with_no_wait(leaselock_lock *lock, const char *resource, const char *client,
                                                    const leaselock_obtain_options *options, leaselock_lease **out)
{
    leaselock_obtain_options read;
    leaselock_status status = read_options(lock, options, out, &read);
    if (status != LEASELOCK_OK)
        return status;
    if (read.wait_ms != 0)
        return ll_error_set(LEASELOCK_INVALID, "an obtain without waiting takes no wait");
    leaselock_backoff none = ll_backoff_none;
    return obtain_by(lock, resource, client, &none, &read, out);
}
