/* What the migration runner needs of a PostgreSQL database. */
#include <stdio.h>
#include <string.h>

#include "engines/postgresql/postgresql.h"
#include "util/alloc.h"
#include "util/error.h"

/* Any number that nobody else uses: the first half of the advisory lock's key. */
#define LOCK_CLASS "1818579820"

static leaselock_status foreign(const leaselock_connection *connection, const char *table, const char *why)
{
    return ll_error_set(LEASELOCK_FOREIGN_TABLES, "PostgreSQL: the table %s.%s is not ours: %s", connection->schema,
                        table, why);
}

/* -1: no such table; else how many of the columns version and dirty it has. */
static leaselock_status count_columns(leaselock_connection *connection, const char *name, const leaselock_call *call,
                                      int64_t *columns)
{
    ll_pg_request asking = {.text = "SELECT to_regclass($1::text) IS NULL, count(*) FROM pg_attribute"
                                    " WHERE attrelid = to_regclass($1::text) AND attname IN ('version', 'dirty')",
                            .values = {name},
                            .value_count = 1};
    leaselock_status status = ll_pg_exchange(connection, call, &asking, 1, "look for the tables", NULL);
    if (status == LEASELOCK_OK)
        *columns = ll_pg_integer(asking.result, 0, 0) ? -1 : ll_pg_integer(asking.result, 0, 1);
    ll_pg_clear(&asking, 1);
    return status;
}

/* The one row of the table; none counts as no version. */
static leaselock_status read_row(leaselock_connection *connection, const char *table, const char *name,
                                 const leaselock_call *call, int64_t *version)
{
    char *sql = ll_format("SELECT version::bigint, dirty::boolean FROM %s LIMIT 2", name);
    if (!sql)
        return LEASELOCK_NOMEM;
    ll_pg_request reading = {.text = sql};
    leaselock_status status = ll_pg_exchange(connection, call, &reading, 1, "read the version of the tables", NULL);
    *version = -1;
    int rows = status == LEASELOCK_OK ? pq.PQntuples(reading.result) : 0;
    if (rows > 0)
        *version = ll_pg_integer(reading.result, 0, 0);
    if (rows > 1)
        status = foreign(connection, table, "it has more than one row");
    else if (rows == 1 && ll_pg_integer(reading.result, 0, 1))
        status = foreign(connection, table, "it is marked as dirty");
    ll_pg_clear(&reading, 1);
    ll_free(sql);
    return status;
}

static leaselock_status read_version(leaselock_connection *connection, const char *table, const leaselock_call *call,
                                     int64_t *version)
{
    char *name = ll_pg_table(connection->schema, table);
    if (!name)
        return LEASELOCK_NOMEM;
    int64_t columns;
    leaselock_status status = count_columns(connection, name, call, &columns);
    if (status == LEASELOCK_OK && columns < 0)
        *version = -1;
    else if (status == LEASELOCK_OK && columns < 2)
        status = foreign(connection, table, "it has no columns version and dirty");
    else if (status == LEASELOCK_OK)
        status = read_row(connection, table, name, call, version);
    ll_free(name);
    return status;
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
                              "let its owner open it once, or apply leaselock/migrations/postgresql",
                              connection->schema, pq.PQuser(connection->link));
    ll_pg_clear(&asking, 1);
    return status;
}

/* One transaction: first opens exclude each other by a lock that ends with it, which a pooler keeps on one session, too. */
static leaselock_status begin(leaselock_connection *connection, const leaselock_call *call)
{
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

static leaselock_status run(leaselock_connection *connection, const char *sql)
{
    return ll_pg_run_script(connection, connection->migration, sql, "make the tables of leases");
}

/* golang-migrate's table, to the letter; its one row is replaced. */
static leaselock_status write_version(leaselock_connection *connection, const char *table, int64_t version)
{
    char *name = ll_pg_table(connection->schema, table);
    char *sql = name ? ll_format("CREATE TABLE IF NOT EXISTS %s (version bigint not null primary key, dirty boolean not null);"
                                 "DELETE FROM %s; INSERT INTO %s (version, dirty) VALUES (%lld, false)",
                                 name, name, name, (long long)version)
                     : NULL;
    leaselock_status status = sql ? run(connection, sql) : LEASELOCK_NOMEM;
    ll_free(sql);
    ll_free(name);
    return status;
}

static leaselock_status commit(leaselock_connection *connection)
{
    ll_pg_request committing = {.text = "COMMIT"};
    leaselock_status status =
        ll_pg_exchange(connection, connection->migration, &committing, 1, "commit a migration", NULL);
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

const leaselock_migration_slots ll_pg_migrations = {
    .read_version = read_version,
    .begin = begin,
    .run = run,
    .write_version = write_version,
    .commit = commit,
    .rollback = rollback,
};
