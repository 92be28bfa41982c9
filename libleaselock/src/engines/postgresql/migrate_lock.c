/*
 * Keeping other runners out: golang-migrate's advisory locks, asked for again and again instead of waited for. Whoever
 * waits inside of pg_advisory_lock() has a snapshot that CREATE INDEX CONCURRENTLY waits for, and may be given the lock
 * later on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engines/postgresql/lexer.h"
#include "engines/postgresql/migrate.h"
#include "engines/postgresql/script.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/random.h"

enum { PAUSE_FIRST_MS = 10, PAUSE_LONGEST_MS = 200, KEYS_TEXT = 48, TRIES_TEXT = 240 };

static const char *const no_values[LL_PG_PARAMETERS_MAX] = {NULL, NULL};

/* Asks for one after the other: the count of those that were free before the first that was not. */
static void write_tries(const ll_pg_migrating *migrating, const char *function, char text[TRIES_TEXT])
{
    int used = snprintf(text, TRIES_TEXT, "SELECT CASE");
    for (size_t i = 0; i < migrating->key_count && used < TRIES_TEXT; i++)
        used += snprintf(text + used, (size_t)(TRIES_TEXT - used), " WHEN NOT pg_catalog.%s(%" PRIu32 ") THEN %zu",
                         function, migrating->keys[i], i);
    if (used < TRIES_TEXT)
        snprintf(text + used, (size_t)(TRIES_TEXT - used), " ELSE %zu END", migrating->key_count);
}

static void write_keys(const ll_pg_migrating *migrating, char text[KEYS_TEXT])
{
    int used = 0;
    for (size_t i = 0; i < migrating->key_count; i++)
        used += snprintf(text + used, (size_t)(KEYS_TEXT - used), "%s%" PRIu32, i ? ", " : "", migrating->keys[i]);
}

/* Of the locks on the keys. */
#define ON_KEYS                                                                                                        \
    "l.locktype = 'advisory' AND l.classid = 0 AND l.objsubid = 1 AND l.objid::pg_catalog.int8 IN (%s)"                \
    " AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d"                                                 \
    "  WHERE d.datname = pg_catalog.current_database())"

/* Time is over: who has the keys, or the table. */
static leaselock_status say_who(leaselock_connection *connection, const leaselock_call *call)
{
    static const char format[] =
        "SELECT pg_catalog.string_agg(DISTINCT"
        "  'process ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', ''), ', ')"
        " FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"
        " WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid() AND (" ON_KEYS
        "  OR l.mode LIKE '%%Exclusive%%' AND l.relation = (SELECT c.oid FROM pg_catalog.pg_class AS c"
        "   JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2))";
    ll_pg_migrating *migrating = connection->migrating;
    char keys[KEYS_TEXT];
    write_keys(migrating, keys);
    char *text = ll_format(format, keys);
    if (!text)
        return LEASELOCK_NOMEM;
    ll_pg_message message = {.text = text,
                             .values = {migrating->schema, migrating->name},
                             .value_count = 2,
                             .call = call,
                             .until_ms = ll_pg_answer_until(call)};
    ll_pg_reply reply;
    leaselock_status status = ll_pg_send(connection, &message, &reply);
    bool known = status == LEASELOCK_OK && !reply.failure && pq.PQntuples(reply.result) == 1 &&
                 !pq.PQgetisnull(reply.result, 0, 0);
    if (status == LEASELOCK_OK || status == LEASELOCK_UNAVAILABLE)
        status = ll_error_set(LEASELOCK_UNAVAILABLE, "another runner has the lock of %s: %.300s", migrating->table,
                              known ? pq.PQgetvalue(reply.result, 0, 0) : "nobody that is still there");
    ll_pg_reply_clear(&reply);
    ll_free(text);
    return status;
}

/* Between two tries, when nothing is held; or it is too late. */
static leaselock_status pause_between(leaselock_connection *connection, const leaselock_call *call, int64_t until_ms,
                                      unsigned round)
{
    if (ll_clock_boot() >= until_ms)
        return say_who(connection, call);
    int64_t longest_ms = (int64_t)PAUSE_FIRST_MS << (round < 5 ? round : 5);
    longest_ms = longest_ms < PAUSE_LONGEST_MS ? longest_ms : PAUSE_LONGEST_MS;
    return call->pause(call, 1000 * ll_random_between(longest_ms / 2, longest_ms));
}

void ll_pg_migrate_rollback(leaselock_connection *connection)
{
    ll_pg_migrating *migrating = connection->migrating;
    if (connection->link && migrating->inside && pq.PQtransactionStatus(connection->link) != PQTRANS_IDLE)
        ll_pg_tell_finally(connection, "ROLLBACK");
    migrating->inside = false;
}

