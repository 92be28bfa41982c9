#include "engines/postgresql/statements.h"

#include <string.h>

#include "leaselock/error.h"
#include "util/alloc.h"

/*
 * How they are written, and what went wrong otherwise (each is a test in tests/postgresql):
 *  - Rows are locked by SKIP LOCKED before anything is decided or computed. A row that cannot be had is busy: waiting for it
 *    held up a try for seconds, and gave leases whose time was over; waiting for several in two orders is a deadlock.
 *  - What decides stands in the row itself, the floor too: a row that changed meanwhile is read again in its newest version, a
 *    subquery on another table is not.
 *  - Clock and number are read after the lock: clock_timestamp() in the statement that changes the row.
 *  - Grants and renewals are on the disk when they are reported, releases need not be. set_config() in RETURNING works for the
 *    statement's own transaction, also behind a pooler.
 *
 * $1 resource, $2 acquisition, $3 client, $4 ttl of an obtain, else sequence; arrays of them for many.
 */
#define IS_FREE(row) "(" row ".released OR " row ".expires_at <= clock_timestamp())"
#define FROM_NOW(ttl) "clock_timestamp() + " ttl " * interval '1 millisecond'"

/* A role's own setting may be off, or more than on. */
#define DURABLE                                                                   \
    "CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')" \
    " THEN set_config('synchronous_commit', 'on', true) END"
#define NOT_DURABLE "set_config('synchronous_commit', 'off', true)"

/* The columns that claims.c reads; `n` counts the claims from 1. */
#define ANSWER(n, own) \
    n ", l.client, l.sequence, " own ", l.ttl_ms, l.expires_at, l.released, clock_timestamp()"

#define CLAIMS                                                                                    \
    "claim AS MATERIALIZED (SELECT c.n::int, c.resource, c.acquisition, c.client, c.number"       \
    "  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[])"                             \
    "  WITH ORDINALITY AS c (resource, acquisition, client, number, n))"

#define OWN_MANY                                                                                            \
    "won AS MATERIALIZED (SELECT c.n, w.resource FROM claim AS c CROSS JOIN LATERAL"                       \
    "  (SELECT f.resource FROM @leaselock_leases AS f WHERE f.resource = c.resource"                       \
    "    AND f.acquisition = c.acquisition AND f.client = c.client AND f.sequence = c.number"              \
    "    AND NOT f.released FOR NO KEY UPDATE SKIP LOCKED) AS w)"

