/* What the migration runner needs of a user's database: golang-migrate's version table, and transactions around it. */
#include <stdlib.h>
#include <string.h>

#include "engines/postgresql/migrate.h"
#include "engines/postgresql/script.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

/* A commit is done in an instant, or waits for a standby: nobody is asked so soon whether to cancel it. */
enum { COMMIT_ALONE_MS = 5000 };

static const char *const no_values[LL_PG_PARAMETERS_MAX] = {NULL, NULL};

/* ---- the version table ---- */

static leaselock_status foreign(leaselock_version_row *row, const char *why)
{
    row->kind = LEASELOCK_VERSION_FOREIGN;
    ll_text_copy(row->detail, sizeof row->detail, why);
    return LEASELOCK_OK;
}

static bool is_true(const PGresult *result, int column)
{
    return strcmp(pq.PQgetvalue(result, 0, column), "t") == 0;
}

/* What there is of that name; information_schema would hide what the role may not read. */
static leaselock_status look(leaselock_connection *connection, const leaselock_call *call, leaselock_version_row *row,
                             bool *found)
{
    static const char text[] =
        "SELECT c.relkind IN ('r', 'p'), pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND"
        "  pg_catalog.has_table_privilege(c.oid, 'SELECT'),"
        "  (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a"
        "    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid WHERE a.attrelid = c.oid"
        "    AND (a.attname = 'version' AND coalesce(nullif(t.typbasetype, 0), t.oid) IN (20, 21, 23)"
        "      OR a.attname = 'dirty' AND coalesce(nullif(t.typbasetype, 0), t.oid) = 16)) = 2"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = $2";
    ll_pg_migrating *migrating = connection->migrating;
    const char *values[LL_PG_PARAMETERS_MAX] = {migrating->schema, migrating->name};
    PGresult *result = NULL;
    leaselock_status status = ll_pg_ask(connection, call, text, values, "look for the version table", &result);
    *found = status == LEASELOCK_OK && pq.PQntuples(result) > 0;
    if (*found && !is_true(result, 0))
        status = foreign(row, "it is no table");
    else if (*found && !is_true(result, 2))
        status = foreign(row, "it has no columns \"version\", a whole number, and \"dirty\", a boolean");
    else if (*found && !is_true(result, 1))
        status = ll_error_set(LEASELOCK_PERMISSION,
                              "PostgreSQL: the role may not read the version table %s: it needs USAGE on the "
                              "schema and SELECT on the table",
                              migrating->table);
    migrating->seen = *found && status == LEASELOCK_OK && row->kind == LEASELOCK_VERSION_NONE;
    pq.PQclear(result);
    return status;
}

static void read_values(const PGresult *result, leaselock_version_row *row)
{
    row->kind = LEASELOCK_VERSION_UNREADABLE;
    row->version = strtoll(pq.PQgetvalue(result, 0, 0), NULL, 10);
    row->dirty = is_true(result, 1);
    if (pq.PQgetisnull(result, 0, 0))
        ll_text_copy(row->detail, sizeof row->detail, "its version is no whole number");
    else if (row->version < -1)
        ll_text_copy(row->detail, sizeof row->detail, "its version is below -1");
    else if (pq.PQgetisnull(result, 0, 1))
        ll_text_copy(row->detail, sizeof row->detail, "its \"dirty\" is neither true nor false");
    else
        row->kind = LEASELOCK_VERSION_ROW;
}

static leaselock_status read_row(leaselock_connection *connection, const leaselock_call *call,
                                 leaselock_version_row *row)
{
    char *text = ll_format("SELECT version, dirty FROM %s LIMIT 2", connection->migrating->table);
    if (!text)
        return LEASELOCK_NOMEM;
    PGresult *result = NULL;
    leaselock_status status = ll_pg_ask(connection, call, text, no_values, "read the version", &result);
    int rows = status == LEASELOCK_OK ? pq.PQntuples(result) : 0;
    if (rows > 0)
        read_values(result, row);
    if (rows > 1)
        row->kind = LEASELOCK_VERSION_MANY;
    pq.PQclear(result);
    ll_free(text);
    return status;
}

/* Then nobody need look again: begin() has locked it, and the catalog is asked once less for each migration. */
static bool is_locked_and_seen(const leaselock_connection *connection)
{
    return connection->migrating->inside && connection->migrating->seen;
}

