/* Running a migration's script: as one message, as golang-migrate sends it. */
#include <stdio.h>
#include <string.h>

#include "engines/postgresql/lexer.h"
#include "engines/postgresql/migrate.h"
#include "engines/postgresql/script.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

/* Put before the script, and released behind it: a script that ended our transaction and began another has it no more.
 */
#define MARK "leaselock_script"

enum { TRIES_MAX = 3 };

static const char *const no_values[LL_PG_PARAMETERS_MAX] = {NULL, NULL};

bool ll_pg_migrate_escapes(const leaselock_connection *connection)
{
    const char *conforming =
        connection->link ? pq.PQparameterStatus(connection->link, "standard_conforming_strings") : NULL;
    return conforming && strcmp(conforming, "off") == 0;
}

static bool has_sqlstate(const ll_pg_reply *reply, const char *sqlstate)
{
    const char *found = reply->failure ? pq.PQresultErrorField(reply->failure, PG_DIAG_SQLSTATE) : NULL;
    return found && strcmp(found, sqlstate) == 0;
}

/* One message with a part of the script; takes as long as it takes. The reply is the caller's to clear, whatever is
 * returned. */
static leaselock_status send_part(leaselock_connection *connection, leaselock_script *script, size_t begin, size_t end,
                                  const leaselock_call *call, ll_pg_reply *reply)
{
    int64_t timeout_ms = connection->migrating->statement_timeout_ms;
    memset(reply, 0, sizeof *reply);
    char *text = ll_alloc(end - begin + 1);
    if (!text)
        return LEASELOCK_NOMEM;
    memcpy(text, script->text + begin, end - begin);
    ll_pg_message message = {
        .text = text, .call = call, .until_ms = timeout_ms ? ll_clock_after(timeout_ms) : INT64_MAX};
    connection->migrating->used = true;
    leaselock_status status = ll_pg_send(connection, &message, reply);
    ll_free(text);
    if (reply->timed_out)
        return ll_error_set(LEASELOCK_MIGRATION_FAILED,
                            "%s: cancelled, since it took longer than the URL's x-statement-timeout of %lld ms",
                            script->name, (long long)timeout_ms);
    if (status == LEASELOCK_OK && reply->failure)
        return ll_pg_script_fail(connection, script, begin, end, reply);
    return status == LEASELOCK_OK && reply->copied
               ? ll_pg_script_fail_at(script, begin, "COPY to the client, and nobody is here to take the rows")
               : status;
}

/* ---- inside of our transaction ---- */

/* A procedure that commits, or what only the server knows to be impossible in a transaction: alone in its file it may
 * run without. */
static bool may_run_outside(const leaselock_connection *connection, const leaselock_script *script,
                            const ll_pg_reply *reply)
{
    return (has_sqlstate(reply, "2D000") || has_sqlstate(reply, "25001")) &&
           ll_pg_script_is_single(script, ll_pg_migrate_escapes(connection));
}

/* The transaction is still the one that was begun. */
static leaselock_status check_inside(leaselock_connection *connection, leaselock_script *script,
                                     const leaselock_call *call)
{
    static const char ended[] =
        "the script has ended the transaction around it: what it did before is committed, or gone";
    ll_pg_message message = {.text = "RELEASE SAVEPOINT " MARK, .call = call, .until_ms = ll_pg_answer_until(call)};
    ll_pg_reply reply;
    if (pq.PQtransactionStatus(connection->link) != PQTRANS_INTRANS)
        return ll_pg_script_fail_at(script, script->begin, ended);
    leaselock_status status = ll_pg_send(connection, &message, &reply);
    if (status == LEASELOCK_OK && has_sqlstate(&reply, "3B001"))
        status = ll_pg_script_fail_at(script, script->begin, ended);
    else if (status == LEASELOCK_OK && reply.failure)
        status = ll_pg_refused(connection, reply.failure, "go on in the transaction");
    ll_pg_reply_clear(&reply);
    return status;
}

static leaselock_status run_inside(leaselock_connection *connection, leaselock_script *script,
                                   const leaselock_call *call)
{
    ll_pg_modes modes = ll_pg_script_modes(script);
    bool only_reads = modes.access && strcmp(modes.access, "READ ONLY") == 0;
    /* ends with the savepoint: the version is written behind it */
    const char *mark = only_reads ? "SAVEPOINT " MARK "; SET TRANSACTION READ ONLY" : "SAVEPOINT " MARK;
    leaselock_status status = ll_pg_tell(connection, call, mark, "mark the transaction");
    if (status != LEASELOCK_OK)
        return status;
    ll_pg_reply reply;
    status = send_part(connection, script, script->begin, script->end, call, &reply);
    if (status == LEASELOCK_MIGRATION_FAILED && may_run_outside(connection, script, &reply))
        script->outside = true;
    ll_pg_reply_clear(&reply);
    return status == LEASELOCK_OK ? check_inside(connection, script, call) : status;
}

/* ---- outside ---- */

