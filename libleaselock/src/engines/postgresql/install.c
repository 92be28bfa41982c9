/* What the migration runner needs of a PostgreSQL database to install the tables of leases. */
#include <stdio.h>
#include <string.h>

#include "engines/postgresql/postgresql.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

/* Any number that nobody else uses: the first half of the advisory lock's key. */
#define LOCK_CLASS "1818579820"

/*
 * -1: no such table; else how many of the columns version and dirty it has. Both from the catalog's rows: to_regclass() alone
 * knows of a table that another open has just made, and the statement's snapshot does not.
 */
static leaselock_status count_columns(leaselock_connection *connection, const char *name, const leaselock_call *call,
                                      int64_t *columns)
{
    ll_pg_request asking = {.text = "SELECT NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1::text)),"
                                    " count(*) FROM pg_attribute WHERE attrelid = to_regclass($1::text)"
                                    " AND attname IN ('version', 'dirty')",
                            .values = {name},
                            .value_count = 1};
    leaselock_status status = ll_pg_exchange(connection, call, &asking, 1, "look for the tables", NULL);
    if (status == LEASELOCK_OK)
        *columns = ll_pg_integer(asking.result, 0, 0) ? -1 : ll_pg_integer(asking.result, 0, 1);
    ll_pg_clear(&asking, 1);
    return status;
}

static leaselock_status read_row(leaselock_connection *connection, const char *name, const leaselock_call *call,
                                 leaselock_version_row *row)
{
    char *sql = ll_format("SELECT version::bigint, dirty::boolean FROM %s LIMIT 2", name);
    if (!sql)
        return LEASELOCK_NOMEM;
    ll_pg_request reading = {.text = sql};
    leaselock_status status = ll_pg_exchange(connection, call, &reading, 1, "read the version of the tables", NULL);
    int rows = status == LEASELOCK_OK ? pq.PQntuples(reading.result) : 0;
    if (rows > 0) {
        row->kind = rows > 1 ? LEASELOCK_VERSION_MANY : LEASELOCK_VERSION_ROW;
        row->version = ll_pg_integer(reading.result, 0, 0);
        row->dirty = ll_pg_integer(reading.result, 0, 1);
    }
    ll_pg_clear(&reading, 1);
    ll_free(sql);
    return status;
}

static leaselock_status read_version(leaselock_connection *connection, const leaselock_version_table *table,
                                     const leaselock_call *call, leaselock_version_row *row)
{
    char *name = ll_pg_table(connection->schema, table->name);
    if (!name)
        return LEASELOCK_NOMEM;
    int64_t columns;
    *row = (leaselock_version_row){.kind = LEASELOCK_VERSION_NONE, .version = -1};
    leaselock_status status = count_columns(connection, name, call, &columns);
    if (status == LEASELOCK_OK && columns >= 0 && columns < 2) {
        row->kind = LEASELOCK_VERSION_FOREIGN;
        ll_text_copy(row->detail, sizeof row->detail, "it has no columns version and dirty");
    } else if (status == LEASELOCK_OK && columns == 2) {
        status = read_row(connection, name, call, row);
    }
    ll_free(name);
    return status;
}

/* The library's own scripts are plain. */
static leaselock_status examine(leaselock_connection *connection, leaselock_script *script)
{
    (void)connection;
    script->end = script->size;
    return LEASELOCK_OK;
}

/* A role that may make nothing is told what to ask for, before anything is tried. */
static leaselock_status check_may_create(leaselock_connection *connection, const leaselock_call *call)
{
    ll_pg_request asking = {.text = "SELECT bool_or(has_schema_privilege(oid, 'CREATE')) FROM pg_namespace"
                                    " WHERE quote_ident(nspname) = $1::text",
                            .values = {connection->schema},
                            .value_count = 1};
    leaselock_status status = ll_pg_exchange(connection, call, &asking, 1, "look at the schema", NULL);
    if (status == LEASELOCK_OK && pq.PQgetisnull(asking.result, 0, 0))
        status = ll_error_set(LEASELOCK_NOT_FOUND, "PostgreSQL: there is no schema %s", connection->schema);
    else if (status == LEASELOCK_OK && !ll_pg_integer(asking.result, 0, 0))
        status = ll_error_set(LEASELOCK_NO_TABLES,
                              "PostgreSQL: schema %s has no tables of leases and role %s may not make them: "
                              "let its owner open it once, or run share/leaselock/migrations/postgresql with a tool "
                              "for golang-migrate's files and x-migrations-table=leaselock_migrations",
                              connection->schema, pq.PQuser(connection->link));
    ll_pg_clear(&asking, 1);
    return status;
}

