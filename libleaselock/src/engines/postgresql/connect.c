/* Opening and closing connections; finding out what is at the other end. */
#include <poll.h>
#include <string.h>

#include "engines/postgresql/migrate.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"

/* Older ones have no MATERIALIZED, and are out of their makers' care. */
enum { OLDEST_SERVER = 120000 };

/*
 * What a session of our own is set to. Plans: a small table tempts the planner to read all of it, and the plan stays
 * when the table has grown. Isolation: a role's default of repeatable read would fail where read committed reads the
 * newest row.
 */
static const char own_session[] =
    "SELECT set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),"
    " set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('default_transaction_isolation', 'read committed', false)";

/* Where our tables are, or would be made. */
static const char hello[] =
    "SELECT pg_backend_pid(), current_setting('server_version_num')::int, version(), quote_ident(coalesce($1::text,"
    " (SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    "   WHERE c.oid = to_regclass('leaselock_leases')), current_schema()))";

/* A server that ends an idle connection says so in a notice; all others are a migration's, or nobody's business. */
static void take_notice(void *payload, const PGresult *result)
{
    leaselock_connection *connection = payload;
    if (connection->migrating)
        ll_pg_log_notice(result);
    const char *severity = pq.PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "FATAL") == 0)
        connection->farewell = true;
}

void ll_pg_drop_link(leaselock_connection *connection)
{
    if (!ll_pg_is_borrowed(connection))
        pq.PQfinish(connection->link);
    connection->link = NULL;
    connection->migration = NULL;
    connection->farewell = false;
    memset(connection->prepared, 0, sizeof connection->prepared);
}

/* Begins to connect. The URL's own options come first, these fill in. */
static PGconn *start_link(const leaselock_connection *connection)
{
    static const char *const names[] = {"dbname", "client_encoding", "fallback_application_name", "options", NULL};
    const char *const values[] = {connection->target.conninfo, "UTF8", "libleaselock", connection->target.settings,
                                  NULL};
    return pq.PQconnectStartParams(names, values, 1);
}

leaselock_status ll_pg_make_link(leaselock_connection *connection, const leaselock_call *call, int64_t until_ms)
{
    connection->link = start_link(connection);
    if (!connection->link)
        return ll_error_set(LEASELOCK_NOMEM, "out of memory");
    /* the only way to a SQLSTATE of a refused connection */
    pq.PQsetErrorVerbosity(connection->link, PQERRORS_VERBOSE);
    pq.PQsetNoticeReceiver(connection->link, take_notice, connection);
    if (pq.PQstatus(connection->link) == CONNECTION_BAD)
        return ll_pg_fail_connect(connection);
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
        leaselock_status status =
            ll_pg_wait(connection, call, until_ms, next == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        if (status != LEASELOCK_OK)
            return status;
        next = pq.PQconnectPoll(connection->link);
        if (next == PGRES_POLLING_FAILED)
            return ll_pg_fail_connect(connection);
    }
    pq.PQsetErrorVerbosity(connection->link, PQERRORS_DEFAULT);
    return pq.PQsetnonblocking(connection->link, 1) == 0 ? LEASELOCK_OK : ll_pg_fail_link(connection, "connect");
}

/* Servers that merely speak the protocol lock rows in other ways, and the fence stands on those. */
static leaselock_status check_server(const PGresult *greeting)
{
    const char *version = pq.PQgetvalue(greeting, 0, 2);
    if (strncmp(version, "PostgreSQL ", 11) != 0 || strstr(version, "-YB-") || strstr(version, "Greenplum") ||
        strstr(version, "Redshift"))
        return ll_error_set(LEASELOCK_NOT_A_DATABASE, "leases need PostgreSQL itself; this is %.60s", version);
    if (ll_pg_integer(greeting, 0, 1) < OLDEST_SERVER)
        return ll_error_set(LEASELOCK_NOT_A_DATABASE, "leases need PostgreSQL 12 or newer; this is %.60s", version);
    return LEASELOCK_OK;
}

