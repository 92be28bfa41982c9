/*
 * Numbers that never come twice. A block of them is put on the disk (synchronous=FULL) before any of it is handed out
 * by commits that are not synced; after a power loss numbers go on above the block. Synced grants would be 10 times
 * slower.
 */
#include "engines/sqlite/sqlite.h"
#include "util/error.h"

static leaselock_status run(leaselock_connection *connection, ll_sqlite_statement_id id, const char *doing)
{
    sqlite3_stmt *statement = ll_sqlite_statement(connection, id);
    if (!statement)
        return leaselock_error_last()->code;
    int result = ll_sqlite_run(statement);
    ll_sqlite_note_fault(connection, result);
    return result == SQLITE_OK ? LEASELOCK_OK : ll_sqlite_fail(connection, result, doing);
}

/* It can be changed outside of a transaction only, and silently is not inside. */
leaselock_status ll_sqlite_set_durable(leaselock_connection *connection, bool durable)
{
    return durable ? run(connection, LL_SQL_SYNCHRONOUS_FULL, "sync every commit")
                   : run(connection, LL_SQL_SYNCHRONOUS_NORMAL, "sync blocks only");
}

leaselock_status ll_sqlite_begin(leaselock_connection *connection, bool durable)
{
    leaselock_status status = durable ? ll_sqlite_set_durable(connection, true) : LEASELOCK_OK;
    if (status == LEASELOCK_OK)
        status = run(connection, LL_SQL_BEGIN, "take the write lock");
    if (status != LEASELOCK_OK)
        ll_sqlite_rollback(connection);
    return status;
}

leaselock_status ll_sqlite_commit(leaselock_connection *connection)
{
    return run(connection, LL_SQL_COMMIT, "commit");
}

void ll_sqlite_rollback(leaselock_connection *connection)
{
    leaselock_error failure;
    ll_error_save(&failure);
    if (!sqlite3_get_autocommit(connection->db))
        (void)run(connection, LL_SQL_ROLLBACK, "roll back");
    (void)ll_sqlite_set_durable(connection, false);
    ll_error_restore(&failure);
}

leaselock_status ll_sqlite_enter_clean(leaselock_connection *connection, const leaselock_call *call)
{
    ll_sqlite_enter(connection, call);
    if (sqlite3_get_autocommit(connection->db))
        return LEASELOCK_OK;
    /* A rollback failed, for want of memory. What is granted inside it would be undone with it. */
    ll_sqlite_rollback(connection);
    if (sqlite3_get_autocommit(connection->db))
        return LEASELOCK_OK;
    return ll_error_set(LEASELOCK_NOMEM, "%s: no memory to end a transaction", connection->file->path);
}

void ll_sqlite_cover(leaselock_connection *connection, int64_t ceiling)
{
    connection->covered = ceiling;
}

leaselock_status ll_sqlite_no_block(leaselock_connection *connection)
{
    sqlite3_stmt *control = ll_sqlite_statement(connection, LL_SQL_CONTROL);
    if (!control)
        return leaselock_error_last()->code;
    int result = sqlite3_step(control);
    if (result != SQLITE_ROW)
        return ll_sqlite_statement_fail(connection, control, result == SQLITE_DONE ? SQLITE_CORRUPT : result,
                                        "read leaselock_control");
    bool exhausted = sqlite3_column_int64(control, 0) > LL_SQLITE_LAST_BLOCK ||
                     sqlite3_column_int64(control, 1) > LL_SQLITE_LAST_BLOCK;
    sqlite3_reset(control);
    if (exhausted)
        return ll_error_set(LEASELOCK_EXHAUSTED, "%s: no sequence is left", connection->file->path);
    return ll_error_set(LEASELOCK_CLOCK, "%s is in use under another boot of a machine: one file serves one host",
                        connection->file->path);
}

/* Runs one of the two statements that raise, with what both are given, and reads the numbers of its row. */
static leaselock_status raise_by(leaselock_connection *connection, ll_sqlite_statement_id sql, int64_t number,
                                 const char *doing, int64_t *numbers, int count)
{
    sqlite3_stmt *statement = ll_sqlite_statement(connection, sql);
    if (!statement)
        return leaselock_error_last()->code;
    sqlite3_bind_int64(statement, 1, number);
    sqlite3_bind_int64(statement, 2, LL_SQLITE_BLOCK);
    sqlite3_bind_int64(statement, 3, connection->boot);
    sqlite3_bind_int64(statement, 4, LL_SQLITE_LAST_BLOCK);
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        sqlite3_reset(statement);
        return ll_sqlite_no_block(connection);
    }
    if (result != SQLITE_ROW)
        return ll_sqlite_statement_fail(connection, statement, result, doing);
    for (int i = 0; i < count; i++)
        numbers[i] = sqlite3_column_int64(statement, i);
    result = sqlite3_step(statement); /* to the end: an error may still come */
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? LEASELOCK_OK : ll_sqlite_fail(connection, result, doing);
}

leaselock_status ll_sqlite_raise_ceiling(leaselock_connection *connection, int64_t needed, int64_t *ceiling)
{
    if (needed > LL_SQLITE_LAST_BLOCK)
        return ll_error_set(LEASELOCK_EXHAUSTED, "%s: no sequence is left", connection->file->path);
    return raise_by(connection, LL_SQL_RAISE_CEILING, needed + LL_SQLITE_BLOCK, "reserve sequences", ceiling, 1);
}

/* Inside a durable transaction. */
static leaselock_status raise_floor(leaselock_connection *connection, int64_t floor, int64_t *out, int64_t *ceiling)
{
    if (floor > LL_SQLITE_LAST_BLOCK)
        return ll_error_set(LEASELOCK_EXHAUSTED, "%s: no sequence would be left", connection->file->path);
    int64_t numbers[2];
    leaselock_status status = raise_by(connection, LL_SQL_RAISE_FLOOR, floor, "raise the floor", numbers, 2);
    if (status == LEASELOCK_OK) {
        *out = numbers[0];
        *ceiling = numbers[1];
    }
    return status;
}

leaselock_status ll_sqlite_raise_floor(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                       int64_t *out)
{
    int64_t in_force = 0, ceiling = 0;
    leaselock_status status = ll_sqlite_enter_clean(connection, call);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_recover(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_begin(connection, true);
    if (status == LEASELOCK_OK)
        status = raise_floor(connection, floor, &in_force, &ceiling);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_commit(connection);
    ll_sqlite_rollback(connection);
    if (status == LEASELOCK_OK) {
        ll_sqlite_cover(connection, ceiling);
        *out = in_force;
    }
    return status;
}