static const char *const templates[LL_PG_STATEMENTS] = {
    /*
     * A held row is not locked, and nothing is written: the lock comes after the WHERE. Answers the grant, else what the row was
     * when the statement began.
     */
    [LL_SQL_GRANT_ONE] =
        "WITH won AS (UPDATE @leaselock_leases AS l SET client = $3::text, sequence = greatest(l.sequence, l.floor) + 1,"
        "  acquisition = $2::uuid, ttl_ms = $4::bigint, expires_at = " FROM_NOW("$4::bigint") ", released = false"
        " WHERE l.resource = (SELECT f.resource FROM @leaselock_leases AS f WHERE f.resource = $1::text"
        "   AND " IS_FREE("f") " AND f.acquisition <> $2::uuid FOR UPDATE SKIP LOCKED)"
        " RETURNING " ANSWER("1 AS n", "true AS own") " AS now, " DURABLE " AS durable)"
        " SELECT * FROM won UNION ALL SELECT " ANSWER("1", "l.acquisition = $2::uuid") ", NULL"
        " FROM @leaselock_leases AS l WHERE l.resource = $1::text AND NOT EXISTS (SELECT FROM won)",

    /*
     * `seen`: the rows that are free, or this very grant made by an earlier try. Only where those are all is anything locked, and
     * only where all of them could be locked is anything granted. Answers which were locked. Joins nothing that was won or
     * granted: without statistics that is row by row, and hundred by hundred rows took longer than all the rest.
     */
    [LL_SQL_GRANT_MANY] =
        "WITH " CLAIMS ","
        " seen AS MATERIALIZED (SELECT l.acquisition = c.acquisition AS own"
        "   FROM claim AS c JOIN @leaselock_leases AS l ON l.resource = c.resource"
        "   WHERE CASE WHEN l.acquisition = c.acquisition THEN NOT l.released ELSE " IS_FREE("l") " END),"
        " won AS MATERIALIZED (SELECT c.* FROM claim AS c CROSS JOIN LATERAL"
        "   (SELECT FROM @leaselock_leases AS f WHERE f.resource = c.resource"
        "     AND " IS_FREE("f") " AND f.acquisition <> c.acquisition FOR UPDATE SKIP LOCKED) AS w"
        "   WHERE (SELECT count(*) FROM seen) = (SELECT count(*) FROM claim)),"
        " granted AS (UPDATE @leaselock_leases AS l SET client = w.client,"
        "   sequence = greatest(l.sequence, l.floor) + 1, acquisition = w.acquisition, ttl_ms = w.number,"
        "   expires_at = " FROM_NOW("w.number") ", released = false"
        "   FROM won AS w WHERE l.resource = w.resource AND (SELECT count(*) FROM won)"
        "     + (SELECT count(*) FROM seen WHERE own) = (SELECT count(*) FROM claim) RETURNING " DURABLE ")"
        " SELECT won.n FROM won",

    [LL_SQL_LOOK_ONE] = "SELECT " ANSWER("1", "l.acquisition = $2::uuid")
                        " FROM @leaselock_leases AS l WHERE l.resource = $1::text",
    [LL_SQL_LOOK_MANY] = "SELECT " ANSWER("c.n::int", "l.acquisition = c.acquisition")
                         " FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS c (resource, acquisition, n)"
                         " JOIN @leaselock_leases AS l ON l.resource = c.resource",

    /*
     * Rows that were never granted. Whoever raises the floor waits for the lock on it, and then finds these rows; whoever comes
     * after him reads the new floor.
     */
    [LL_SQL_ADD_ONE] =
        "INSERT INTO @leaselock_leases (resource, floor)"
        " SELECT $1::text, c.floor FROM (SELECT floor FROM @leaselock_control WHERE id = 1 FOR SHARE) AS c"
        " ON CONFLICT (resource) DO NOTHING",
    [LL_SQL_ADD_MANY] =
        "INSERT INTO @leaselock_leases (resource, floor)"
        " SELECT r.resource, c.floor FROM (SELECT floor FROM @leaselock_control WHERE id = 1 FOR SHARE) AS c"
        "   CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS r (resource, n)"
        "   WHERE NOT EXISTS (SELECT FROM @leaselock_leases AS l WHERE l.resource = r.resource) ORDER BY r.n"
        " ON CONFLICT (resource) DO NOTHING",

    [LL_SQL_RENEW_ONE] =
        "UPDATE @leaselock_leases AS l SET expires_at = greatest(l.expires_at, " FROM_NOW("l.ttl_ms") ")"
        " WHERE l.resource = (SELECT f.resource FROM @leaselock_leases AS f WHERE f.resource = $1::text"
        "   AND f.acquisition = $2::uuid AND f.client = $3::text AND f.sequence = $4::bigint AND NOT f.released"
        "   FOR NO KEY UPDATE SKIP LOCKED)"
        " RETURNING " ANSWER("1", "true") ", " DURABLE,
    [LL_SQL_RENEW_MANY] =
        "WITH " CLAIMS ", " OWN_MANY
        " UPDATE @leaselock_leases AS l SET expires_at = greatest(l.expires_at, " FROM_NOW("l.ttl_ms") ")"
        " FROM won WHERE l.resource = won.resource RETURNING " ANSWER("won.n", "true") ", " DURABLE,

    /* Computes nothing that could grow old, so that one row may be waited for. */
    [LL_SQL_RELEASE_ONE] =
        "UPDATE @leaselock_leases AS l SET released = true WHERE l.resource = $1::text AND l.acquisition = $2::uuid"
        "  AND l.client = $3::text AND l.sequence = $4::bigint AND NOT l.released"
        " RETURNING " ANSWER("1", "true") ", " NOT_DURABLE,
    [LL_SQL_RELEASE_MANY] = "WITH " CLAIMS ", " OWN_MANY
                            " UPDATE @leaselock_leases AS l SET released = true FROM won"
                            " WHERE l.resource = won.resource RETURNING " ANSWER("won.n", "true") ", " NOT_DURABLE,

    [LL_SQL_LIST_ALL] = "SELECT l.resource, l.client, l.sequence, l.ttl_ms, l.expires_at, clock_timestamp(), l.released"
                        " FROM @leaselock_leases AS l WHERE l.sequence > 0 ORDER BY l.resource",
    [LL_SQL_LIST_ONE] = "SELECT l.resource, l.client, l.sequence, l.ttl_ms, l.expires_at, clock_timestamp(), l.released"
                        " FROM @leaselock_leases AS l WHERE l.sequence > 0 AND l.resource = $1::text",

    [LL_SQL_RAISE_CONTROL] = "UPDATE @leaselock_control SET floor = greatest(floor, $1::bigint) WHERE id = 1"
                             " RETURNING floor, " DURABLE,
    /* The next rows after $1 in byte order; in pages, so that no row is locked for long. */
    [LL_SQL_RAISE_ROWS] =
        "WITH page AS MATERIALIZED (SELECT f.resource FROM @leaselock_leases AS f"
        "   WHERE f.resource > $1::text AND f.floor < $2::bigint ORDER BY f.resource LIMIT $3::int FOR NO KEY UPDATE),"
        " raised AS (UPDATE @leaselock_leases AS l SET floor = $2::bigint FROM page"
        "   WHERE l.resource = page.resource RETURNING " DURABLE ")"
        " SELECT max(page.resource), count(*), (SELECT count(*) FROM raised) FROM page",
};

