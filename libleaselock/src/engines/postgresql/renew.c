/* Renewing and releasing: one round trip; only for what was not ours a second one, to see why. */
#include <string.h>

#include "engines/postgresql/claims.h"
#include "util/error.h"

typedef struct change_job {
    leaselock_connection *connection;
    const leaselock_call *call;
    ll_pg_claims claims;
    leaselock_outcome_kind changed; /* what a row that was changed means */
    leaselock_outcome_kind refused; /* and one that is not ours */
    const char *doing;
} change_job;

/* Takes over the rows that were changed; how many. */
static size_t read_changed(change_job *job, const PGresult *result, int64_t asked_ms)
{
    for (int row = 0; row < pq.PQntuples(result); row++) {
        leaselock_outcome *outcome = &job->claims.outcomes[ll_pg_claims_index(&job->claims, result, row)];
        ll_pg_read_answer(result, row, asked_ms, outcome);
        outcome->kind = job->changed;
    }
    return (size_t)pq.PQntuples(result);
}

/*
 * A row that was not changed. Somebody else's: who has it. Ours and released: that is what a release asked for. Ours and held:
 * somebody has locked it, and there is nothing to say of it yet.
 */
static void read_unchanged(change_job *job, const PGresult *look, int row, int64_t asked_ms)
{
    size_t index = ll_pg_claims_index(&job->claims, look, row);
    const leaselock_claim *claim = &job->claims.all[index];
    leaselock_outcome *outcome = &job->claims.outcomes[index];
    if (outcome->kind == job->changed)
        return;
    ll_pg_answer answer = ll_pg_read_answer(look, row, asked_ms, outcome);
    bool own = answer.same_acquisition && outcome->sequence == claim->sequence &&
               strcmp(outcome->client, claim->client) == 0;
    if (own && !answer.released)
        outcome->kind = LEASELOCK_OUTCOME_UNKNOWN;
    else if (own && job->changed == LEASELOCK_OUTCOME_RELEASED)
        outcome->kind = LEASELOCK_OUTCOME_RELEASED;
    else if (own)
        outcome->client[0] = '\0';
}

static leaselock_status look_at_unchanged(change_job *job)
{
    ll_pg_request look = ll_pg_claims_request(&job->claims, LL_SQL_LOOK_ONE, 2);
    int64_t asked_ms;
    leaselock_status status = ll_pg_exchange(job->connection, job->call, &look, 1, job->doing, &asked_ms);
    if (status == LEASELOCK_OK)
        for (int row = 0; row < pq.PQntuples(look.result); row++)
            read_unchanged(job, look.result, row, asked_ms);
    ll_pg_clear(&look, 1);
    return status;
}

/* One lease that nothing can be said of, or a release of several, is worth another try of all. */
static leaselock_status check_unknown(const change_job *job)
{
    if (job->claims.count > 1 && job->changed == LEASELOCK_OUTCOME_RENEWED)
        return LEASELOCK_OK;
    for (size_t i = 0; i < job->claims.count; i++)
        if (job->claims.outcomes[i].kind == LEASELOCK_OUTCOME_UNKNOWN)
            return ll_error_set(LEASELOCK_UNAVAILABLE, "PostgreSQL: cannot %s: \"%s\" is locked by a transaction",
                                job->doing, job->claims.all[i].resource);
    return LEASELOCK_OK;
}

static leaselock_status change(change_job *job, ll_pg_statement_id one)
{
    for (size_t i = 0; i < job->claims.count; i++) {
        memset(&job->claims.outcomes[i], 0, sizeof job->claims.outcomes[i]);
        job->claims.outcomes[i].kind = job->refused;
    }
    ll_pg_request request = ll_pg_claims_request(&job->claims, one, 4);
    int64_t asked_ms;
    leaselock_status status = ll_pg_exchange(job->connection, job->call, &request, 1, job->doing, &asked_ms);
    size_t changed = status == LEASELOCK_OK ? read_changed(job, request.result, asked_ms) : 0;
    ll_pg_clear(&request, 1);
    if (status == LEASELOCK_OK && changed < job->claims.count)
        status = look_at_unchanged(job);
    return status == LEASELOCK_OK ? check_unknown(job) : status;
}

static leaselock_status run(change_job *job, const leaselock_claim *claims, size_t count, ll_pg_statement_id one,
                            leaselock_outcome *outcomes)
{
    if (count == 0)
        return LEASELOCK_OK;
    leaselock_status status = ll_pg_claims_make(&job->claims, claims, count, false);
    return status == LEASELOCK_OK ? ll_pg_claims_finish(&job->claims, change(job, one), outcomes) : status;
}

leaselock_status ll_pg_renew(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                             const leaselock_call *call, leaselock_outcome *outcomes)
{
    change_job job = {.connection = connection,
                      .call = call,
                      .changed = LEASELOCK_OUTCOME_RENEWED,
                      .refused = LEASELOCK_OUTCOME_LOST,
                      .doing = "renew a lease"};
    return run(&job, claims, count, LL_SQL_RENEW_ONE, outcomes);
}

leaselock_status ll_pg_release(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                               const leaselock_call *call, leaselock_outcome *outcomes)
{
    change_job job = {.connection = connection,
                      .call = call,
                      .changed = LEASELOCK_OUTCOME_RELEASED,
                      .refused = LEASELOCK_OUTCOME_NOT_OURS,
                      .doing = "release a lease"};
    return run(&job, claims, count, LL_SQL_RELEASE_ONE, outcomes);
}
