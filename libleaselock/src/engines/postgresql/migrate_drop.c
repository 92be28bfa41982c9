/* Dropping everything that migrations made, as far as it is tables and views. */
#include <stdlib.h>

#include "engines/postgresql/migrate.h"
#include "util/alloc.h"

/*
 * All of the schema that the session was opened in, and the version table where that is elsewhere; in one statement,
 * since what hangs together goes together. What an extension has brought is the extension's.
 */
static const char listing[] =
    "SELECT pg_catalog.count(*), pg_catalog.string_agg('DROP '"
    "  || CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'"
    "     ELSE 'TABLE' END || ' IF EXISTS '"
    "  || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || ' CASCADE', '; ')"
    " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (n.nspname = $1 OR n.nspname || '.' || c.relname = $2)"
    " AND c.relname NOT IN ('leaselock_leases', 'leaselock_control', 'leaselock_migrations')"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = "
    "'pg_catalog.pg_class'::pg_catalog.regclass"
    "  AND d.objid = c.oid AND d.deptype = 'e')";

static leaselock_status drop_listed(leaselock_connection *connection, const leaselock_call *call, int64_t *dropped)
{
    ll_pg_migrating *migrating = connection->migrating;
    char *version_table = ll_format("%s.%s", migrating->schema, migrating->name);
    if (!version_table)
        return LEASELOCK_NOMEM;
    const char *values[LL_PG_PARAMETERS_MAX] = {migrating->own_schema, version_table};
    PGresult *result = NULL;
    leaselock_status status = ll_pg_ask(connection, call, listing, values, "list the tables", &result);
    if (status == LEASELOCK_OK) {
        *dropped = atoll(pq.PQgetvalue(result, 0, 0));
        if (*dropped > 0)
            status = ll_pg_tell(connection, call, pq.PQgetvalue(result, 0, 1), "drop the tables");
    }
    pq.PQclear(result);
    ll_free(version_table);
    return status;
}

leaselock_status ll_pg_migrate_drop(leaselock_connection *connection, const leaselock_call *call, int64_t *dropped)
{
    leaselock_status status = ll_pg_migrate_begin_bare(connection, call);
    if (status == LEASELOCK_OK)
        status = drop_listed(connection, call, dropped);
    if (status == LEASELOCK_OK)
        status = ll_pg_tell(connection, call, "COMMIT", "commit");
    ll_pg_migrate_rollback(connection);
    return status;
}
