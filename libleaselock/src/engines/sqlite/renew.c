/* Renewing and releasing: one statement for one lease, one transaction for several. */
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

static sqlite3_stmt *bind_claim(leaselock_connection *connection, ll_sqlite_statement_id id,
                                const leaselock_claim *claim)
{
    sqlite3_stmt *statement = ll_sqlite_statement(connection, id);
    if (!statement)
        return NULL;
    ll_sqlite_bind_text(statement, 1, claim->resource);
    ll_sqlite_bind_text(statement, 2, claim->client);
    ll_sqlite_bind_text(statement, 3, claim->acquisition);
    sqlite3_bind_int64(statement, 4, claim->sequence);
    return statement;
}

static leaselock_status fail(leaselock_connection *connection, sqlite3_stmt *statement, int result, const char *doing)
{
    ll_sqlite_note_fault(connection, result);
    return ll_sqlite_statement_fail(connection, statement, result, doing);
}

/*
 * Who has the resource, for an outcome that is not the expected one. *own: the row is the claim's, released or not.
 * A resource that was never granted leaves the outcome as it is.
 */
static leaselock_status read_successor(leaselock_connection *connection, const leaselock_claim *claim,
                                       leaselock_outcome *outcome, bool *own)
{
    *own = false;
    sqlite3_stmt *look = ll_sqlite_statement(connection, LL_SQL_LOOK);
    if (!look)
        return leaselock_error_last()->code;
    ll_sqlite_bind_text(look, 1, claim->resource);
    int result = sqlite3_step(look);
    if (result == SQLITE_ROW) {
        const char *client = (const char *)sqlite3_column_text(look, 0);
        outcome->sequence = sqlite3_column_int64(look, 1);
        const char *acquisition = (const char *)sqlite3_column_text(look, 2);
        outcome->ttl_ms = sqlite3_column_int64(look, 3);
        outcome->asked_ms = ll_clock_boot();
        outcome->remaining_ms = sqlite3_column_int64(look, 4) - (outcome->asked_ms - connection->boot_offset_ms);
        outcome->expires_at_ms = sqlite3_column_int64(look, 5);
        *own = client && acquisition && strcmp(client, claim->client) == 0 &&
               strcmp(acquisition, claim->acquisition) == 0 && outcome->sequence == claim->sequence;
        ll_text_copy(outcome->client, sizeof outcome->client, *own ? "" : client);
    } else if (result != SQLITE_DONE) {
        return ll_sqlite_statement_fail(connection, look, result, "read a lease");
    }
    sqlite3_reset(look);
    return LEASELOCK_OK;
}

static leaselock_status renew_one(leaselock_connection *connection, const leaselock_claim *claim,
                                  leaselock_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    sqlite3_stmt *renew = bind_claim(connection, LL_SQL_RENEW, claim);
    if (!renew)
        return leaselock_error_last()->code;
    int result = sqlite3_step(renew);
    bool renewed = result == SQLITE_ROW;
    if (renewed) {
        outcome->ttl_ms = sqlite3_column_int64(renew, 0);
        outcome->remaining_ms = sqlite3_column_int64(renew, 1);
        outcome->expires_at_ms = sqlite3_column_int64(renew, 2);
        result = sqlite3_step(renew);
    }
    if (result != SQLITE_DONE)
        return fail(connection, renew, result, "renew a lease");
    sqlite3_reset(renew);
    if (!renewed) {
        bool own;
        outcome->kind = LEASELOCK_OUTCOME_LOST;
        return read_successor(connection, claim, outcome, &own);
    }
    outcome->kind = LEASELOCK_OUTCOME_RENEWED;
    outcome->sequence = claim->sequence;
    outcome->asked_ms = connection->now_ms + connection->boot_offset_ms;
    ll_text_copy(outcome->client, sizeof outcome->client, claim->client);
    return LEASELOCK_OK;
}

static leaselock_status release_one(leaselock_connection *connection, const leaselock_claim *claim,
                                    leaselock_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    sqlite3_stmt *release = bind_claim(connection, LL_SQL_RELEASE, claim);
    if (!release)
        return leaselock_error_last()->code;
    int result = sqlite3_step(release);
    if (result != SQLITE_DONE)
        return fail(connection, release, result, "release a lease");
    sqlite3_reset(release);
    bool ours = sqlite3_changes(connection->db) > 0;
    if (!ours) {
        leaselock_status status = read_successor(connection, claim, outcome, &ours);
        if (status != LEASELOCK_OK)
            return status;
    }
    outcome->kind = ours ? LEASELOCK_OUTCOME_RELEASED : LEASELOCK_OUTCOME_NOT_OURS;
    return LEASELOCK_OK;
}

typedef leaselock_status (*one_fn)(leaselock_connection *, const leaselock_claim *, leaselock_outcome *);

static leaselock_status for_each(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                 leaselock_outcome *outcomes, one_fn one)
{
    leaselock_status status = count > 1 ? ll_sqlite_begin(connection, false) : LEASELOCK_OK;
    for (size_t i = 0; i < count && status == LEASELOCK_OK; i++)
        status = one(connection, &claims[i], &outcomes[i]);
    if (count > 1) {
        if (status == LEASELOCK_OK)
            status = ll_sqlite_commit(connection);
        ll_sqlite_rollback(connection);
    }
    if (status == LEASELOCK_OK)
        ll_sqlite_checkpoint_if_due(connection);
    return status;
}

leaselock_status ll_sqlite_renew(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                 const leaselock_call *call, leaselock_outcome *outcomes)
{
    leaselock_status status = ll_sqlite_enter_clean(connection, call);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    return status == LEASELOCK_OK ? for_each(connection, claims, count, outcomes, renew_one) : status;
}

leaselock_status ll_sqlite_release(leaselock_connection *connection, const leaselock_claim *claims, size_t count,
                                   const leaselock_call *call, leaselock_outcome *outcomes)
{
    leaselock_status status = ll_sqlite_enter_clean(connection, call);
    /* No look for a moved file, which costs a twentieth of a pair: giving up what nobody sees any more harms nobody. */
    return status == LEASELOCK_OK ? for_each(connection, claims, count, outcomes, release_one) : status;
}
