#include "core/lease.h"

#include <string.h>

#include "core/keeper.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fork.h"
#include "util/text.h"

/* margin = ttl / 50, at least 50 ms: what two clocks of one machine, and rounding, can differ by. */
enum { MARGIN_SHARE = 50, MARGIN_MIN_MS = 50 };

leaselock_lease *ll_lease_new(leaselock_lock *lock, const leaselock_claim *claim)
{
    size_t resource_size = strlen(claim->resource) + 1, client_size = strlen(claim->client) + 1;
    leaselock_lease *lease = ll_alloc(sizeof *lease + resource_size + client_size);
    if (!lease)
        return NULL;
    lease->resource = memcpy(lease + 1, claim->resource, resource_size);
    lease->client = memcpy(lease->resource + resource_size, claim->client, client_size);
    memcpy(lease->acquisition, claim->acquisition, sizeof lease->acquisition);
    lease->references = 1;
    lease->lock = lock;
    lease->mark = LEASELOCK_STATE_UNKNOWN;
    ll_lock_reference(lock);
    return lease;
}

void ll_lease_reference(leaselock_lease *lease)
{
    atomic_fetch_add(&lease->references, 1);
}

void ll_lease_unreference(leaselock_lease *lease)
{
    if (atomic_fetch_sub(&lease->references, 1) != 1)
        return;
    leaselock_lock *lock = lease->lock;
    if (lease->keeper)
        ll_keeper_unreference(lease->keeper);
    ll_free(lease);
    ll_lock_unreference(lock);
}

void leaselock_lease_free(leaselock_lease *lease)
{
    if (!lease || ll_lock_is_forked(lease->lock))
        return; /* a forked child leaks: the keeper's mutex may be locked for ever */
    if (lease->keeper)
        ll_keeper_remove(lease->keeper, lease);
    ll_lease_unreference(lease);
}

leaselock_claim ll_lease_claim(const leaselock_lease *lease)
{
    leaselock_claim claim = {lease->resource, lease->client, lease->acquisition, lease->sequence, lease->ttl_ms};
    return claim;
}

leaselock_status ll_lease_check(const leaselock_lock *lock, const leaselock_lease *lease)
{
    leaselock_status status = ll_lock_check(lock);
    if (status != LEASELOCK_OK)
        return status;
    if (!lease)
        return ll_error_set(LEASELOCK_INVALID, "lease is NULL");
    if (lease->lock != lock)
        return ll_error_set(LEASELOCK_INVALID, "the lease is another lock's");
    return LEASELOCK_OK;
}

int64_t ll_lease_deadline(const leaselock_outcome *outcome)
{
    int64_t margin = outcome->ttl_ms / MARGIN_SHARE;
    return outcome->asked_ms + outcome->remaining_ms - (margin > MARGIN_MIN_MS ? margin : MARGIN_MIN_MS);
}

/* HELD or UNKNOWN to `mark`; LOST and RELEASED are final. */
static bool move_mark(leaselock_lease *lease, leaselock_state mark)
{
    int now = atomic_load(&lease->mark);
    while (now == LEASELOCK_STATE_HELD || now == LEASELOCK_STATE_UNKNOWN) {
        if (atomic_compare_exchange_weak(&lease->mark, &now, mark)) {
            if (now != mark)
                ll_wake(&lease->lock->word);
            return true;
        }
    }
    return false;
}

void ll_lease_set_held(leaselock_lease *lease, const leaselock_outcome *outcome)
{
    atomic_store(&lease->deadline_ms, ll_lease_deadline(outcome));
    atomic_store(&lease->expires_at_ms, outcome->expires_at_ms);
    move_mark(lease, LEASELOCK_STATE_HELD);
}

void ll_lease_prolong(leaselock_lease *lease, const leaselock_outcome *outcome)
{
    int64_t before = atomic_load(&lease->deadline_ms), deadline = ll_lease_deadline(outcome);
    if (before == 0 || ll_clock_boot() >= before || deadline <= before)
        return;
    if (!atomic_compare_exchange_strong(&lease->deadline_ms, &before, deadline))
        return; /* seen as expired meanwhile, or renewed by its holder */
    atomic_store(&lease->expires_at_ms, outcome->expires_at_ms);
    move_mark(lease, LEASELOCK_STATE_HELD);
}

void ll_lease_set_unknown(leaselock_lease *lease)
{
    move_mark(lease, LEASELOCK_STATE_UNKNOWN);
}