/* ---- for a transaction ---- */

/* What a try led to. */
typedef enum ll_try { LL_HELD, LL_TAKEN, LL_NO_TABLE } ll_try;

static leaselock_status read_refusal(leaselock_connection *connection, const PGresult *failure, ll_try *led_to)
{
    const char *sqlstate = pq.PQresultErrorField(failure, PG_DIAG_SQLSTATE);
    bool no_table = sqlstate && strcmp(sqlstate, "42P01") == 0, taken = sqlstate && strcmp(sqlstate, "55P03") == 0;
    *led_to = no_table ? LL_NO_TABLE : LL_TAKEN;
    return no_table || taken ? LEASELOCK_OK : ll_pg_refused(connection, failure, "begin a migration");
}

/* One transaction, that holds everything or is over again. */
static leaselock_status try_to_begin(leaselock_connection *connection, const leaselock_call *call, const char *text,
                                     ll_try *led_to)
{
    ll_pg_migrating *migrating = connection->migrating;
    ll_pg_message message = {.text = text, .call = call, .until_ms = ll_pg_answer_until(call)};
    ll_pg_reply reply;
    migrating->inside = true;
    leaselock_status status = ll_pg_send(connection, &message, &reply);
    *led_to = LL_HELD;
    if (status == LEASELOCK_OK && reply.failure)
        status = read_refusal(connection, reply.failure, led_to);
    else if (status == LEASELOCK_OK && !migrating->excluding &&
             strtoul(pq.PQgetvalue(reply.result, 0, 0), NULL, 10) != migrating->key_count)
        *led_to = LL_TAKEN;
    ll_pg_reply_clear(&reply);
    if (status != LEASELOCK_OK || *led_to != LL_HELD)
        ll_pg_migrate_rollback(connection);
    return status;
}

static leaselock_status begin_bare(leaselock_connection *connection, const leaselock_call *call)
{
    char text[TRIES_TEXT + 16] = "BEGIN";
    if (!connection->migrating->excluding) {
        strcpy(text, "BEGIN; ");
        write_tries(connection->migrating, "pg_try_advisory_xact_lock", text + strlen(text));
    }
    for (unsigned round = 0;; round++) {
        ll_try led_to;
        leaselock_status status = try_to_begin(connection, call, text, &led_to);
        if (status == LEASELOCK_OK && led_to != LL_HELD)
            status = pause_between(connection, call, call->until_ms, round);
        if (status != LEASELOCK_OK || led_to == LL_HELD)
            return status;
    }
}

leaselock_status ll_pg_migrate_begin_bare(leaselock_connection *connection, const leaselock_call *call)
{
    leaselock_status status = ll_pg_migrate_ready(connection, false, call);
    return status == LEASELOCK_OK ? begin_bare(connection, call) : status;
}

leaselock_status ll_pg_make_version_table(leaselock_connection *connection, const char *table,
                                          const leaselock_call *call)
{
    char *text =
        ll_format("CREATE TABLE IF NOT EXISTS %s (version bigint not null primary key, dirty boolean not null)", table);
    leaselock_status status = text ? ll_pg_tell(connection, call, text, "create the version table") : LEASELOCK_NOMEM;
    ll_free(text);
    return status;
}

/*
 * In a transaction of its own, so that it is there for what a failed migration leaves to golang-migrate; it must be
 * there before a transaction's first snapshot, too.
 */
static leaselock_status make_table(leaselock_connection *connection, const leaselock_call *call)
{
    leaselock_status status = begin_bare(connection, call);
    if (status == LEASELOCK_OK)
        status = ll_pg_make_version_table(connection, connection->migrating->table, call);
    if (status == LEASELOCK_OK)
        status = ll_pg_tell(connection, call, "COMMIT", "create the version table");
    ll_pg_migrate_rollback(connection);
    return status;
}

/*
 * The level that the script's first statements ask for, if any: it counts only before the first snapshot, and the locks
 * take one. That a script sets it once more, to what it is, is allowed at any time.
 */
static const char *isolation_of(const leaselock_script *script)
{
    static const char *const levels[] = {"ISOLATION LEVEL SERIALIZABLE", "ISOLATION LEVEL REPEATABLE READ",
                                         "ISOLATION LEVEL READ COMMITTED", "ISOLATION LEVEL READ UNCOMMITTED"};
    ll_pg_lexer lexer = {.text = script->text, .size = script->end, .at = script->begin};
    while (ll_pg_take(&lexer, "SET")) {
        bool about_transaction = ll_pg_take(&lexer, "TRANSACTION");
        while (!ll_pg_take(&lexer, ";")) {
            for (size_t i = 0; about_transaction && i < sizeof levels / sizeof *levels; i++)
                if (ll_pg_take(&lexer, levels[i]))
                    return levels[i];
            ll_pg_token_next(&lexer);
        }
    }
    return NULL;
}

