/* Making a connection ready once the tables are there: WAL, the tables' shape, the clock of this boot. */
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "util/error.h"

/* Asks for a journal mode and reads what SQLite made of it. */
static int journal_mode(leaselock_connection *connection, const char *pragma, bool *is_wal)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(connection->db, pragma, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(statement);
    *is_wal = result == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

/* The busy handler is not called while the mode changes, so that 16 first opens at once would fail now and then. */
static leaselock_status switch_to_wal(leaselock_connection *connection)
{
    bool is_wal = false;
    int result = SQLITE_OK;
    for (int round = 0; !is_wal && (result == SQLITE_OK || (result & 0xff) == SQLITE_BUSY); round++) {
        result = journal_mode(connection, "PRAGMA journal_mode = WAL", &is_wal);
        if (result == SQLITE_OK && !is_wal)
            return ll_error_set(LEASELOCK_IO, "%s cannot be switched to write-ahead logging", connection->file->path);
        if ((result & 0xff) != SQLITE_BUSY)
            continue;
        leaselock_status status = connection->gave_up;
        if (status == LEASELOCK_OK)
            status = ll_sqlite_pause(connection, round);
        if (status != LEASELOCK_OK)
            return status;
    }
    return result == SQLITE_OK ? LEASELOCK_OK : ll_sqlite_fail(connection, result, "switch to write-ahead logging");
}

/*
 * In full sync: the switch writes the header of a user's database, and with less its journal might not bring that back.
 */
static leaselock_status ensure_wal(leaselock_connection *connection)
{
    bool is_wal = false;
    int result = journal_mode(connection, "PRAGMA journal_mode", &is_wal);
    if (result != SQLITE_OK)
        return ll_sqlite_fail(connection, result, "read the journal mode");
    if (is_wal)
        return LEASELOCK_OK;
    if (connection->as_it_is)
        return ll_error_set(LEASELOCK_NO_TABLES,
                            "%s: leases need write-ahead logging, and installing is switched off: open it once with "
                            "installing, or run PRAGMA journal_mode = WAL",
                            connection->file->path);
    leaselock_status status = ll_sqlite_set_durable(connection, true);
    if (status == LEASELOCK_OK)
        status = switch_to_wal(connection);
    return status == LEASELOCK_OK ? ll_sqlite_set_durable(connection, false) : status;
}

static leaselock_status foreign_tables(const leaselock_connection *connection)
{
    return ll_error_set(LEASELOCK_FOREIGN_TABLES,
                        "%s has tables called leaselock_leases and leaselock_control that are not ours",
                        connection->file->path);
}

/* A statement that cannot be prepared names a column that is not there: the table is somebody else's. */
static leaselock_status check_tables(leaselock_connection *connection)
{
    static const ll_sqlite_statement_id all_columns[] = {LL_SQL_LOOK, LL_SQL_GRANT, LL_SQL_CONTROL};
    for (size_t i = 0; i < sizeof all_columns / sizeof *all_columns; i++) {
        if (ll_sqlite_statement(connection, all_columns[i]))
            continue;
        leaselock_status status = leaselock_error_last()->code;
        return status == LEASELOCK_INTERNAL ? foreign_tables(connection) : status;
    }
    /* an UPDATE … RETURNING of a view can be prepared, and updates nothing */
    bool is_view = sqlite3_table_column_metadata(connection->db, "main", "leaselock_control", NULL, NULL, NULL, NULL,
                                                 NULL, NULL) != SQLITE_OK;
    return is_view ? foreign_tables(connection) : LEASELOCK_OK;
}

/* Reads which boot the database knows; *is_ours tells whether that is this one. */
static leaselock_status read_boot(leaselock_connection *connection, bool *is_ours)
{
    sqlite3_stmt *statement = ll_sqlite_statement(connection, LL_SQL_CONTROL);
    if (!statement)
        return leaselock_error_last()->code;
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        sqlite3_reset(statement);
        return ll_error_set(LEASELOCK_CORRUPT, "%s: leaselock_control has no row", connection->file->path);
    }
    if (result != SQLITE_ROW)
        return ll_sqlite_statement_fail(connection, statement, result, "read leaselock_control");
    connection->boot = sqlite3_column_int64(statement, 2);
    const char *boot_id = (const char *)sqlite3_column_text(statement, 3);
    *is_ours = boot_id && strcmp(boot_id, connection->boot_id) == 0;
    sqlite3_reset(statement);
    return LEASELOCK_OK;
}

/* The first connection of a boot moves every row to this boot's clock, and the floor above all that was handed out. */
static leaselock_status record_boot(leaselock_connection *connection)
{
    sqlite3_stmt *control = ll_sqlite_statement(connection, LL_SQL_NEW_BOOT_CONTROL);
    if (!control)
        return leaselock_error_last()->code;
    ll_sqlite_bind_text(control, 1, connection->boot_id);
    sqlite3_bind_int64(control, 2, LL_SQLITE_BLOCK);
    sqlite3_bind_int64(control, 3, LL_SQLITE_LAST_BLOCK);
    int result = sqlite3_step(control);
    if (result == SQLITE_DONE) {
        sqlite3_reset(control);
        return ll_sqlite_no_block(connection);
    }
    if (result != SQLITE_ROW)
        return ll_sqlite_statement_fail(connection, control, result, "record this boot");
    int64_t ceiling = sqlite3_column_int64(control, 0);
    connection->boot = sqlite3_column_int64(control, 1);
    result = sqlite3_step(control); /* to the end: an error may still come */
    if (result != SQLITE_DONE)
        return ll_sqlite_statement_fail(connection, control, result, "record this boot");
    sqlite3_reset(control);
    sqlite3_stmt *leases = ll_sqlite_statement(connection, LL_SQL_NEW_BOOT_LEASES);
    if (!leases)
        return leaselock_error_last()->code;
    sqlite3_bind_int64(leases, 1, connection->boot);
    result = ll_sqlite_run(leases);
    if (result != SQLITE_OK)
        return ll_sqlite_fail(connection, result, "move the leases to this boot's clock");
    leaselock_status status = ll_sqlite_commit(connection);
    if (status == LEASELOCK_OK)
        ll_sqlite_cover(connection, ceiling);
    return status;
}

static leaselock_status ensure_boot(leaselock_connection *connection)
{
    bool is_ours;
    leaselock_status status = read_boot(connection, &is_ours);
    if (status != LEASELOCK_OK || is_ours)
        return status;
    status = ll_sqlite_begin(connection, true);
    if (status == LEASELOCK_OK)
        status = read_boot(connection, &is_ours); /* another process may have been faster */
    if (status == LEASELOCK_OK && !is_ours)
        status = record_boot(connection);
    ll_sqlite_rollback(connection);
    return status;
}

leaselock_status ll_sqlite_start(leaselock_connection *connection, const leaselock_call *call)
{
    ll_sqlite_enter(connection, call);
    connection->faults_seen = atomic_load(&connection->file->healed);
    leaselock_status status = check_tables(connection);
    if (status == LEASELOCK_OK)
        status = ensure_wal(connection);
    if (status == LEASELOCK_OK)
        status = ensure_boot(connection);
    return status;
}
