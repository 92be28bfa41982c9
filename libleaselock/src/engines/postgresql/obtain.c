/*
 * Obtaining: one round trip, in which the grant is tried and then the rows are looked at. What the look shows is the answer:
 * this acquisition granted, or who is in the way. Rows that are missing are added by a second one.
 */
#include <string.h>

#include "engines/postgresql/claims.h"
#include "util/error.h"

enum { TRIES = 3 }; /* of a grant of several that others were faster with */

typedef struct grant_job {
    leaselock_connection *connection;
    const leaselock_call *call;
    ll_pg_claims claims;
    bool in_doubt; /* an earlier try of this acquisition may still be running */
    bool locked;   /* the last try met rows that nobody holds and somebody has locked */
} grant_job;

/* How many of the claims' rows are in which state. */
typedef struct tally {
    size_t seen, own, barred;
} tally;

static void read_row(grant_job *job, const PGresult *look, int row, int64_t asked_ms, tally *count)
{
    leaselock_outcome *outcome = &job->claims.outcomes[ll_pg_claims_index(&job->claims, look, row)];
    ll_pg_answer answer = ll_pg_read_answer(look, row, asked_ms, outcome);
    if (answer.same_acquisition)
        outcome->kind = answer.released ? LEASELOCK_OUTCOME_SPENT : LEASELOCK_OUTCOME_GRANTED;
    else if (!answer.released && outcome->remaining_ms > 0)
        outcome->kind = LEASELOCK_OUTCOME_BUSY;
    count->seen++;
    count->own += outcome->kind == LEASELOCK_OUTCOME_GRANTED;
    count->barred += outcome->kind == LEASELOCK_OUTCOME_SPENT || outcome->kind == LEASELOCK_OUTCOME_BUSY;
}

/* Nobody holds them, and still they were not won: those that `won` does not name are locked by somebody. */
static void mark_locked(grant_job *job, const PGresult *won)
{
    job->locked = true;
    for (size_t i = 0; i < job->claims.count; i++) {
        leaselock_outcome *outcome = &job->claims.outcomes[i];
        if (outcome->kind != LEASELOCK_OUTCOME_NONE)
            continue;
        outcome->kind = LEASELOCK_OUTCOME_BUSY;
        outcome->remaining_ms = 0;
    }
    for (int row = 0; job->claims.count > 1 && row < pq.PQntuples(won); row++)
        job->claims.outcomes[ll_pg_claims_index(&job->claims, won, row)].kind = LEASELOCK_OUTCOME_NONE;
}

/* What the two results say. False where it is worth another round: a row is missing, or was given up between the two. */
static bool read_results(grant_job *job, const PGresult *won, const PGresult *look, int64_t asked_ms, bool last,
                         tally *count)
{
    memset(count, 0, sizeof *count);
    memset(job->claims.outcomes, 0, job->claims.count * sizeof *job->claims.outcomes);
    for (int row = 0; row < pq.PQntuples(look); row++)
        read_row(job, look, row, asked_ms, count);
    if (count->barred > 0 || count->own == job->claims.count)
        return true;
    if (count->seen < job->claims.count || (job->claims.count > 1 && pq.PQntuples(won) == 0 && !last))
        return false;
    mark_locked(job, won);
    return true;
}

/* One round trip; with `add` the rows that are missing are made first. */
static leaselock_status try_to_grant(grant_job *job, bool add, bool last, tally *count, bool *done)
{
    ll_pg_request requests[3];
    size_t used = 0;
    if (add)
        requests[used++] = ll_pg_claims_request(&job->claims, LL_SQL_ADD_ONE, 1);
    requests[used++] = ll_pg_claims_request(&job->claims, LL_SQL_GRANT_ONE, 4);
    requests[used++] = ll_pg_claims_request(&job->claims, LL_SQL_LOOK_ONE, 2);
    int64_t asked_ms;
    leaselock_status status =
        ll_pg_exchange(job->connection, job->call, requests, used, "grant a lease", &asked_ms);
    if (status == LEASELOCK_OK)
        *done = read_results(job, requests[used - 2].result, requests[used - 1].result, asked_ms, last, count);
    ll_pg_clear(requests, used);
    return status;
}

static leaselock_status obtain(grant_job *job)
{
    bool add = false, done = false;
    for (int i = 1; i <= TRIES; i++) {
        tally count;
        leaselock_status status = try_to_grant(job, add, i == TRIES, &count, &done);
        if (status != LEASELOCK_OK)
            return status;
        if (done && job->locked && job->in_doubt) /* by that earlier try, for all we know: the next one finds out */
            return ll_error_set(LEASELOCK_UNAVAILABLE, "an earlier request for \"%s\" may still be running",
                                job->claims.all->resource);
        if (done)
            return LEASELOCK_OK;
        add = count.seen < job->claims.count;
    }
    return ll_error_set(LEASELOCK_UNAVAILABLE, "PostgreSQL: rows of leaselock_leases vanish");
}

leaselock_status ll_pg_obtain(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                              const leaselock_call *call, leaselock_outcome *outcomes)
{
    if (count == 0)
        return LEASELOCK_OK;
    grant_job job = {.connection = connection, .call = call};
    leaselock_status status = ll_pg_claims_make(&job.claims, claims, count, true);
    if (status != LEASELOCK_OK)
        return status;
    job.in_doubt = strcmp(connection->in_doubt, claims->acquisition) == 0;
    memcpy(connection->in_doubt, claims->acquisition, sizeof connection->in_doubt);
    status = obtain(&job);
    if (status == LEASELOCK_OK)
        connection->in_doubt[0] = '\0';
    return ll_pg_claims_finish(&job.claims, status, outcomes);
}