/*
 * One transaction: first opens exclude each other by a lock that ends with it, which a pooler keeps on one session,
 * too.
 */
static leaselock_status begin(leaselock_connection *connection, const leaselock_script *script,
                              const leaselock_call *call)
{
    (void)script;
    leaselock_status status = check_may_create(connection, call);
    if (status != LEASELOCK_OK)
        return status;
    ll_pg_request requests[] = {
        {.text = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"},
        {.text = "SELECT pg_advisory_xact_lock(" LOCK_CLASS ", hashtext($1::text))",
         .values = {connection->schema},
         .value_count = 1},
        {.text = "SELECT set_config('search_path', $1::text || ', pg_temp', true),"
                 " set_config('synchronous_commit', 'on', true)",
         .values = {connection->schema},
         .value_count = 1},
    };
    status = ll_pg_exchange(connection, call, requests, 3, "begin a migration", NULL);
    ll_pg_clear(requests, 3);
    if (status == LEASELOCK_OK)
        connection->migration = call;
    else
        ll_pg_drop_link(connection);
    return status;
}

static leaselock_status run(leaselock_connection *connection, leaselock_script *script, const leaselock_call *call)
{
    return ll_pg_run_script(connection, call, script->text, "make the tables of leases");
}

/* Runs a statement with the version table's name in the middle. */
static leaselock_status run_on(leaselock_connection *connection, const char *table, const char *before,
                               const char *after)
{
    char *name = ll_pg_table(connection->schema, table);
    char *sql = name ? ll_format("%s %s %s", before, name, after) : NULL;
    leaselock_status status = LEASELOCK_NOMEM;
    if (sql)
        status = ll_pg_run_script(connection, connection->migration, sql, "write the version of the tables");
    ll_free(sql);
    ll_free(name);
    return status;
}

/* golang-migrate's table, to the letter. */
static leaselock_status create_table(leaselock_connection *connection, const leaselock_version_table *table)
{
    return run_on(connection, table->name, "CREATE TABLE IF NOT EXISTS",
                  "(version bigint not null primary key, dirty boolean not null)");
}

static leaselock_status write_version(leaselock_connection *connection, const leaselock_version_table *table,
                                      int64_t version, bool dirty)
{
    char values[64];
    snprintf(values, sizeof values, "(version, dirty) VALUES (%lld, %s)", (long long)version, dirty ? "true" : "false");
    leaselock_status status = create_table(connection, table);
    if (status == LEASELOCK_OK)
        status = run_on(connection, table->name, "DELETE FROM", "");
    return status == LEASELOCK_OK && (version >= 0 || dirty) ? run_on(connection, table->name, "INSERT INTO", values)
                                                             : status;
}

static leaselock_status commit(leaselock_connection *connection, const leaselock_call *call)
{
    ll_pg_request committing = {.text = "COMMIT"};
    leaselock_status status = ll_pg_exchange(connection, call, &committing, 1, "commit a migration", NULL);
    ll_pg_clear(&committing, 1);
    if (status == LEASELOCK_OK)
        connection->migration = NULL;
    return status;
}

static void rollback(leaselock_connection *connection)
{
    if (connection->migration)
        ll_pg_drop_link(connection);
}

const leaselock_migration_slots ll_pg_installation = {
    .read_version = read_version,
    .examine = examine,
    .begin = begin,
    .create_table = create_table,
    .run = run,
    .write_version = write_version,
    .commit = commit,
    .rollback = rollback,
};
