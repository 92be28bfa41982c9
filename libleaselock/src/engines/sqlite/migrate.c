/* What the migration runner needs of a SQLite database: the version table and its transactions. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engines/sqlite/script.h"
#include "engines/sqlite/sqlite.h"
#include "util/error.h"
#include "util/text.h"

leaselock_status ll_sqlite_execute(leaselock_connection *connection, const char *sql, const char *doing)
{
    int result, round = 0;
    do
        result = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    while (ll_sqlite_try_again(connection, result, &round));
    if (result == SQLITE_OK)
        return LEASELOCK_OK;
    if (ll_sqlite_is_taken(connection, result))
        return ll_error_set_native(LEASELOCK_FOREIGN_TABLES, result, "%s: cannot %s: %s", connection->file->path, doing,
                                   sqlite3_errmsg(connection->db));
    return ll_sqlite_fail(connection, result, doing);
}

bool ll_sqlite_is_taken(leaselock_connection *connection, int result)
{
    const char *message = sqlite3_errmsg(connection->db);
    return (result & 0xff) == SQLITE_ERROR &&
           (strstr(message, "already exists") || strstr(message, "there is already"));
}

/* The format has one place, for the table's name as it is. */
static leaselock_status execute_on(leaselock_connection *connection, const char *table, const char *format,
                                   const char *doing)
{
    char *sql = sqlite3_mprintf(format, table);
    leaselock_status status = sql ? ll_sqlite_execute(connection, sql, doing)
                                  : ll_error_set(LEASELOCK_NOMEM, "out of memory");
    sqlite3_free(sql);
    return status;
}

/* A name without its quotes, if it has some. */
static void plain_name(const char *table, char *name, size_t size)
{
    bool quoted = table[0] && strchr("\"`[", table[0]);
    ll_text_copy(name, size, table + quoted);
    size_t length = strlen(name);
    if (quoted && length > 0)
        name[length - 1] = '\0';
}

static bool has_type(sqlite3 *db, const char *table, const char *column, const char *part)
{
    const char *type = NULL;
    int result = sqlite3_table_column_metadata(db, "main", table, column, &type, NULL, NULL, NULL, NULL);
    return result == SQLITE_OK && type && strcasestr(type, part);
}

/* As of the last statement that was run. */
static bool has_columns(sqlite3 *db, const char *table)
{
    return has_type(db, table, "version", "int") && has_type(db, table, "dirty", "bool");
}

/* The statement at its first row, if it has one; `name` is its parameter, NULL where it has none. */
static int first_row(leaselock_connection *connection, const char *sql, const char *name, sqlite3_stmt **out)
{
    *out = NULL;
    for (int round = 0;;) {
        /* preparing also makes SQLite look at the schema, which may have to wait */
        int result = sqlite3_prepare_v2(connection->db, sql, -1, out, NULL);
        if (result == SQLITE_OK && name)
            result = sqlite3_bind_text(*out, 1, name, -1, SQLITE_STATIC);
        if (result == SQLITE_OK)
            result = sqlite3_step(*out);
        if (!ll_sqlite_try_again(connection, result, &round))
            return result;
        sqlite3_finalize(*out);
        *out = NULL;
    }
}

/* What there is of that name: golang-migrate's table, somebody else's, or nothing. */
static leaselock_status look(leaselock_connection *connection, const char *table, leaselock_version_row *row,
                             bool *found)
{
    *row = (leaselock_version_row){.kind = LEASELOCK_VERSION_NONE, .version = -1};
    sqlite3_stmt *statement;
    int result = first_row(connection, "SELECT type FROM main.sqlite_master WHERE name = ?1 COLLATE NOCASE", table,
                           &statement);
    *found = result == SQLITE_ROW;
    const char *type = *found ? (const char *)sqlite3_column_text(statement, 0) : "";
    if (*found && strcmp(type, "table") != 0) {
        row->kind = LEASELOCK_VERSION_FOREIGN;
        snprintf(row->detail, sizeof row->detail, "it is a%s %s", strchr("aeiou", type[0]) ? "n" : "", type);
    }
    sqlite3_finalize(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return ll_sqlite_fail(connection, result, "read the schema");
    if (*found && row->kind != LEASELOCK_VERSION_FOREIGN && !has_columns(connection->db, table)) {
        row->kind = LEASELOCK_VERSION_FOREIGN;
        ll_text_copy(row->detail, sizeof row->detail,
                     "it has no columns \"version\", a whole number, and \"dirty\", a boolean");
    }
    return LEASELOCK_OK;
}

/* As Go's strconv.ParseBool: golang-migrate's driver reads texts, too. */
static bool read_boolean(sqlite3_stmt *statement, int column, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    int type = sqlite3_column_type(statement, column);
    const char *text = (const char *)sqlite3_column_text(statement, column);
    for (size_t i = 0; text && (type == SQLITE_INTEGER || type == SQLITE_TEXT) && i < 6; i++)
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return true;
        }
    return false;
}

