#include "engines/sqlite/statements.h"

#include "engines/sqlite/sqlite.h"
#include "util/clock.h"
#include "util/error.h"

#define LISTED "resource, client, sequence, ttl_ms, deadline_ms, expires_at_ms, released"

static const char *const sql[LL_SQLITE_STATEMENTS] = {
    [LL_SQL_LOOK] = "SELECT client, sequence, acquisition, ttl_ms, deadline_ms, expires_at_ms, released"
                    "  FROM leaselock_leases WHERE resource = ?1",

    /*
     * One row changes, or none: it is held, this acquisition was there before, or the number would not be covered (?5).
     * The clock is read here, under the write lock, and the number is drawn from the row that was won. ll_draw() tells
     * us the number: RETURNING would build a table for it, and made the statement a quarter slower.
     */
    [LL_SQL_GRANT] =
        "INSERT INTO leaselock_leases"
        " (resource, client, sequence, acquisition, ttl_ms, deadline_ms, boot, expires_at_ms, released)"
        " SELECT ?1, ?2, ll_draw(floor + 1), ?3, ?4, ll_boot_now() + ?4, boot, ll_wall_now() + ?4, 0"
        "   FROM leaselock_control WHERE id = 1 AND boot = ?6 AND floor < ?5"
        " ON CONFLICT (resource) DO UPDATE SET"
        "   client = excluded.client, sequence = ll_draw(max(leaselock_leases.sequence, excluded.sequence - 1) + 1),"
        "   acquisition = excluded.acquisition, ttl_ms = excluded.ttl_ms, deadline_ms = excluded.deadline_ms,"
        "   boot = excluded.boot, expires_at_ms = excluded.expires_at_ms, released = 0"
        " WHERE (released OR leaselock_leases.deadline_ms <= ll_boot_now())"
        "   AND leaselock_leases.acquisition <> ?3 AND leaselock_leases.sequence < ?5",

    [LL_SQL_RENEW] =
        "UPDATE leaselock_leases SET deadline_ms = max(deadline_ms, ll_boot_now() + ttl_ms),"
        "   expires_at_ms = ll_wall_now() + max(deadline_ms - ll_boot_now(), ttl_ms)"
        " WHERE resource = ?1 AND client = ?2 AND acquisition = ?3 AND sequence = ?4 AND NOT released"
        " RETURNING ttl_ms, deadline_ms - ll_boot_now(), expires_at_ms",

    [LL_SQL_RELEASE] = "UPDATE leaselock_leases SET released = 1"
                       " WHERE resource = ?1 AND client = ?2 AND acquisition = ?3 AND sequence = ?4 AND NOT released",

    [LL_SQL_LIST_ALL] = "SELECT " LISTED " FROM leaselock_leases ORDER BY resource",
    [LL_SQL_LIST_ONE] = "SELECT " LISTED " FROM leaselock_leases WHERE resource = ?1",

    [LL_SQL_CONTROL] = "SELECT floor, ceiling, boot, boot_id FROM leaselock_control WHERE id = 1",

    /* Always changes a byte, since a commit that changes none does not reach the disk. */
    [LL_SQL_RAISE_CEILING] = "UPDATE leaselock_control SET ceiling = max(ceiling + 1, ?1, floor + ?2)"
                             " WHERE id = 1 AND boot = ?3 AND max(floor, ceiling) <= ?4 RETURNING ceiling",

    [LL_SQL_RAISE_FLOOR] = "UPDATE leaselock_control SET floor = max(floor, ?1), ceiling = max(ceiling + 1, ?1 + ?2)"
                           " WHERE id = 1 AND boot = ?3 AND max(floor, ceiling) <= ?4 RETURNING floor, ceiling",

    /* What was granted under another boot keeps what its wall clock says is left, and never more than its ttl. */
    [LL_SQL_NEW_BOOT_LEASES] = "UPDATE leaselock_leases SET boot = ?1,"
                               "   deadline_ms = ll_boot_now() + min(max(expires_at_ms - ll_wall_now(), 0), ttl_ms)",

    /* A power loss can have taken commits, but never the ceiling: nothing at or below it was surely not handed out. */
    [LL_SQL_NEW_BOOT_CONTROL] = "UPDATE leaselock_control"
                                "   SET floor = ceiling, ceiling = ceiling + ?2, boot = boot + 1, boot_id = ?1"
                                " WHERE id = 1 AND max(floor, ceiling) <= ?3 RETURNING ceiling, boot",

    [LL_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [LL_SQL_COMMIT] = "COMMIT",
    [LL_SQL_ROLLBACK] = "ROLLBACK",
    [LL_SQL_SYNCHRONOUS_FULL] = "PRAGMA synchronous = FULL",
    [LL_SQL_SYNCHRONOUS_NORMAL] = "PRAGMA synchronous = NORMAL",
};

/* Ends the statement; ll_sqlite_fail() then answers CLOCK. */
static void fail_clock(sqlite3_context *context, const char *which)
{
    leaselock_connection *connection = sqlite3_user_data(context);
    connection->gave_up =
        ll_error_set(LEASELOCK_CLOCK, "%s: the %s clock cannot be read", connection->file->path, which);
    sqlite3_result_error(context, "no clock", -1);
}

/* One reading per statement, so that all of it agrees on the time. */
static void boot_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    leaselock_connection *connection = sqlite3_user_data(context);
    if (connection->now_ms == 0) {
        int64_t now = ll_clock_boot();
        if (now == LL_CLOCK_BROKEN) {
            fail_clock(context, "boot");
            return;
        }
        connection->now_ms = now - connection->boot_offset_ms;
    }
    sqlite3_result_int64(context, connection->now_ms);
}