/* Two threads can learn of a loss at once, and both were told the same: the text may be written twice, not torn. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void protect_mutex(void)
{
    ll_fork_protect(&writing);
}

void ll_lease_set_lost(leaselock_lease *lease, const char *to)
{
    pthread_once(&once, protect_mutex);
    pthread_mutex_lock(&writing);
    int mark = atomic_load(&lease->mark);
    if (mark == LEASELOCK_STATE_HELD || mark == LEASELOCK_STATE_UNKNOWN) {
        ll_text_copy(lease->lost_to, sizeof lease->lost_to, to);
        move_mark(lease, LEASELOCK_STATE_LOST);
    }
    pthread_mutex_unlock(&writing);
}

void ll_lease_set_released(leaselock_lease *lease)
{
    move_mark(lease, LEASELOCK_STATE_RELEASED);
}

/* True before the deadline. Past it the deadline becomes 0, so that what was once seen as expired stays so. */
static bool before_deadline(const leaselock_lease *lease, int64_t *remaining_ms)
{
    _Atomic int64_t *deadline_ms = &((leaselock_lease *)lease)->deadline_ms;
    int64_t deadline = atomic_load(deadline_ms);
    int64_t now = ll_clock_boot();
    while (deadline != 0 && now >= deadline)
        if (atomic_compare_exchange_weak(deadline_ms, &deadline, 0))
            deadline = 0;
    *remaining_ms = deadline ? deadline - now : 0;
    return deadline != 0;
}

static leaselock_state read_state(const leaselock_lease *lease, int64_t *remaining_ms)
{
    *remaining_ms = 0;
    if (ll_lock_is_forked(lease->lock))
        return LEASELOCK_STATE_FORKED;
    bool in_time = before_deadline(lease, remaining_ms);
    /* The mark is read last: a release or a loss on another thread counts from the moment it is marked. */
    leaselock_state mark = atomic_load(&lease->mark);
    if (mark == LEASELOCK_STATE_LOST || mark == LEASELOCK_STATE_RELEASED) {
        *remaining_ms = 0;
        return mark;
    }
    return in_time ? mark : LEASELOCK_STATE_EXPIRED;
}

leaselock_state leaselock_lease_state(const leaselock_lease *lease)
{
    int64_t remaining_ms;
    return lease ? read_state(lease, &remaining_ms) : LEASELOCK_STATE_RELEASED;
}

bool leaselock_lease_valid(const leaselock_lease *lease)
{
    return leaselock_lease_remaining(lease) > 0;
}

int64_t leaselock_lease_remaining(const leaselock_lease *lease)
{
    int64_t remaining_ms = 0;
    if (lease)
        read_state(lease, &remaining_ms);
    return remaining_ms;
}

const char *leaselock_lease_lost_to(const leaselock_lease *lease)
{
    if (!lease || atomic_load(&lease->mark) != LEASELOCK_STATE_LOST || lease->lost_to[0] == '\0')
        return NULL;
    return lease->lost_to;
}

leaselock_lock *leaselock_lease_lock(const leaselock_lease *lease)
{
    return lease ? lease->lock : NULL;
}

const char *leaselock_lease_resource(const leaselock_lease *lease)
{
    return lease ? lease->resource : NULL;
}

const char *leaselock_lease_client(const leaselock_lease *lease)
{
    return lease ? lease->client : NULL;
}

const char *leaselock_lease_acquisition(const leaselock_lease *lease)
{
    return lease ? lease->acquisition : NULL;
}

int64_t leaselock_lease_sequence(const leaselock_lease *lease)
{
    return lease ? lease->sequence : 0;
}

int64_t leaselock_lease_ttl(const leaselock_lease *lease)
{
    return lease ? lease->ttl_ms : 0;
}

int64_t leaselock_lease_expiry(const leaselock_lease *lease)
{
    return lease ? atomic_load(&lease->expires_at_ms) : 0;
}

const char *leaselock_state_name(leaselock_state state)
{
    static const char *const names[] = {"NONE", "HELD", "UNKNOWN", "LOST", "EXPIRED", "RELEASED", "FORKED"};
    return state > 0 && (size_t)state < sizeof names / sizeof *names ? names[state] : names[0];
}

leaselock_status leaselock_lease_wait(leaselock_lease *lease, int64_t timeout_ms, leaselock_state *state)
{
    leaselock_status status = ll_lease_check(lease ? lease->lock : NULL, lease);
    if (status != LEASELOCK_OK)
        return status;
    if (!state || timeout_ms < LEASELOCK_FOREVER)
        return ll_error_set(LEASELOCK_INVALID, state ? "the timeout is negative" : "state is NULL");
    ll_operation operation;
    ll_operation_begin(&operation, lease->lock);
    int64_t end_ms = timeout_ms == LEASELOCK_FOREVER ? INT64_MAX : ll_clock_after(timeout_ms);
    for (;;) {
        unsigned seen = atomic_load(&lease->lock->word);
        int64_t remaining_ms;
        leaselock_state now = read_state(lease, &remaining_ms);
        int64_t left_ms = end_ms - ll_clock_boot();
        if (remaining_ms <= 0 || left_ms <= 0) {
            *state = now;
            return LEASELOCK_OK;
        }
        status = ll_operation_sleep(&operation, seen, (left_ms < remaining_ms ? left_ms : remaining_ms) * 1000);
        if (status != LEASELOCK_OK)
            return status;
    }
}