char *ll_pg_qualify(const char *sql, const char *schema)
{
    size_t length = strlen(sql), schema_length = strlen(schema);
    for (const char *at = sql; (at = strchr(at, '@')); at++)
        length += schema_length;
    char *qualified = ll_alloc(length + 1);
    if (!qualified)
        return NULL;
    char *to = qualified;
    for (; *sql; sql++) {
        if (*sql != '@') {
            *to++ = *sql;
            continue;
        }
        memcpy(to, schema, schema_length);
        to += schema_length;
        *to++ = '.';
    }
    return qualified;
}

char *ll_pg_quote(const char *name)
{
    char *quoted = ll_alloc(2 * strlen(name) + 3);
    if (!quoted)
        return NULL;
    char *to = quoted;
    *to++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *to++ = '"';
        *to++ = *name;
    }
    *to = '"';
    return quoted;
}

char *ll_pg_table(const char *schema, const char *table)
{
    char *quoted = ll_pg_quote(table);
    char *name = quoted ? ll_format("%s.%s", schema, quoted) : NULL;
    ll_free(quoted);
    return name;
}

leaselock_status ll_pg_make_statements(const char *schema, char *sql[LL_PG_STATEMENTS])
{
    for (int id = LL_SQL_TEXT + 1; id < LL_PG_STATEMENTS; id++) {
        sql[id] = ll_pg_qualify(templates[id], schema);
        if (!sql[id])
            return LEASELOCK_NOMEM;
    }
    return LEASELOCK_OK;
}

void ll_pg_free_statements(char *sql[LL_PG_STATEMENTS])
{
    for (int id = 0; id < LL_PG_STATEMENTS; id++)
        ll_free(sql[id]);
}
