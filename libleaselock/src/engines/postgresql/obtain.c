/*
 * Obtaining: one round trip, which tries the grant and looks at the rows. What the look shows is the answer: this acquisition
 * granted, or who is in the way. There is a second one where a row is missing, and is added, and where a row that nobody holds
 * could not be had.
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

static void read_rows(grant_job *job, const PGresult *look, int64_t asked_ms, tally *count)
{
    memset(count, 0, sizeof *count);
    memset(job->claims.outcomes, 0, job->claims.count * sizeof *job->claims.outcomes);
    for (int row = 0; row < pq.PQntuples(look); row++)
        read_row(job, look, row, asked_ms, count);
}

static bool is_decided(const grant_job *job, const tally *count)
{
    return count->barred > 0 || count->own == job->claims.count;
}

/* Several, after the look. Not done where a row is missing, or was given up between the two statements. */
static void read_results(grant_job *job, const PGresult *won, const tally *count, bool last, bool *done)
{
    *done = is_decided(job, count);
    if (*done || count->seen < job->claims.count || (pq.PQntuples(won) == 0 && !last))
        return;
    mark_locked(job, won);
    *done = true;
}

/* One: what it looked like when the grant began was free. Who has it now? */
static leaselock_status look_again(grant_job *job, tally *count, bool *done)
{
    ll_pg_request look = ll_pg_claims_request(&job->claims, LL_SQL_LOOK_ONE, 2);
    int64_t asked_ms;
    leaselock_status status = ll_pg_exchange(job->connection, job->call, &look, 1, "look at a lease", &asked_ms);
    if (status == LEASELOCK_OK) {
        read_rows(job, look.result, asked_ms, count);
        *done = count->seen > 0;
        if (*done && !is_decided(job, count))
            mark_locked(job, NULL);
    }
    ll_pg_clear(&look, 1);
    return status;
}

/* One round trip; with `add` the rows that are missing are made first. */
static leaselock_status try_to_grant(grant_job *job, bool add, bool last, tally *count, bool *done)
{
    bool several = job->claims.count > 1;
    ll_pg_request requests[3];
    size_t used = 0;
    if (add)
        requests[used++] = ll_pg_claims_request(&job->claims, LL_SQL_ADD_ONE, 1);
    requests[used++] = ll_pg_claims_request(&job->claims, LL_SQL_GRANT_ONE, 4);
    if (several)
        requests[used++] = ll_pg_claims_request(&job->claims, LL_SQL_LOOK_ONE, 2);
    int64_t asked_ms;
    leaselock_status status =
        ll_pg_exchange(job->connection, job->call, requests, used, "grant a lease", &asked_ms);
    if (status == LEASELOCK_OK) {
        read_rows(job, requests[used - 1].result, asked_ms, count);
        if (several)
            read_results(job, requests[used - 2].result, count, last, done);
        else
            *done = is_decided(job, count);
    }
    ll_pg_clear(requests, used);
    if (status == LEASELOCK_OK && !several && !*done && count->seen > 0)
        return look_again(job, count, done);
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