static void read_values(sqlite3_stmt *statement, leaselock_version_row *row)
{
    row->kind = LEASELOCK_VERSION_UNREADABLE;
    if (sqlite3_column_type(statement, 0) != SQLITE_INTEGER)
        ll_text_copy(row->detail, sizeof row->detail, "its version is no whole number");
    else if (sqlite3_column_int64(statement, 0) < -1)
        ll_text_copy(row->detail, sizeof row->detail, "its version is below -1");
    else if (!read_boolean(statement, 1, &row->dirty))
        ll_text_copy(row->detail, sizeof row->detail, "its \"dirty\" is neither true nor false");
    else
        row->kind = LEASELOCK_VERSION_ROW;
    row->version = sqlite3_column_int64(statement, 0);
}

/* SQLITE_DONE where there is a table with these columns. */
static int read_row(leaselock_connection *connection, const char *table, leaselock_version_row *row)
{
    *row = (leaselock_version_row){.kind = LEASELOCK_VERSION_NONE, .version = -1};
    char *sql = sqlite3_mprintf("SELECT version, dirty FROM main.%s LIMIT 2", table);
    sqlite3_stmt *statement = NULL;
    int result = sql ? first_row(connection, sql, NULL, &statement) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (result == SQLITE_ROW) {
        read_values(statement, row);
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            row->kind = LEASELOCK_VERSION_MANY;
            result = SQLITE_DONE;
        }
    }
    sqlite3_finalize(statement);
    return result;
}

/* Nearly always it is golang-migrate's, and one statement is enough; else the schema is asked what there is. */
static leaselock_status read_version(leaselock_connection *connection, const leaselock_version_table *table,
                                     const leaselock_call *call, leaselock_version_row *row)
{
    char name[128];
    bool found;
    plain_name(table->name, name, sizeof name);
    ll_sqlite_enter(connection, call);
    leaselock_status status = ll_sqlite_refresh(connection);
    if (status != LEASELOCK_OK)
        return status;
    int result = read_row(connection, table->name, row);
    if (result == SQLITE_DONE && has_columns(connection->db, name))
        return LEASELOCK_OK;
    if (result == SQLITE_DONE || (result & 0xff) == SQLITE_ERROR) {
        status = look(connection, name, row, &found);
        if (status != LEASELOCK_OK || !found || row->kind == LEASELOCK_VERSION_FOREIGN)
            return status;
        result = read_row(connection, table->name, row); /* somebody has just made it */
    }
    return result == SQLITE_DONE ? LEASELOCK_OK : ll_sqlite_fail(connection, result, "read the version");
}

static leaselock_status examine(leaselock_connection *connection, leaselock_script *script)
{
    return ll_script_examine(script, connection->migrating && connection->migrating->unwrapped);
}

