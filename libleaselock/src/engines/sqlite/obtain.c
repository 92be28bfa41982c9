/*
 * Obtaining. First a look that only reads: who is told busy has written nothing. Then the grant: one statement for one
 * lease, a transaction for several, or for one whose number has to be put on the disk first.
 */
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

enum { TRIES = 3 }; /* of a grant that somebody else was faster with, or whose number was not covered yet */

typedef struct grant_job {
    leaselock_connection *connection;
    const leaselock_claim *claims;
    size_t count;
    leaselock_outcome *outcomes;
    int64_t highest; /* sequence that the look found among the claims' rows */
    sqlite3_stmt *open_look; /* of one claim that nothing bars; NULL: none */
} grant_job;

/* The transaction that the look began ends with it. */
static void end_look(grant_job *job)
{
    sqlite3_reset(job->open_look);
    job->open_look = NULL;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

/* Reads the row that the statement stands on; the kind says whether it bars the claim. */
static void read_row(leaselock_connection *connection, sqlite3_stmt *look, const leaselock_claim *claim,
                     leaselock_outcome *outcome)
{
    outcome->asked_ms = ll_clock_boot();
    ll_text_copy(outcome->client, sizeof outcome->client, column_text(look, 0));
    outcome->sequence = sqlite3_column_int64(look, 1);
    bool own = strcmp(column_text(look, 2), claim->acquisition) == 0;
    outcome->ttl_ms = sqlite3_column_int64(look, 3);
    outcome->remaining_ms = sqlite3_column_int64(look, 4) - (outcome->asked_ms - connection->boot_offset_ms);
    outcome->expires_at_ms = sqlite3_column_int64(look, 5);
    bool released = sqlite3_column_int(look, 6) != 0;
    if (own)
        outcome->kind = released ? LEASELOCK_OUTCOME_SPENT : LEASELOCK_OUTCOME_GRANTED;
    else
        outcome->kind = !released && outcome->remaining_ms > 0 ? LEASELOCK_OUTCOME_BUSY : LEASELOCK_OUTCOME_NONE;
}

static leaselock_status look_at(grant_job *job, size_t index)
{
    leaselock_connection *connection = job->connection;
    leaselock_outcome *outcome = &job->outcomes[index];
    memset(outcome, 0, sizeof *outcome);
    sqlite3_stmt *look = ll_sqlite_statement(connection, LL_SQL_LOOK);
    if (!look)
        return leaselock_error_last()->code;
    ll_sqlite_bind_text(look, 1, job->claims[index].resource);
    int result = sqlite3_step(look);
    if (result == SQLITE_ROW) {
        read_row(connection, look, &job->claims[index], outcome);
        if (outcome->sequence > job->highest)
            job->highest = outcome->sequence;
        if (job->count == 1 && outcome->kind == LEASELOCK_OUTCOME_NONE) {
            job->open_look = look;
            return LEASELOCK_OK;
        }
    } else if (result != SQLITE_DONE) {
        return ll_sqlite_statement_fail(connection, look, result, "read a lease");
    }
    sqlite3_reset(look);
    return LEASELOCK_OK;
}

/* *decided: the outcomes are the answer, because a claim is barred, or because all were granted by an earlier try. */
static leaselock_status look_at_all(grant_job *job, bool *decided)
{
    bool barred = false;
    size_t own = 0;
    job->highest = 0;
    for (size_t i = 0; i < job->count; i++) {
        leaselock_status status = look_at(job, i);
        if (status != LEASELOCK_OK)
            return status;
        barred |= job->outcomes[i].kind == LEASELOCK_OUTCOME_BUSY || job->outcomes[i].kind == LEASELOCK_OUTCOME_SPENT;
        own += job->outcomes[i].kind == LEASELOCK_OUTCOME_GRANTED;
    }
    *decided = barred || own == job->count;
    return LEASELOCK_OK;
}

/*
 * Inside the look's transaction, which saves locking anew (2 of a pair's 14 calls). SQLite does not wait there for a
 * writer, and refuses when what was looked at is old by now: then in a transaction of its own.
 */
static int step_grant(grant_job *job, sqlite3_stmt *grant)
{
    int result = sqlite3_step(grant);
    if (!job->open_look || (result & 0xff) != SQLITE_BUSY)
        return result;
    sqlite3_reset(grant);
    end_look(job);
    return sqlite3_step(grant);
}

/* Steps a grant to its end: with an automatic commit it counts only then. *granted is false where no row was won. */
static leaselock_status grant_one(grant_job *job, size_t index, int64_t covered, bool *granted)
{
    leaselock_connection *connection = job->connection;
    const leaselock_claim *claim = &job->claims[index];
    leaselock_outcome *outcome = &job->outcomes[index];
    sqlite3_stmt *grant = ll_sqlite_statement(connection, LL_SQL_GRANT);
    if (!grant)
        return leaselock_error_last()->code;
    ll_sqlite_bind_text(grant, 1, claim->resource);
    ll_sqlite_bind_text(grant, 2, claim->client);
    ll_sqlite_bind_text(grant, 3, claim->acquisition);
    sqlite3_bind_int64(grant, 4, claim->ttl_ms);
    sqlite3_bind_int64(grant, 5, covered);
    sqlite3_bind_int64(grant, 6, connection->boot);
    int result = step_grant(job, grant);
    if (result != SQLITE_DONE) {
        ll_sqlite_note_fault(connection, result);
        return ll_sqlite_statement_fail(connection, grant, result, "grant a lease");
    }
    sqlite3_reset(grant);
    *granted = sqlite3_changes(connection->db) > 0;
    if (*granted) {
        outcome->kind = LEASELOCK_OUTCOME_GRANTED;
        outcome->sequence = connection->drawn;
        outcome->expires_at_ms = connection->wall_ms + claim->ttl_ms;
        outcome->asked_ms = connection->now_ms + connection->boot_offset_ms; /* read under the write lock */
        outcome->ttl_ms = outcome->remaining_ms = claim->ttl_ms;
        ll_text_copy(outcome->client, sizeof outcome->client, claim->client);
    }
    return LEASELOCK_OK;
}

/* All claims in one transaction; a durable one also covers their numbers. */
static leaselock_status grant_in_transaction(grant_job *job, bool durable, bool *granted)
{
    leaselock_connection *connection = job->connection;
    int64_t ceiling = connection->covered;
    leaselock_status status = ll_sqlite_begin(connection, durable);
    if (status == LEASELOCK_OK && durable)
        status = ll_sqlite_raise_ceiling(connection, job->highest, &ceiling);
    *granted = true;
    for (size_t i = 0; i < job->count && status == LEASELOCK_OK && *granted; i++)
        if (job->outcomes[i].kind != LEASELOCK_OUTCOME_GRANTED)
            status = grant_one(job, i, ceiling, granted);
    if (status == LEASELOCK_OK && *granted)
        status = ll_sqlite_commit(connection);
    ll_sqlite_rollback(connection);
    if (status == LEASELOCK_OK && *granted && durable)
        ll_sqlite_cover(connection, ceiling);
    return status;
}

/* One round: look, then grant. *done is false where it is worth another round. */
static leaselock_status try_to_grant(grant_job *job, bool durable, bool *done)
{
    leaselock_status status = look_at_all(job, done);
    if (status != LEASELOCK_OK || *done)
        return status;
    if (job->count > 1 || durable) {
        end_look(job);
        return grant_in_transaction(job, durable, done);
    }
    status = grant_one(job, 0, job->connection->covered, done);
    end_look(job);
    return status;
}

static leaselock_status obtain(grant_job *job)
{
    leaselock_connection *connection = job->connection;
    bool durable = connection->covered == 0;
    for (int i = 0; i < TRIES; i++) {
        bool done;
        leaselock_status status = try_to_grant(job, durable, &done);
        if (status != LEASELOCK_OK || done)
            return status;
        durable = true; /* the next look tells whether it was somebody else, or the number */
    }
    return ll_error_set(LEASELOCK_UNAVAILABLE, "%s: others were faster, again and again", connection->file->path);
}

/* A commit that failed is in doubt: the same acquisition finds out, once it is safe to grant again. */
static leaselock_status find_out(grant_job *job)
{
    leaselock_error failure;
    ll_error_save(&failure);
    leaselock_status status = ll_sqlite_recover(job->connection);
    if (status == LEASELOCK_OK)
        return obtain(job);
    /* an interrupt must not go unanswered; else the failure itself is the news */
    return status == LEASELOCK_INTERRUPTED || status == LEASELOCK_CLOSED ? status : ll_error_restore(&failure);
}

leaselock_status ll_sqlite_obtain(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                  const leaselock_call *call, leaselock_outcome *outcomes)
{
    grant_job job = {connection, claims, count, outcomes, 0, NULL};
    leaselock_status status = ll_sqlite_enter_clean(connection, call);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_recover(connection);
    if (status == LEASELOCK_OK)
        status = obtain(&job);
    if (status == LEASELOCK_IO)
        status = find_out(&job);
    if (status == LEASELOCK_OK)
        ll_sqlite_checkpoint_if_due(connection);
    return status;
}
