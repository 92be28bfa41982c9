/* What the migration runner needs of a SQLite database. */
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "util/error.h"

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* %w doubles the quotes of an identifier. */
static int prepare(sqlite3 *db, const char *format, const char *table, sqlite3_stmt **statement)
{
    char *sql = sqlite3_mprintf(format, table);
    int result = sql ? sqlite3_prepare_v2(db, sql, -1, statement, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return result;
}

static leaselock_status foreign(leaselock_connection *connection, const char *table, const char *why)
{
    return ll_error_set(LEASELOCK_FOREIGN_TABLES, "%s: the table %s is not ours: %s", connection->file->path, table, why);
}

/* The one row of the table; none counts as no version. */
static leaselock_status read_row(leaselock_connection *connection, const char *table, sqlite3_stmt *statement,
                                 int64_t *version)
{
    int result = sqlite3_step(statement);
    *version = -1;
    if (result == SQLITE_DONE)
        return LEASELOCK_OK;
    if (result != SQLITE_ROW)
        return ll_sqlite_fail(connection, result, "read the version");
    *version = sqlite3_column_int64(statement, 0);
    if (sqlite3_column_int(statement, 1))
        return foreign(connection, table, "it is marked as dirty");
    return sqlite3_step(statement) == SQLITE_ROW ? foreign(connection, table, "it has more than one row")
                                                 : LEASELOCK_OK;
}

static leaselock_status read_version(leaselock_connection *connection, const char *table, const leaselock_call *call,
                                     int64_t *version)
{
    ll_sqlite_enter(connection, call);
    sqlite3_stmt *statement = NULL;
    /* preparing also makes SQLite look at the schema, which may have to wait */
    int result = prepare(connection->db, "SELECT 1 FROM sqlite_master WHERE name = '%q'", table, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE) {
        *version = -1;
        return LEASELOCK_OK;
    }
    if (result != SQLITE_ROW)
        return ll_sqlite_fail(connection, result, "read the schema");
    if (!has_column(connection->db, table, "version") || !has_column(connection->db, table, "dirty"))
        return foreign(connection, table, "it has no columns version and dirty");
    result = prepare(connection->db, "SELECT version, dirty FROM main.\"%w\" LIMIT 2", table, &statement);
    leaselock_status status = result == SQLITE_OK ? read_row(connection, table, statement, version)
                                                  : ll_sqlite_fail(connection, result, "read the version");
    sqlite3_finalize(statement);
    return status;
}

static leaselock_status begin(leaselock_connection *connection, const leaselock_call *call)
{
    ll_sqlite_enter(connection, call);
    return ll_sqlite_begin(connection, true);
}

static leaselock_status run(leaselock_connection *connection, const char *sql)
{
    int result = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    if (result == SQLITE_OK)
        return LEASELOCK_OK;
    const char *message = sqlite3_errmsg(connection->db);
    if (result == SQLITE_ERROR && (strstr(message, "already exists") || strstr(message, "there is already")))
        return ll_error_set_native(LEASELOCK_FOREIGN_TABLES, result, "%s: %s, and is not ours", connection->file->path,
                                   message);
    return ll_sqlite_fail(connection, result, "apply a migration");
}

/* golang-migrate's table, to the letter; its one row is replaced. */
static leaselock_status write_version(leaselock_connection *connection, const char *table, int64_t version)
{
    char *sql = sqlite3_mprintf("CREATE TABLE IF NOT EXISTS \"%w\" (version uint64,dirty bool);"
                                "CREATE UNIQUE INDEX IF NOT EXISTS \"%w_version_unique\" ON \"%w\" (version);"
                                "DELETE FROM \"%w\"; INSERT INTO \"%w\" (version, dirty) VALUES (%lld, 0);",
                                table, table, table, table, table, (long long)version);
    leaselock_status status = sql ? run(connection, sql) : ll_error_set(LEASELOCK_NOMEM, "out of memory");
    sqlite3_free(sql);
    return status;
}

const leaselock_migration_slots ll_sqlite_migrations = {
    .read_version = read_version,
    .begin = begin,
    .run = run,
    .write_version = write_version,
    .commit = ll_sqlite_commit,
    .rollback = ll_sqlite_rollback,
};