static leaselock_status begin(leaselock_connection *connection, const leaselock_script *script,
                              const leaselock_call *call)
{
    ll_sqlite_enter(connection, call);
    if (!connection->migrating)
        return ll_sqlite_begin(connection, true);
    leaselock_status status = ll_sqlite_refresh(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    /* foreign_keys can be switched outside of a transaction only */
    if (status == LEASELOCK_OK && script && script->check_foreign_keys)
        status = ll_sqlite_switch_keys_off(connection);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_execute(connection, "BEGIN IMMEDIATE", "take the write lock");
    connection->migrating->inside = status == LEASELOCK_OK;
    return status;
}

static bool table_exists(leaselock_connection *connection, const char *table)
{
    char name[128];
    plain_name(table, name, sizeof name);
    return sqlite3_table_column_metadata(connection->db, "main", name, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* golang-migrate's table, to the letter: its statements stay readable in sqlite_master. */
static leaselock_status create_missing(leaselock_connection *connection, const leaselock_version_table *table)
{
    leaselock_status status = execute_on(connection, table->name,
                                         "CREATE TABLE IF NOT EXISTS main.%s (version uint64,dirty bool)",
                                         "create the version table");
    if (status != LEASELOCK_OK)
        return status;
    char *sql = sqlite3_mprintf("CREATE UNIQUE INDEX IF NOT EXISTS main.%s ON %s (version)", table->index, table->name);
    status = sql ? ll_sqlite_execute(connection, sql, "create the version table's index")
                 : ll_error_set(LEASELOCK_NOMEM, "out of memory");
    sqlite3_free(sql);
    return status;
}

/* Asked twice for each migration: like golang-migrate, it looks for the index only once. */
static leaselock_status create_table(leaselock_connection *connection, const leaselock_version_table *table)
{
    ll_sqlite_migrating *migrating = connection->migrating;
    if (migrating && migrating->table_made && table_exists(connection, table->name))
        return LEASELOCK_OK;
    leaselock_status status = create_missing(connection, table);
    if (migrating)
        migrating->table_made = status == LEASELOCK_OK;
    return status;
}

/* The body may have dropped the table. */
static leaselock_status write_version(leaselock_connection *connection, const leaselock_version_table *table,
                                      int64_t version, bool dirty)
{
    leaselock_status status = create_table(connection, table);
    if (status == LEASELOCK_OK)
        status = execute_on(connection, table->name, "DELETE FROM main.%s", "write the version");
    if (status != LEASELOCK_OK || (version == -1 && !dirty))
        return status;
    char *sql = sqlite3_mprintf("INSERT INTO main.%s (version, dirty) VALUES (%lld, %d)", table->name,
                                (long long)version, dirty);
    status =
        sql ? ll_sqlite_execute(connection, sql, "write the version") : ll_error_set(LEASELOCK_NOMEM, "out of memory");
    sqlite3_free(sql);
    return status;
}

static leaselock_status commit(leaselock_connection *connection, const leaselock_call *call)
{
    ll_sqlite_enter(connection, call);
    if (!connection->migrating)
        return ll_sqlite_commit(connection);
    int result, round = 0;
    do
        result = sqlite3_exec(connection->db, "COMMIT", NULL, NULL, NULL);
    while (ll_sqlite_try_again(connection, result, &round));
    connection->migrating->inside = result != SQLITE_OK;
    if ((result & 0xff) == SQLITE_CONSTRAINT) /* deferred foreign keys */
        return ll_error_set_native(LEASELOCK_MIGRATION_FAILED, result, "%s: cannot commit the migration: %s",
                                   connection->file->path, sqlite3_errmsg(connection->db));
    return result == SQLITE_OK ? LEASELOCK_OK : ll_sqlite_fail(connection, result, "commit");
}

void ll_sqlite_end_transaction(leaselock_connection *connection)
{
    if (!sqlite3_get_autocommit(connection->db))
        sqlite3_exec(connection->db, "ROLLBACK", NULL, NULL, NULL);
    connection->migrating->unended = !sqlite3_get_autocommit(connection->db);
}

static void rollback(leaselock_connection *connection)
{
    if (!connection->migrating) {
        ll_sqlite_rollback(connection);
        return;
    }
    bool is_ours = connection->migrating->inside || !ll_sqlite_is_borrowed(connection);
    if (is_ours)
        ll_sqlite_end_transaction(connection);
    if (connection->migrating->inside)
        connection->migrating->table_made = false;
    connection->migrating->inside = false;
    ll_sqlite_give_back(connection);
}

const leaselock_migration_slots ll_sqlite_migrations = {
    .open = ll_sqlite_open_migrations,
    .settings = ll_sqlite_migration_settings,
    .read_version = read_version,
    .examine = examine,
    .begin = begin,
    .create_table = create_table,
    .run = ll_sqlite_run_script,
    .write_version = write_version,
    .commit = commit,
    .rollback = rollback,
    .drop = ll_sqlite_drop,
};
