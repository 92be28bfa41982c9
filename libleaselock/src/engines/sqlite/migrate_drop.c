/* Dropping everything that migrations made. */
#include "engines/sqlite/sqlite.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

/*
 * The next thing to drop: views first, which may refer to anything; virtual tables next, since their shadow tables go
 * with them. Tables of leases stay, and SQLite's own cannot be dropped.
 */
#define NEXT                                                                                             \
    "SELECT type, name FROM main.sqlite_master WHERE type IN ('view', 'table') "                        \
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "                                                       \
    "AND name NOT IN ('leaselock_leases', 'leaselock_control', 'leaselock_migrations') "                \
    "ORDER BY type = 'view' DESC, sql LIKE 'CREATE VIRTUAL%' DESC LIMIT 1"

/* One view or table; *done where there is none left. */
static leaselock_status drop_next(leaselock_connection *connection, bool *done)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(connection->db, NEXT, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    *done = result == SQLITE_DONE;
    char *sql = result == SQLITE_ROW ? sqlite3_mprintf("DROP %s main.\"%w\"", sqlite3_column_text(statement, 0),
                                                       sqlite3_column_text(statement, 1))
                                     : NULL;
    sqlite3_finalize(statement);
    leaselock_status status = LEASELOCK_OK;
    if (sql)
        status = ll_sqlite_execute(connection, sql, "drop a table");
    else if (!*done)
        status = ll_sqlite_fail(connection, result == SQLITE_ROW ? SQLITE_NOMEM : result, "read the schema");
    sqlite3_free(sql);
    return status;
}

static leaselock_status drop_all(leaselock_connection *connection, int64_t *dropped)
{
    leaselock_status status = ll_sqlite_execute(connection, "BEGIN IMMEDIATE", "take the write lock");
    bool done = false;
    for (*dropped = 0; status == LEASELOCK_OK && !done; *dropped += !done)
        status = drop_next(connection, &done);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_execute(connection, "COMMIT", "commit");
    return status;
}

leaselock_status ll_sqlite_drop(leaselock_connection *connection, const leaselock_call *call, int64_t *dropped)
{
    ll_sqlite_enter(connection, call);
    leaselock_status status = ll_sqlite_refresh(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    if (status != LEASELOCK_OK)
        return status;
    /* references must neither forbid a drop nor take rows away */
    status = ll_sqlite_switch_keys_off(connection);
    if (status == LEASELOCK_OK)
        status = drop_all(connection, dropped);
    if (status != LEASELOCK_OK) {
        leaselock_error failure;
        ll_error_save(&failure);
        ll_sqlite_end_transaction(connection);
        ll_sqlite_give_back(connection);
        return ll_error_restore(&failure);
    }
    /* as golang-migrate does: what is gone should not stay in the file */
    if (*dropped > 0 && sqlite3_exec(connection->db, "VACUUM", NULL, NULL, NULL) != SQLITE_OK)
        ll_log(LEASELOCK_LOG_WARNING, "sqlite", "%s: cannot vacuum: %s", connection->file->path,
               sqlite3_errmsg(connection->db));
    ll_sqlite_give_back(connection);
    return LEASELOCK_OK;
}
