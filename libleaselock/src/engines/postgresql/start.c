/* Making sure that the tables are ours: the columns that the statements use, and what the fence stands on. */
#include "engines/postgresql/postgresql.h"
#include "util/alloc.h"
#include "util/error.h"

/* Reads nothing; fails where a column is missing or cannot be compared with what the statements compare it with. */
static const char columns[] =
    "SELECT l.client || ''::text, l.sequence + l.ttl_ms + l.floor + c.floor, l.expires_at <= clock_timestamp()"
    " FROM @leaselock_leases AS l, @leaselock_control AS c"
    " WHERE l.resource = ''::text AND l.acquisition = '00000000000000000000000000000000'::uuid AND NOT l.released LIMIT 0";

/*
 * A grant lasts only in a logged table, locks all that there is of a resource only where that is one row, and a
 * sequence that is changed by hand keeps to fences by the trigger. Names are looked up without privileges on what they
 * name.
 */
static const char foundation[] =
    "SELECT c.relkind = 'r' AND c.relpersistence = 'p',"
    " EXISTS (SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    "   WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indnkeyatts = 1 AND a.attname = 'resource'),"
    " EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'leaselock_lock_row' AND t.tgenabled IN ('O', 'A'))"
    " FROM pg_class AS c WHERE c.oid = to_regclass($1::text)";

static leaselock_status foreign(const leaselock_connection *connection, const char *why)
{
    return ll_error_set(LEASELOCK_FOREIGN_TABLES, "PostgreSQL: the table %s.leaselock_leases is not ours: %s",
                        connection->schema, why);
}

static leaselock_status check_columns(leaselock_connection *connection, const leaselock_call *call)
{
    char *sql = ll_pg_qualify(columns, connection->schema);
    if (!sql)
        return LEASELOCK_NOMEM;
    ll_pg_request reading = {.text = sql};
    leaselock_status status = ll_pg_exchange(connection, call, &reading, 1, "use the tables of leases", NULL);
    ll_pg_clear(&reading, 1);
    ll_free(sql);
    return status;
}

static leaselock_status check_foundation(leaselock_connection *connection, const leaselock_call *call)
{
    char *name = ll_format("%s.leaselock_leases", connection->schema);
    if (!name)
        return LEASELOCK_NOMEM;
    ll_pg_request asking = {.text = foundation, .values = {name}, .value_count = 1};
    leaselock_status status = ll_pg_exchange(connection, call, &asking, 1, "look at the tables of leases", NULL);
    if (status == LEASELOCK_OK && (pq.PQntuples(asking.result) == 0 || !ll_pg_integer(asking.result, 0, 0)))
        status = foreign(connection, "it is not a plain, logged table");
    else if (status == LEASELOCK_OK && !ll_pg_integer(asking.result, 0, 1))
        status = foreign(connection, "resource is not its primary key");
    else if (status == LEASELOCK_OK && !ll_pg_integer(asking.result, 0, 2))
        status = foreign(connection, "its trigger is missing, and fences would not keep out a change by hand");
    ll_pg_clear(&asking, 1);
    ll_free(name);
    return status;
}

leaselock_status ll_pg_start(leaselock_connection *connection, const leaselock_call *call)
{
    leaselock_status status = check_columns(connection, call);
    return status == LEASELOCK_OK ? check_foundation(connection, call) : status;
}