/* x-multi-statement: each statement by itself. */
static leaselock_status run_one_by_one(leaselock_connection *connection, leaselock_script *script,
                                       const leaselock_call *call)
{
    leaselock_status status = LEASELOCK_OK;
    ll_pg_statement statement;
    for (size_t at = 0;
         status == LEASELOCK_OK &&
         ll_pg_statement_next(script->text, script->size, ll_pg_migrate_escapes(connection), &at, &statement);) {
        ll_pg_reply reply;
        status = send_part(connection, script, statement.begin, statement.end, call, &reply);
        ll_pg_reply_clear(&reply);
    }
    return status;
}

/* The whole file is one CREATE INDEX CONCURRENTLY. */
static bool builds_index(const leaselock_connection *connection, const leaselock_script *script)
{
    ll_pg_lexer lexer = {.text = script->text, .size = script->size};
    return ll_pg_take(&lexer, "CREATE UNIQUE? INDEX CONCURRENTLY") &&
           ll_pg_script_is_single(script, ll_pg_migrate_escapes(connection));
}

/* The indexes that are not valid, as an array in new memory. */
static leaselock_status list_invalid(leaselock_connection *connection, const leaselock_call *call, char **out)
{
    PGresult *result = NULL;
    leaselock_status status =
        ll_pg_ask(connection, call,
                  "SELECT coalesce(pg_catalog.array_agg(indexrelid), '{}') FROM pg_catalog.pg_index"
                  " WHERE NOT indisvalid",
                  no_values, "look at the indexes", &result);
    if (status == LEASELOCK_OK) {
        *out = ll_strdup(pq.PQgetvalue(result, 0, 0));
        status = *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
    }
    pq.PQclear(result);
    return status;
}

/*
 * Drops what a failed CREATE INDEX CONCURRENTLY has left: an index that is not valid and was not there before, on a
 * table on which nobody else is building one. IF NOT EXISTS would take it for the index. Keeps the error record.
 */
static void drop_invalid(leaselock_connection *connection, const char *before)
{
    static const char format[] =
        "DO $leaselock$DECLARE found pg_catalog.regclass; BEGIN FOR found IN SELECT i.indexrelid::pg_catalog.regclass"
        " FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
        " WHERE NOT i.indisvalid AND c.relkind = 'i' AND i.indexrelid <> ALL ('%s'::pg_catalog.oid[])"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS l WHERE l.relation = i.indrelid"
        " AND l.pid <> pg_catalog.pg_backend_pid() AND l.mode = 'ShareUpdateExclusiveLock')"
        " LOOP EXECUTE 'DROP INDEX ' || found; END LOOP; END$leaselock$";
    char *text = ll_format(format, before);
    if (text && connection->link)
        ll_pg_tell_finally(connection, text);
    ll_free(text);
}

/*
 * A golang-migrate that comes while an index is built waits for our lock, and the build for its snapshot; the server
 * may choose us to break the circle. It is let through then (it finds the version dirty, and ends), and the build
 * begins anew.
 */
static leaselock_status build_index(leaselock_connection *connection, leaselock_script *script,
                                    const leaselock_call *call)
{
    char *before = NULL;
    leaselock_status status = list_invalid(connection, call, &before);
    for (int tries = 0; status == LEASELOCK_OK; tries++) {
        ll_pg_reply reply;
        status = send_part(connection, script, 0, script->size, call, &reply);
        bool deadlock = has_sqlstate(&reply, "40P01");
        ll_pg_reply_clear(&reply);
        if (status == LEASELOCK_OK)
            break;
        drop_invalid(connection, before);
        if (!deadlock || tries == TRIES_MAX || !connection->link)
            break;
        ll_log(LEASELOCK_LOG_WARNING, "postgresql", "%s: a deadlock; once more", script->name);
        ll_pg_migrate_readmit(connection);
        /* the call's time may have been over since the build began */
        status = ll_pg_migrate_exclude_until(connection, call, ll_pg_answer_until(call));
    }
    ll_free(before);
    return status;
}

static leaselock_status run_outside(leaselock_connection *connection, leaselock_script *script,
                                    const leaselock_call *call)
{
    connection->migrating->inside = true; /* whatever it begins is to be rolled back where it does not end it */
    if (connection->migrating->one_by_one)
        return run_one_by_one(connection, script, call);
    if (builds_index(connection, script))
        return build_index(connection, script, call);
    ll_pg_reply reply;
    leaselock_status status = send_part(connection, script, 0, script->size, call, &reply);
    ll_pg_reply_clear(&reply);
    return status;
}

leaselock_status ll_pg_migrate_run(leaselock_connection *connection, leaselock_script *script,
                                   const leaselock_call *call)
{
    connection->migrating->seen = false;
    if (!script->outside)
        return run_inside(connection, script, call);
    leaselock_status status = run_outside(connection, script, call);
    if (status == LEASELOCK_OK && pq.PQtransactionStatus(connection->link) != PQTRANS_IDLE)
        status = ll_error_set(LEASELOCK_MIGRATION_FAILED, "%s: its last transaction is not committed", script->name);
    return status;
}