/* The schema is looked up once: a search_path that changes later leads nowhere else. */
static leaselock_status take_schema(leaselock_connection *connection, const PGresult *greeting)
{
    if (connection->schema)
        return LEASELOCK_OK;
    if (pq.PQgetisnull(greeting, 0, 3))
        return ll_error_set(LEASELOCK_NOT_FOUND,
                            "no schema of the role's search_path exists; name one in the URL: ?schema=…");
    connection->schema = ll_strdup(pq.PQgetvalue(greeting, 0, 3));
    return connection->schema ? ll_pg_make_statements(connection->schema, connection->sql) : LEASELOCK_NOMEM;
}

/* A pooler makes up the pid that it tells when a connection begins. */
static leaselock_status greet(leaselock_connection *connection, const leaselock_call *call)
{
    ll_pg_request asking = {.text = hello, .values = {connection->target.schema}, .value_count = 1};
    connection->direct = false;
    leaselock_status status = ll_pg_exchange(connection, call, &asking, 1, "ask who answers", NULL);
    if (status == LEASELOCK_OK)
        status = check_server(asking.result);
    if (status == LEASELOCK_OK)
        status = take_schema(connection, asking.result);
    bool direct = status == LEASELOCK_OK &&
                  ll_pg_integer(asking.result, 0, 0) == pq.PQbackendPID(connection->link);
    ll_pg_clear(&asking, 1);
    if (!direct)
        return status;
    ll_pg_request setting = {.text = own_session};
    status = ll_pg_exchange(connection, call, &setting, 1, "set the session up", NULL);
    ll_pg_clear(&setting, 1);
    connection->direct = status == LEASELOCK_OK;
    return status;
}

/* A server hardly writes to an idle connection but for its end: a farewell, then the end of the stream. */
bool ll_pg_is_dead(leaselock_connection *connection)
{
    PGconn *link = connection->link;
    struct pollfd socket = {.fd = pq.PQsocket(link), .events = POLLIN};
    if (poll(&socket, 1, 0) > 0)
        for (int i = 0; i < 2; i++)
            if (!pq.PQconsumeInput(link) || pq.PQisBusy(link) || connection->farewell)
                return true;
    return pq.PQstatus(link) != CONNECTION_OK;
}

leaselock_status ll_pg_ensure_link(leaselock_connection *connection, const leaselock_call *call)
{
    /* inside a transaction a new link would be another transaction */
    if (connection->link && (connection->greeting || connection->migration || !ll_pg_is_dead(connection)))
        return LEASELOCK_OK;
    ll_pg_drop_link(connection);
    leaselock_status status = ll_pg_make_link(connection, call, call->until_ms);
    if (status == LEASELOCK_OK && !pq.PQenterPipelineMode(connection->link))
        status = ll_pg_fail_link(connection, "connect");
    if (status == LEASELOCK_OK) {
        connection->greeting = true;
        status = greet(connection, call);
        connection->greeting = false;
    }
    if (status != LEASELOCK_OK)
        ll_pg_drop_link(connection);
    return status;
}

static leaselock_status open_target(const ll_pg_target *target, const leaselock_call *call, leaselock_connection **out)
{
    leaselock_connection *connection = ll_alloc(sizeof *connection);
    if (!connection)
        return LEASELOCK_NOMEM;
    leaselock_status status = ll_pg_target_copy(target, &connection->target);
    if (status == LEASELOCK_OK)
        status = ll_pg_ensure_link(connection, call);
    if (status == LEASELOCK_OK)
        *out = connection;
    else
        ll_pg_close(connection);
    return status;
}

leaselock_status ll_pg_open(const char *url, const leaselock_call *call, leaselock_connection **out)
{
    ll_pg_target target;
    leaselock_status status = ll_pg_load();
    if (status == LEASELOCK_OK)
        status = ll_pg_target_parse(url, NULL, &target);
    if (status != LEASELOCK_OK)
        return status;
    status = open_target(&target, call, out);
    ll_pg_target_clear(&target);
    return status;
}

leaselock_status ll_pg_open_again(leaselock_connection *connection, const leaselock_call *call,
                                  leaselock_connection **out)
{
    return open_target(&connection->target, call, out);
}

void ll_pg_close(leaselock_connection *connection)
{
    if (!connection)
        return;
    ll_pg_drop_link(connection);
    ll_pg_free_migrating(connection);
    ll_pg_free_statements(connection->sql);
    ll_free(connection->schema);
    ll_pg_target_clear(&connection->target);
    ll_free(connection);
}
