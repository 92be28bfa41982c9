/*
 * A handle that a program lends to its migrations. SQLite tells nobody which handlers a handle has, so none is replaced
 * that there is a way around: busy answers are waited out here, and statements are looked at before they run. Only the
 * progress handler is needed, while a script runs (migrate_run.c).
 */
#include "engines/sqlite/sqlite.h"
#include "util/error.h"

bool ll_sqlite_is_borrowed(const leaselock_connection *connection)
{
    return connection->migrating && connection->migrating->borrowed;
}

leaselock_status ll_sqlite_check_idle(leaselock_connection *connection)
{
    if (connection->migrating->inside)
        return LEASELOCK_OK;
    if (!sqlite3_get_autocommit(connection->db))
        return ll_error_set(LEASELOCK_INVALID, "the borrowed connection is in a transaction: end it first");
    if (sqlite3_txn_state(connection->db, NULL) != SQLITE_TXN_NONE)
        return ll_error_set(LEASELOCK_INVALID,
                            "a statement of the borrowed connection is in progress: reset or finalize it first");
    return LEASELOCK_OK;
}

leaselock_status ll_sqlite_borrow(leaselock_connection *connection, sqlite3 *db)
{
    ll_sqlite_migrating *migrating = connection->migrating;
    const char *path = sqlite3_db_filename(db, "main");
    leaselock_status status = LEASELOCK_OK;
    connection->db = db;
    migrating->nowhere.path = ":memory:";
    if (path && path[0])
        status = ll_sqlite_file_enter(path, &connection->file);
    else
        connection->file = &migrating->nowhere;
    if (status == LEASELOCK_OK && path && path[0])
        ll_sqlite_file_opened(connection->file);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_idle(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_execute(connection, "PRAGMA schema_version", "read the database");
    return status;
}

bool ll_sqlite_try_again(leaselock_connection *connection, int result, int *round)
{
    if ((result & 0xff) != SQLITE_BUSY || !ll_sqlite_is_borrowed(connection) || connection->gave_up != LEASELOCK_OK)
        return false;
    if (sqlite3_extended_errcode(connection->db) == SQLITE_BUSY_SNAPSHOT) /* time does not help */
        return false;
    connection->gave_up = ll_sqlite_pause(connection, (*round)++);
    return connection->gave_up == LEASELOCK_OK;
}

void ll_sqlite_give_back(leaselock_connection *connection)
{
    ll_sqlite_migrating *migrating = connection->migrating;
    if (!migrating->borrowed || !migrating->keys_changed)
        return;
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_ENABLE_FKEY, migrating->foreign_keys, NULL);
    migrating->keys_changed = false;
}
