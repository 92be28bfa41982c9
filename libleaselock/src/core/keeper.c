#include "core/keeper.h"

#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/random.h"

/* A sleep is cut to this, since its timer stands still while the machine is suspended and the boot clock does not. */
enum { LONGEST_SLEEP_MS = 1000 };
enum { RETRY_FIRST_MS = 20 };

struct ll_keeper {
    leaselock_call call; /* first: pause gets a pointer to it */
    atomic_uint references;
    const leaselock_engine *engine;
    leaselock_connection *connection; /* the thread's alone */
    int64_t operation_ms;
    atomic_bool stop;
    ll_word work; /* changes when the thread should look again */
    atomic_bool finished;
    ll_word done; /* changes when it has finished */

    pthread_mutex_t mutex; /* protects the list and the keeper's fields of the leases in it */
    leaselock_lease *first;
};

/* What one renewal is about; the arrays are parallel. */
typedef struct ll_batch {
    size_t count;
    leaselock_lease **leases; /* each with a reference */
    leaselock_claim *claims;
    leaselock_outcome *outcomes;
} ll_batch;

static leaselock_status pause_keeper(const leaselock_call *call, int64_t microseconds)
{
    ll_keeper *keeper = (ll_keeper *)call;
    unsigned seen = atomic_load(&keeper->work);
    if (!atomic_load(&keeper->stop))
        ll_sleep_quietly(&keeper->work, seen, microseconds);
    return atomic_load(&keeper->stop) ? ll_error_set(LEASELOCK_CLOSED, "the keeper was stopped") : LEASELOCK_OK;
}

void ll_keeper_reference(ll_keeper *keeper)
{
    atomic_fetch_add(&keeper->references, 1);
}

void ll_keeper_unreference(ll_keeper *keeper)
{
    if (atomic_fetch_sub(&keeper->references, 1) != 1)
        return;
    pthread_mutex_destroy(&keeper->mutex);
    ll_free(keeper);
}

/* A third of the ttl, up to a fifth earlier, so that keepers that started together drift apart. */
static int64_t renewal_interval(const leaselock_lease *lease)
{
    int64_t third = lease->ttl_ms / 3;
    return ll_random_between(third - third / 5, third);
}

static bool is_kept(const ll_keeper *keeper, const leaselock_lease *lease)
{
    const leaselock_lease *at = keeper->first;
    while (at && at != lease)
        at = at->next_kept;
    return at != NULL;
}

void ll_keeper_add(ll_keeper *keeper, leaselock_lease *lease)
{
    if (!lease->keeper) {
        ll_keeper_reference(keeper);
        lease->keeper = keeper;
    }
    pthread_mutex_lock(&keeper->mutex);
    if (!is_kept(keeper, lease)) {
        /* a grant may be old when its keeping begins: what counts is what is left of it */
        lease->renew_at_ms =
            ll_clock_boot() + leaselock_lease_remaining(lease) - lease->ttl_ms + renewal_interval(lease);
        lease->failed_renewals = 0;
        lease->next_kept = keeper->first;
        keeper->first = lease;
    }
    pthread_mutex_unlock(&keeper->mutex);
    ll_wake(&keeper->work);
}

void ll_keeper_remove(ll_keeper *keeper, leaselock_lease *lease)
{
    pthread_mutex_lock(&keeper->mutex);
    leaselock_lease **link = &keeper->first;
    while (*link && *link != lease)
        link = &(*link)->next_kept;
    if (*link)
        *link = lease->next_kept;
    pthread_mutex_unlock(&keeper->mutex);
}

/* Drops from the list what needs no keeping any more; returns how many leases are left. Under the mutex. */
static size_t prune(ll_keeper *keeper)
{
    size_t count = 0;
    for (leaselock_lease **link = &keeper->first; *link;) {
        if (leaselock_lease_valid(*link)) {
            link = &(*link)->next_kept;
            count++;
        } else {
            *link = (*link)->next_kept;
        }
    }
    return count;
}

/* Due now, or within a quarter of its interval: what is nearly due goes along. */
static bool is_due(const leaselock_lease *lease, int64_t now)
{
    return lease->renew_at_ms <= now + (lease->failed_renewals ? 0 : lease->ttl_ms / 12);
}

/* When the next lease is due; INT64_MAX without one. Under the mutex. */
static int64_t next_due(const ll_keeper *keeper)
{
    int64_t due = INT64_MAX;
    for (const leaselock_lease *lease = keeper->first; lease; lease = lease->next_kept)
        if (lease->renew_at_ms < due)
            due = lease->renew_at_ms;
    return due;
}

