/* What SQLite says, in our codes. */
#include <errno.h>
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "util/error.h"

static leaselock_status status_of_errno(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
        return LEASELOCK_PERMISSION;
    case EROFS:
        return LEASELOCK_READ_ONLY;
    case ENOENT:
    case ENOTDIR:
        return LEASELOCK_NOT_FOUND;
    case EISDIR:
        return LEASELOCK_DIRECTORY;
    case ENOSPC:
    case EDQUOT:
        return LEASELOCK_FULL;
    default:
        return LEASELOCK_IO;
    }
}

/* SQLITE_ROW: they are there, whatever they are. SQLITE_DONE: they are not. Else nobody can tell, and why. */
static int look_for_tables(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db,
                                    "SELECT 1 WHERE (SELECT count(*) FROM main.sqlite_master WHERE name COLLATE NOCASE"
                                    " IN ('leaselock_leases', 'leaselock_control')) = 2",
                                    -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return result;
}

/* What is called as ours is and is not ours is another failure than nothing at all. */
static leaselock_status status_of_error(sqlite3 *db)
{
    int found = look_for_tables(db);
    if (found == SQLITE_DONE)
        return LEASELOCK_NO_TABLES;
    return found == SQLITE_ROW || (found & 0xff) == SQLITE_ERROR ? LEASELOCK_INTERNAL : ll_sqlite_status_of(db, found);
}

leaselock_status ll_sqlite_status_of(sqlite3 *db, int result)
{
    switch (result) { /* extended results first */
    case SQLITE_READONLY_DBMOVED:
        return LEASELOCK_MOVED;
    case SQLITE_READONLY_DIRECTORY:
        return LEASELOCK_PERMISSION;
    case SQLITE_IOERR_NOMEM:
        return LEASELOCK_NOMEM;
    default:
        break;
    }
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return LEASELOCK_UNAVAILABLE;
    case SQLITE_NOMEM:
        return LEASELOCK_NOMEM;
    case SQLITE_READONLY:
        return LEASELOCK_READ_ONLY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return LEASELOCK_PERMISSION;
    case SQLITE_IOERR:
        return LEASELOCK_IO;
    case SQLITE_FULL:
        return LEASELOCK_FULL;
    case SQLITE_CORRUPT:
        return LEASELOCK_CORRUPT;
    case SQLITE_NOTADB:
        return LEASELOCK_NOT_A_DATABASE;
    case SQLITE_CANTOPEN:
        return status_of_errno(db ? sqlite3_system_errno(db) : EIO);
    case SQLITE_ERROR:
        return db ? status_of_error(db) : LEASELOCK_INTERNAL;
    default:
        return LEASELOCK_INTERNAL;
    }
}

leaselock_status ll_sqlite_fail(leaselock_connection *connection, int result, const char *doing)
{
    int extended = sqlite3_extended_errcode(connection->db);
    if ((extended & 0xff) == result) /* who lends a handle need not have asked for them */
        result = extended;
    bool is_busy = (result & 0xff) == SQLITE_BUSY;
    if (connection->gave_up == LEASELOCK_CLOCK || (is_busy && connection->gave_up != LEASELOCK_OK))
        return connection->gave_up; /* the record says why the clock or the busy handler stopped */
    /* the text is SQLite's buffer, which looking for the tables overwrites */
    char text[256];
    sqlite3_snprintf(sizeof text, text, "%s", sqlite3_errmsg(connection->db));
    leaselock_status status = ll_sqlite_status_of(connection->db, result);
    if (status == LEASELOCK_UNAVAILABLE && connection->gave_up != LEASELOCK_OK)
        return connection->gave_up; /* so it did while the tables were looked for */
    if (status == LEASELOCK_NO_TABLES && connection->migrating) /* a user's own database has none of ours */
        status = LEASELOCK_INTERNAL;
    return ll_error_set_native(status, result, "%s: cannot %s: %s", connection->file->path, doing, text);
}
