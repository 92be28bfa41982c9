/* Connecting to a user's database for his own migrations, or taking the connection that the program lends. */
#include <stdlib.h>
#include <string.h>

#include "engines/postgresql/migrate.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

static const char *const no_values[LL_PG_PARAMETERS_MAX] = {NULL, NULL};

/* Where in the server we are; the path is what golang-migrate's command line would lock by. */
typedef struct ll_place {
    char *database, *schema, *path;
} ll_place;

bool ll_pg_is_borrowed(const leaselock_connection *connection)
{
    return connection->migrating && connection->migrating->borrowed;
}

void ll_pg_migrate_settings(leaselock_connection *connection, leaselock_migration_settings *out)
{
    out->table = connection->migrating->table;
}

/* ---- the session ---- */

static leaselock_status copy_value(const PGresult *result, int column, char **out)
{
    *out = ll_strdup(pq.PQgetvalue(result, 0, column));
    return *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

/*
 * As golang-migrate's driver sets a session of its own up. A pooler makes up the process id that it tells when a
 * connection begins. `place` may be NULL.
 */
static leaselock_status greet(leaselock_connection *connection, const leaselock_call *call, ll_place *place)
{
    static const char greeting[] = "SET DateStyle TO 'ISO, MDY'; SELECT pg_catalog.pg_backend_pid(),"
                                   " pg_catalog.current_database(), pg_catalog.current_schema()";
    const char *text = connection->migrating->borrowed ? strchr(greeting, ';') + 1 : greeting;
    PGresult *result = NULL;
    leaselock_status status = ll_pg_ask(connection, call, text, no_values, "ask who answers", &result);
    if (status != LEASELOCK_OK)
        return status;
    connection->migrating->direct = atoi(pq.PQgetvalue(result, 0, 0)) == pq.PQbackendPID(connection->link);
    if (place && pq.PQgetisnull(result, 0, 2))
        status =
            ll_error_set(LEASELOCK_NOT_FOUND, "no schema of the role's search_path exists: name one in the URL, by "
                                              "search_path");
    if (place && status == LEASELOCK_OK)
        status = copy_value(result, 1, &place->database);
    if (place && status == LEASELOCK_OK)
        status = copy_value(result, 2, &place->schema);
    pq.PQclear(result);
    return status;
}

static leaselock_status connect_session(leaselock_connection *connection, const leaselock_call *call, ll_place *place)
{
    leaselock_status status = ll_pg_make_link(connection, call, ll_pg_answer_until(call));
    if (status == LEASELOCK_OK)
        status = greet(connection, call, place);
    if (status != LEASELOCK_OK)
        ll_pg_drop_link(connection);
    connection->migrating->used = false;
    return status;
}

/* What is in progress on a lent connection is its owner's. */
static leaselock_status check_idle(const leaselock_connection *connection)
{
    PGconn *link = connection->link;
    if (pq.PQtransactionStatus(link) == PQTRANS_IDLE && pq.PQpipelineStatus(link) == PQ_PIPELINE_OFF)
        return LEASELOCK_OK;
    return ll_error_set(LEASELOCK_INVALID,
                        "the connection that was lent is in use: a transaction or a statement of it is in "
                        "progress, or it is in pipeline mode");
}

static leaselock_status lost(leaselock_connection *connection)
{
    ll_pg_drop_link(connection);
    return ll_error_set(LEASELOCK_UNAVAILABLE, connection->migrating->borrowed
                                                   ? "PostgreSQL: the connection that was lent is broken"
                                                   : "PostgreSQL: the connection was lost between two migrations");
}

leaselock_status ll_pg_migrate_ready(leaselock_connection *connection, bool new_run, const leaselock_call *call)
{
    ll_pg_migrating *migrating = connection->migrating;
    if (migrating->inside && connection->link)
        return LEASELOCK_OK;
    if (connection->link && pq.PQstatus(connection->link) == CONNECTION_OK && migrating->borrowed) {
        leaselock_status status = check_idle(connection);
        if (status != LEASELOCK_OK)
            return status;
    }
    bool dead = connection->link && ll_pg_is_dead(connection);
    if (connection->link && !dead)
        return LEASELOCK_OK;
    /* another session would not have what scripts have set */
    if (migrating->borrowed || migrating->excluding || migrating->inside || (dead && migrating->used && !new_run))
        return lost(connection);
    ll_pg_drop_link(connection);
    return connect_session(connection, call, NULL);
}

/* ---- the version table ---- */

/* As golang-migrate finds "schema"."table": what is between quotes. */
static leaselock_status split_quoted(const char *text, char *parts[2], size_t *count)
{
    leaselock_status status = LEASELOCK_OK;
    for (const char *open = text; status == LEASELOCK_OK && (open = strchr(open, '"')) != NULL;) {
        const char *close = strchr(open + 1, '"');
        if (!close || close == open + 1 || *count == 2)
            return ll_error_set(LEASELOCK_INVALID,
                                "the version table is written \"table\" or \"schema\".\"table\", with its quotes");
        parts[*count] = ll_format("%.*s", (int)(close - open - 1), open + 1);
        status = parts[(*count)++] ? LEASELOCK_OK : LEASELOCK_NOMEM;
        open = close + 1;
    }
    return status;
}

/* Unquoted, a name with a dot is one name. */
static leaselock_status name_table(ll_pg_migrating *migrating, const char *schema)
{
    const char *given =
        migrating->given_table && migrating->given_table[0] ? migrating->given_table : "schema_migrations";
    bool in_quotes = given[0] == '"' && given[1] && given[strlen(given) - 1] == '"';
    char *parts[2] = {NULL, NULL};
    size_t count = 0;
    leaselock_status status = LEASELOCK_OK;
    if (migrating->given_quoted && !in_quotes && migrating->given_table && migrating->given_table[0])
        status = ll_error_set(LEASELOCK_INVALID,
                              "x-migrations-table is not in quotes, and x-migrations-table-quoted says it is");
    else if (migrating->given_quoted && in_quotes)
        status = split_quoted(given, parts, &count);
    migrating->name = count > 0 ? parts[count - 1] : ll_strdup(given);
    migrating->schema = count > 1 ? parts[0] : ll_strdup(schema);
    if (status != LEASELOCK_OK || !migrating->name || !migrating->schema)
        return status == LEASELOCK_OK ? LEASELOCK_NOMEM : status;
    char *quoted = ll_pg_quote(migrating->schema);
    migrating->table = quoted ? ll_pg_table(quoted, migrating->name) : NULL;
    ll_free(quoted);
    return migrating->table ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

/* current_schema() moves when a schema is made that is named like the user: a new table, and everything would be run
 * again. */
static leaselock_status warn_of_another(leaselock_connection *connection, const leaselock_call *call)
{
    static const char text[] =
        "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname), ', '), pg_catalog.bool_or(n.nspname = $1)"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relname = $2 AND c.relkind = 'r' AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a"
        "  WHERE a.attrelid = c.oid AND a.attname IN ('version', 'dirty')) = 2";
    ll_pg_migrating *migrating = connection->migrating;
    const char *values[LL_PG_PARAMETERS_MAX] = {migrating->schema, migrating->name};
    PGresult *result = NULL;
    leaselock_status status = ll_pg_ask(connection, call, text, values, "look for the version table", &result);
    if (status == LEASELOCK_OK && strcmp(pq.PQgetvalue(result, 0, 1), "f") == 0)
        ll_log(LEASELOCK_LOG_WARNING, "postgresql",
               "there is no %s, but a table of that name in %s: is the search_path another one than before?",
               migrating->table, pq.PQgetvalue(result, 0, 0));
    pq.PQclear(result);
    return status;
}

/* ---- opening and closing ---- */

static leaselock_status set_up(leaselock_connection *connection, const leaselock_call *call, ll_place *place)
{
    ll_pg_migrating *migrating = connection->migrating;
    leaselock_status status = LEASELOCK_OK;
    if (migrating->borrowed) { /* the URL's path is not looked at */
        place->path = ll_format("/%s", pq.PQdb(connection->link));
        status = place->path ? ll_pg_migrate_ready(connection, true, call) : LEASELOCK_NOMEM;
        if (status == LEASELOCK_OK)
            status = greet(connection, call, place);
    } else {
        status = ll_pg_target_path(&connection->target, &place->path);
        if (status == LEASELOCK_OK)
            status = connect_session(connection, call, place);
    }
    if (status == LEASELOCK_OK)
        status = name_table(migrating, place->schema);
    if (status != LEASELOCK_OK)
        return status;
    migrating->key_count =
        ll_pg_advisory_keys(place->database, place->path, migrating->schema, migrating->name, migrating->keys);
    migrating->own_schema = place->schema;
    place->schema = NULL;
    return warn_of_another(connection, call);
}

/* The table that a call gives is in its own quotes, or plain; the URL says which in another option. */
static leaselock_status take_table(ll_pg_migrating *migrating, const char *table)
{
    if (!table)
        return LEASELOCK_OK;
    ll_free(migrating->given_table);
    migrating->given_table = ll_strdup(table);
    migrating->given_quoted = table[0] == '"';
    return migrating->given_table ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

/* Of a lent connection the URL says options only, and may be no more than "postgresql:". */
static leaselock_status parse(const char *url, const void *borrowed, ll_pg_migrating *migrating, ll_pg_target *target)
{
    if (!borrowed)
        return ll_pg_migrate_parse(url, migrating, target);
    const char *options = strrchr(url, '?');
    char *bare = ll_format("postgresql://%s", options ? options : "");
    leaselock_status status = bare ? ll_pg_migrate_parse(bare, migrating, target) : LEASELOCK_NOMEM;
    ll_free(bare);
    return status;
}

leaselock_status ll_pg_migrate_open(const char *url, const char *table, void *borrowed, const leaselock_call *call,
                                    leaselock_connection **out)
{
    leaselock_status status = ll_pg_load();
    if (status != LEASELOCK_OK)
        return status;
    leaselock_connection *connection = ll_alloc(sizeof *connection);
    ll_pg_migrating *migrating = connection ? ll_alloc(sizeof *migrating) : NULL;
    ll_place place = {NULL, NULL, NULL};
    if (connection)
        connection->migrating = migrating;
    status = migrating ? parse(url, borrowed, migrating, &connection->target) : LEASELOCK_NOMEM;
    if (status == LEASELOCK_OK)
        status = take_table(migrating, table);
    if (status == LEASELOCK_OK) {
        connection->link = borrowed;
        migrating->borrowed = borrowed != NULL;
        status = set_up(connection, call, &place);
    }
    ll_free(place.database);
    ll_free(place.schema);
    ll_free(place.path);
    if (status == LEASELOCK_OK)
        *out = connection;
    else
        ll_pg_close(connection);
    return status;
}

void ll_pg_free_migrating(leaselock_connection *connection)
{
    ll_pg_migrating *migrating = connection->migrating;
    if (!migrating)
        return;
    ll_free(migrating->table);
    ll_free(migrating->schema);
    ll_free(migrating->name);
    ll_free(migrating->own_schema);
    ll_free(migrating->given_table);
    ll_free(migrating);
}