static leaselock_status read_version(leaselock_connection *connection, const leaselock_version_table *table,
                                     const leaselock_call *call, leaselock_version_row *row)
{
    (void)table; /* its parts are known */
    bool found = false;
    *row = (leaselock_version_row){.kind = LEASELOCK_VERSION_NONE, .version = -1};
    leaselock_status status = ll_pg_migrate_ready(connection, true, call);
    if (status == LEASELOCK_OK && is_locked_and_seen(connection))
        return read_row(connection, call, row);
    if (status == LEASELOCK_OK)
        status = look(connection, call, row, &found);
    return status == LEASELOCK_OK && found && row->kind == LEASELOCK_VERSION_NONE ? read_row(connection, call, row)
                                                                                  : status;
}

/* golang-migrate's, to the letter; begin() has seen to it already, and IF NOT EXISTS would ask for rights to make it.
 */
static leaselock_status create_table(leaselock_connection *connection, const leaselock_version_table *table)
{
    leaselock_version_row row = {.kind = LEASELOCK_VERSION_NONE};
    bool found;
    if (is_locked_and_seen(connection))
        return LEASELOCK_OK;
    leaselock_status status = look(connection, connection->migrating->call, &row, &found);
    return status == LEASELOCK_OK && !found
               ? ll_pg_make_version_table(connection, table->name, connection->migrating->call)
               : status;
}

/* The script may have dropped the table. What is not golang-migrate's in it goes back to its defaults, as with
 * golang-migrate. */
static leaselock_status write_version(leaselock_connection *connection, const leaselock_version_table *table,
                                      int64_t version, bool dirty)
{
    const leaselock_call *call = connection->migrating->call;
    leaselock_status status = create_table(connection, table);
    char *text = version >= 0 || dirty
                     ? ll_format("DELETE FROM %s; INSERT INTO %s (version, dirty) VALUES (%lld, %s)", table->name,
                                 table->name, (long long)version, dirty ? "true" : "false")
                     : ll_format("DELETE FROM %s", table->name);
    if (status == LEASELOCK_OK)
        status = text ? ll_pg_tell(connection, call, text, "write the version") : LEASELOCK_NOMEM;
    ll_free(text);
    return status;
}

/* ---- transactions ---- */

static leaselock_status examine(leaselock_connection *connection, leaselock_script *script)
{
    leaselock_status status = ll_pg_script_examine(script, ll_pg_migrate_escapes(connection));
    if (status == LEASELOCK_OK && connection->migrating->one_by_one)
        script->outside = true;
    return status;
}

static leaselock_status begin(leaselock_connection *connection, const leaselock_script *script,
                              const leaselock_call *call)
{
    connection->migrating->call = call;
    return ll_pg_migrate_begin(connection, script, call);
}

static leaselock_status commit(leaselock_connection *connection, const leaselock_call *call)
{
    ll_pg_message message = {
        .text = "COMMIT", .call = call, .asked_from_ms = ll_clock_after(COMMIT_ALONE_MS), .until_ms = INT64_MAX};
    ll_pg_reply reply;
    leaselock_status status = ll_pg_send(connection, &message, &reply);
    if (status == LEASELOCK_OK && reply.failure)
        status = ll_pg_commit_fail(connection, reply.failure);
    else if (status == LEASELOCK_OK && strcmp(pq.PQcmdStatus(reply.result), "COMMIT") != 0)
        status = ll_error_set(LEASELOCK_INTERNAL,
                              "PostgreSQL: the transaction of the migration had failed before its commit");
    if (status == LEASELOCK_OK)
        connection->migrating->inside = false;
    ll_pg_reply_clear(&reply);
    return status;
}

const leaselock_migration_slots ll_pg_migrations = {
    .open = ll_pg_migrate_open,
    .settings = ll_pg_migrate_settings,
    .read_version = read_version,
    .examine = examine,
    .exclude = ll_pg_migrate_exclude,
    .readmit = ll_pg_migrate_readmit,
    .begin = begin,
    .create_table = create_table,
    .run = ll_pg_migrate_run,
    .write_version = write_version,
    .commit = commit,
    .rollback = ll_pg_migrate_rollback,
    .drop = ll_pg_migrate_drop,
};