/*
 * The table's lock takes no snapshot: whoever moved the version before has committed by the time of the first one, also
 * where that one stays. READ ONLY is for the script alone, and comes later.
 */
static char *write_begin(const ll_pg_migrating *migrating, const leaselock_script *script)
{
    ll_pg_modes modes = {0};
    char tries[TRIES_TEXT] = "SELECT 0";
    if (script && !script->outside) {
        modes = ll_pg_script_modes(script);
        modes.isolation = modes.isolation ? modes.isolation : isolation_of(script);
    }
    if (!migrating->excluding)
        write_tries(migrating, "pg_try_advisory_xact_lock", tries);
    bool writes = modes.access && strcmp(modes.access, "READ WRITE") == 0;
    return ll_format("BEGIN %s %s %s; LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE NOWAIT; %s",
                     modes.isolation ? modes.isolation : "", writes ? modes.access : "",
                     modes.deferrable ? modes.deferrable : "", migrating->table, tries);
}

leaselock_status ll_pg_migrate_begin(leaselock_connection *connection, const leaselock_script *script,
                                     const leaselock_call *call)
{
    leaselock_status status = ll_pg_migrate_ready(connection, false, call);
    if (status != LEASELOCK_OK)
        return status;
    char *text = write_begin(connection->migrating, script);
    if (!text)
        return LEASELOCK_NOMEM;
    for (unsigned round = 0; status == LEASELOCK_OK; round++) {
        ll_try led_to;
        status = try_to_begin(connection, call, text, &led_to);
        if (status != LEASELOCK_OK || led_to == LL_HELD)
            break;
        status = led_to == LL_NO_TABLE ? make_table(connection, call)
                                       : pause_between(connection, call, call->until_ms, round);
    }
    ll_free(text);
    return status;
}

/* ---- for a session ---- */

/* Gives back what this session has of the keys; whether a try of ours got them need not be known. */
void ll_pg_migrate_readmit(leaselock_connection *connection)
{
    char keys[KEYS_TEXT];
    write_keys(connection->migrating, keys);
    connection->migrating->excluding = false;
    char text[512];
    snprintf(text, sizeof text,
             "SELECT pg_catalog.pg_advisory_unlock(l.objid::pg_catalog.int8) FROM pg_catalog.pg_locks AS l"
             " WHERE l.granted AND l.pid = pg_catalog.pg_backend_pid() AND " ON_KEYS,
             keys);
    ll_pg_tell_finally(connection, text);
}

/* All keys or none. */
static leaselock_status try_to_exclude(leaselock_connection *connection, const leaselock_call *call, bool *held)
{
    ll_pg_migrating *migrating = connection->migrating;
    char text[TRIES_TEXT];
    write_tries(migrating, "pg_try_advisory_lock", text);
    PGresult *result = NULL;
    leaselock_status status = ll_pg_ask(connection, call, text, no_values, "take the lock", &result);
    *held = status == LEASELOCK_OK && strtoul(pq.PQgetvalue(result, 0, 0), NULL, 10) == migrating->key_count;
    pq.PQclear(result);
    if (!*held)
        ll_pg_migrate_readmit(connection);
    return status;
}

leaselock_status ll_pg_migrate_exclude_until(leaselock_connection *connection, const leaselock_call *call,
                                             int64_t until_ms)
{
    leaselock_status status = ll_pg_migrate_ready(connection, false, call);
    if (status == LEASELOCK_OK && !connection->migrating->direct)
        status = ll_error_set(LEASELOCK_INVALID,
                              "what cannot run in a transaction needs a session that stays the same, and this is a "
                              "pooler's: connect to the server itself");
    for (unsigned round = 0; status == LEASELOCK_OK; round++) {
        bool held;
        status = try_to_exclude(connection, call, &held);
        connection->migrating->excluding = status == LEASELOCK_OK && held;
        if (status != LEASELOCK_OK || held)
            return status;
        status = pause_between(connection, call, until_ms, round);
    }
    return status;
}

leaselock_status ll_pg_migrate_exclude(leaselock_connection *connection, const leaselock_call *call)
{
    return ll_pg_migrate_exclude_until(connection, call, call->until_ms);
}