static leaselock_status allocate_batch(ll_batch *batch, size_t count)
{
    batch->leases = ll_alloc(count * sizeof *batch->leases);
    batch->claims = ll_alloc(count * sizeof *batch->claims);
    batch->outcomes = ll_alloc(count * sizeof *batch->outcomes);
    return batch->leases && batch->claims && batch->outcomes ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

static void free_batch(ll_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        ll_lease_unreference(batch->leases[i]);
    ll_free(batch->leases);
    ll_free(batch->claims);
    ll_free(batch->outcomes);
}

/*
 * Fills the batch with every lease that is due, and nothing when none is yet. *until_ms: the earliest deadline of them,
 * or, without any, when the next is due.
 */
static leaselock_status collect(ll_keeper *keeper, ll_batch *batch, int64_t *until_ms)
{
    leaselock_status status = LEASELOCK_OK;
    pthread_mutex_lock(&keeper->mutex);
    size_t kept = prune(keeper);
    int64_t now = ll_clock_boot();
    *until_ms = next_due(keeper);
    if (*until_ms <= now && (status = allocate_batch(batch, kept)) == LEASELOCK_OK) {
        *until_ms = INT64_MAX;
        for (leaselock_lease *lease = keeper->first; lease; lease = lease->next_kept) {
            if (!is_due(lease, now))
                continue;
            ll_lease_reference(lease);
            batch->leases[batch->count] = lease;
            batch->claims[batch->count++] = ll_lease_claim(lease);
            int64_t deadline = now + leaselock_lease_remaining(lease);
            if (deadline < *until_ms)
                *until_ms = deadline;
        }
    }
    pthread_mutex_unlock(&keeper->mutex);
    return status;
}

/* Doubling from 20 ms, never more than a tenth of the ttl, the upper half at random. */
static int64_t retry_interval(const leaselock_lease *lease)
{
    unsigned doublings = lease->failed_renewals < 16 ? lease->failed_renewals : 16;
    int64_t longest = (int64_t)RETRY_FIRST_MS << doublings;
    if (longest > lease->ttl_ms / 10)
        longest = lease->ttl_ms / 10;
    return ll_random_between(longest / 2, longest);
}

static void schedule(ll_keeper *keeper, leaselock_lease *lease, bool failed)
{
    pthread_mutex_lock(&keeper->mutex);
    lease->failed_renewals = failed ? lease->failed_renewals + 1 : 0;
    lease->renew_at_ms = ll_clock_after(failed ? retry_interval(lease) : renewal_interval(lease));
    pthread_mutex_unlock(&keeper->mutex);
}

static void take_outcome(ll_keeper *keeper, leaselock_lease *lease, const leaselock_outcome *outcome)
{
    if (outcome->kind == LEASELOCK_OUTCOME_RENEWED) {
        ll_lease_prolong(lease, outcome);
        schedule(keeper, lease, false);
        return;
    }
    if (outcome->kind == LEASELOCK_OUTCOME_UNKNOWN) {
        ll_lease_set_unknown(lease);
        schedule(keeper, lease, true);
        return;
    }
    if (leaselock_lease_state(lease) == LEASELOCK_STATE_RELEASED)
        return; /* released by its holder while the renewal was on its way */
    ll_lease_set_lost(lease, outcome->client);
    ll_log(LEASELOCK_LOG_WARNING, "keeper", "lost \"%s\" (sequence %lld) to %s", lease->resource,
           (long long)lease->sequence, outcome->client[0] ? outcome->client : "a forced release");
}

static void renew_batch(ll_keeper *keeper, ll_batch *batch, int64_t earliest_deadline_ms)
{
    int64_t until_ms = ll_clock_after(keeper->operation_ms);
    keeper->call.until_ms = until_ms < earliest_deadline_ms ? until_ms : earliest_deadline_ms;
    leaselock_status status =
        keeper->engine->renew(keeper->connection, batch->claims, batch->count, &keeper->call, batch->outcomes);
    if (status == LEASELOCK_CLOSED)
        return;
    if (status != LEASELOCK_OK)
        ll_log(LEASELOCK_LOG_WARNING, "keeper", "cannot renew %zu leases: %s", batch->count,
               leaselock_error_last()->message);
    for (size_t i = 0; i < batch->count; i++) {
        if (status == LEASELOCK_OK) {
            take_outcome(keeper, batch->leases[i], &batch->outcomes[i]);
        } else {
            ll_lease_set_unknown(batch->leases[i]);
            schedule(keeper, batch->leases[i], true);
        }
    }
}

static void sleep_until(ll_keeper *keeper, unsigned seen, int64_t until_ms)
{
    int64_t now = ll_clock_boot();
    if (until_ms > now)
        ll_sleep_quietly(&keeper->work, seen,
                         (until_ms - now < LONGEST_SLEEP_MS ? until_ms - now : LONGEST_SLEEP_MS) * 1000);
}

static void *keep(void *argument)
{
    ll_keeper *keeper = argument;
    while (!atomic_load(&keeper->stop)) {
        unsigned seen = atomic_load(&keeper->work);
        ll_batch batch = {0};
        int64_t until_ms;
        leaselock_status status = collect(keeper, &batch, &until_ms);
        if (batch.count > 0)
            renew_batch(keeper, &batch, until_ms);
        free_batch(&batch);
        if (status != LEASELOCK_OK) /* no memory for the batch: the leases have time for another try */
            ll_sleep_quietly(&keeper->work, seen, RETRY_FIRST_MS * 1000);
        else if (batch.count == 0)
            sleep_until(keeper, seen, until_ms);
    }
    keeper->engine->close(keeper->connection);
    atomic_store(&keeper->finished, true);
    ll_wake(&keeper->done);
    ll_keeper_unreference(keeper);
    return NULL;
}

leaselock_status ll_keeper_start(const leaselock_engine *engine, leaselock_connection *connection, int64_t operation_ms,
                                 ll_keeper **out)
{
    ll_keeper *keeper = ll_alloc(sizeof *keeper);
    if (!keeper) {
        engine->close(connection);
        return LEASELOCK_NOMEM;
    }
    keeper->call.pause = pause_keeper;
    keeper->references = 2; /* the lock's and the thread's */
    keeper->engine = engine;
    keeper->connection = connection;
    keeper->operation_ms = operation_ms;
    pthread_mutex_init(&keeper->mutex, NULL);
    leaselock_status status = ll_thread_start(keep, keeper);
    if (status != LEASELOCK_OK) {
        engine->close(connection);
        ll_keeper_unreference(keeper);
        ll_keeper_unreference(keeper);
        return status;
    }
    *out = keeper;
    return LEASELOCK_OK;
}

void ll_keeper_stop(ll_keeper *keeper)
{
    if (!keeper)
        return;
    atomic_store(&keeper->stop, true);
    ll_wake(&keeper->work);
    ll_keeper_unreference(keeper);
}

void ll_keeper_stop_and_wait(ll_keeper *keeper)
{
    if (!keeper)
        return;
    ll_keeper_reference(keeper);
    ll_keeper_stop(keeper);
    while (!atomic_load(&keeper->finished))
        ll_sleep_quietly(&keeper->done, 0, LONGEST_SLEEP_MS * 1000);
    ll_keeper_unreference(keeper);
}

/* The lock's keeper, started by the first lease that wants one. Under the lock's turn. */
static leaselock_status keeper_of(leaselock_lock *lock, const leaselock_call *call)
{
    if (lock->keeper)
        return LEASELOCK_OK;
    leaselock_connection *connection = NULL;
    leaselock_status status = lock->connection ? lock->engine->open_again(lock->connection, call, &connection)
                                               : ll_error_set(LEASELOCK_CLOSED, "the lock is closed");
    if (status == LEASELOCK_OK)
        status = ll_keeper_start(lock->engine, connection, lock->operation_ms, &lock->keeper);
    return status;
}

static leaselock_status check_keepable(const leaselock_lease *lease)
{
    switch (leaselock_lease_state(lease)) {
    case LEASELOCK_STATE_RELEASED:
        return ll_error_set(LEASELOCK_RELEASED, "the lease was released");
    case LEASELOCK_STATE_LOST:
    case LEASELOCK_STATE_EXPIRED:
        return ll_error_set(LEASELOCK_LOST, "the lease is no longer held");
    default:
        return LEASELOCK_OK;
    }
}

leaselock_status leaselock_lease_keep(leaselock_lease *lease)
{
    leaselock_status status = ll_lease_check(lease ? lease->lock : NULL, lease);
    if (status == LEASELOCK_OK)
        status = check_keepable(lease);
    if (status != LEASELOCK_OK)
        return status;
    leaselock_lock *lock = lease->lock;
    ll_operation operation;
    ll_operation_begin(&operation, lock);
    status = ll_turn_take(&lock->turn, &operation.call);
    if (status != LEASELOCK_OK)
        return status;
    status = keeper_of(lock, &operation.call);
    if (status == LEASELOCK_OK)
        ll_keeper_add(lock->keeper, lease);
    ll_turn_give(&lock->turn);
    return status;
}