static void wall_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    leaselock_connection *connection = sqlite3_user_data(context);
    connection->wall_ms = ll_clock_wall();
    if (connection->wall_ms == LL_CLOCK_BROKEN)
        fail_clock(context, "wall");
    else
        sqlite3_result_int64(context, connection->wall_ms);
}

/* Its own argument, which it remembers. */
static void draw(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    leaselock_connection *connection = sqlite3_user_data(context);
    connection->drawn = sqlite3_value_int64(values[0]);
    sqlite3_result_int64(context, connection->drawn);
}

int ll_sqlite_create_functions(leaselock_connection *connection)
{
    static const struct {
        const char *name;
        int arguments;
        void (*function)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"ll_boot_now", 0, boot_now}, {"ll_wall_now", 0, wall_now}, {"ll_draw", 1, draw}};
    int result = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && result == SQLITE_OK; i++)
        result = sqlite3_create_function(connection->db, functions[i].name, functions[i].arguments,
                                         SQLITE_UTF8 | SQLITE_DIRECTONLY, connection, functions[i].function, NULL,
                                         NULL);
    return result;
}

sqlite3_stmt *ll_sqlite_statement(leaselock_connection *connection, ll_sqlite_statement_id id)
{
    connection->now_ms = 0;
    sqlite3_stmt **statement = &connection->statements[id];
    if (*statement)
        return *statement;
    int result = sqlite3_prepare_v3(connection->db, sql[id], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (result != SQLITE_OK)
        ll_sqlite_fail(connection, result, "prepare a statement");
    return *statement;
}

void ll_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

int ll_sqlite_run(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

leaselock_status ll_sqlite_statement_fail(leaselock_connection *connection, sqlite3_stmt *statement, int result,
                                          const char *doing)
{
    leaselock_status status = ll_sqlite_fail(connection, result, doing);
    sqlite3_reset(statement);
    return status;
}

void ll_sqlite_finalize(leaselock_connection *connection)
{
    for (size_t i = 0; i < LL_SQLITE_STATEMENTS; i++)
        sqlite3_finalize(connection->statements[i]);
}
