/* What a holder does with a lease: renew it, release it, take it up again elsewhere. */
#include <string.h>

#include "core/lease.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

static leaselock_status run_on_lease(leaselock_lease *lease, ll_engine_slot slot, leaselock_outcome *outcome)
{
    ll_operation operation;
    ll_operation_begin(&operation, lease->lock);
    leaselock_claim claim = ll_lease_claim(lease);
    return ll_operation_run(&operation, slot, &claim, 1, outcome);
}

static leaselock_status report_lost(const leaselock_lease *lease, const leaselock_outcome *outcome)
{
    if (outcome->client[0])
        ll_error_set(LEASELOCK_LOST, "\"%s\" was lost to \"%s\"", lease->resource, outcome->client);
    else
        ll_error_set(LEASELOCK_LOST, "\"%s\" is not held by this lease any more", lease->resource);
    ll_error_set_holder(lease->resource, outcome->client, outcome->sequence, outcome->remaining_ms);
    return LEASELOCK_LOST;
}

static leaselock_status renew(leaselock_lease *lease, leaselock_outcome *outcome)
{
    leaselock_status status = run_on_lease(lease, lease->lock->engine->renew, outcome);
    if (status != LEASELOCK_OK) {
        ll_lease_set_unknown(lease);
        return status;
    }
    if (outcome->kind != LEASELOCK_OUTCOME_RENEWED) {
        ll_lease_set_lost(lease, outcome->client);
        return report_lost(lease, outcome);
    }
    ll_lease_set_held(lease, outcome);
    return LEASELOCK_OK;
}

leaselock_status leaselock_lock_renew(leaselock_lock *lock, leaselock_lease *lease)
{
    leaselock_status status = ll_lease_check(lock, lease);
    if (status != LEASELOCK_OK)
        return status;
    if (atomic_load(&lease->mark) == LEASELOCK_STATE_RELEASED)
        return ll_error_set(LEASELOCK_RELEASED, "the lease was released");
    leaselock_outcome outcome;
    return renew(lease, &outcome);
}

leaselock_status leaselock_lock_release(leaselock_lock *lock, leaselock_lease *lease, bool *was_ours)
{
    leaselock_status status = ll_lease_check(lock, lease);
    if (status != LEASELOCK_OK)
        return status;
    ll_lease_set_released(lease);
    leaselock_outcome outcome;
    status = run_on_lease(lease, lock->engine->release, &outcome);
    if (status == LEASELOCK_OK && was_ours)
        *was_ours = outcome.kind == LEASELOCK_OUTCOME_RELEASED;
    return status;
}

leaselock_status leaselock_lock_resume(leaselock_lock *lock, const char *resource, const char *client, int64_t sequence,
                                       const char *acquisition, leaselock_lease **out)
{
    leaselock_status status = ll_lock_check(lock);
    if (status == LEASELOCK_OK)
        status = ll_text_check_id(resource, "resource");
    if (status == LEASELOCK_OK && client)
        status = ll_text_check_id(client, "client id");
    if (status == LEASELOCK_OK)
        status = ll_text_check_acquisition(acquisition);
    if (status == LEASELOCK_OK && (sequence < 1 || !out))
        status = ll_error_set(LEASELOCK_INVALID, out ? "sequence is less than 1" : "out is NULL");
    if (status != LEASELOCK_OK)
        return status;
    leaselock_claim claim = {resource, client ? client : lock->client, acquisition, sequence, 0};
    leaselock_lease *lease = ll_lease_new(lock, &claim);
    if (!lease)
        return LEASELOCK_NOMEM;
    lease->sequence = sequence;
    leaselock_outcome outcome;
    status = renew(lease, &outcome);
    if (status != LEASELOCK_OK) {
        ll_lease_unreference(lease);
        return status;
    }
    lease->ttl_ms = outcome.ttl_ms;
    *out = lease;
    return LEASELOCK_OK;
}
