/* Connecting to a user's database for his own migrations: nothing of it is converted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engines/sqlite/sqlite.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"
#include "util/url.h"

/* What golang-migrate, and the two drivers it can be built with, read from a URL. */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(text, *words) == 0)
            return true;
    return false;
}

static leaselock_status read_switch(const char *name, const char *value, bool *out)
{
    static const char *const yes[] = {"1", "t", "true", "yes", "on", NULL};
    static const char *const no[] = {"0", "f", "false", "no", "off", NULL};
    if (!is_one_of(value, yes) && !is_one_of(value, no))
        return ll_error_set(LEASELOCK_INVALID, "%s is true or false", name);
    *out = is_one_of(value, yes);
    return LEASELOCK_OK;
}

static leaselock_status read_wait(const char *name, const char *value, int64_t *out)
{
    char *end;
    errno = 0;
    long long ms = strtoll(value, &end, 10);
    if (end == value || *end || errno || ms < 0)
        return ll_error_set(LEASELOCK_INVALID, "%s is a number of milliseconds", name);
    *out = ms > 0 ? ms : 1;
    return LEASELOCK_OK;
}

static leaselock_status read_keys(const char *name, const char *value, ll_sqlite_migrating *migrating)
{
    if (migrating->borrowed)
        return ll_error_set(LEASELOCK_INVALID, "a borrowed connection has its own foreign_keys: %s cannot be given",
                            name);
    return read_switch(name, value, &migrating->foreign_keys);
}

/* modernc.org's way: _pragma=name(value). */
static leaselock_status read_pragma(const char *text, ll_sqlite_migrating *migrating)
{
    char value[24];
    const char *open = strchr(text, '('), *close = open ? strchr(open, ')') : NULL;
    if (close && !close[1] && (size_t)(close - open) <= sizeof value) {
        ll_text_copy(value, (size_t)(close - open), open + 1);
        if (strncasecmp(text, "foreign_keys(", 13) == 0)
            return read_keys("_pragma=foreign_keys", value, migrating);
        if (strncasecmp(text, "busy_timeout(", 13) == 0)
            return read_wait("_pragma=busy_timeout", value, &migrating->wait_ms);
    }
    return ll_error_set(LEASELOCK_INVALID, "_pragma is foreign_keys(…) or busy_timeout(…) here");
}

/* A plain name, or one in quotes: it goes into statements as it is. */
static leaselock_status read_table(const char *name, char **out)
{
    static const char quotes[] = "\"`[";
    size_t length = strlen(name);
    const char *quote = name[0] ? strchr(quotes, name[0]) : NULL;
    bool good = length > 0 && length < 120 && ll_text_is_utf8(name, length);
    if (quote) {
        char end = *quote == '[' ? ']' : *quote;
        good = good && length > 2 && strchr(name + 1, end) == name + length - 1;
    } else {
        good = good && !strchr("0123456789$", name[0]);
        for (const char *c = name; good && *c; c++)
            good = (unsigned char)*c >= 0x80 || *c == '_' || *c == '$' || (*c >= '0' && *c <= '9') ||
                   (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
    }
    if (!good)
        return ll_error_set(LEASELOCK_INVALID, "the version table needs a plain name, or one in its own quotes");
    ll_free(*out);
    *out = ll_strdup(name);
    return *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

static leaselock_status read_option(const ll_url_option *option, ll_sqlite_migrating *migrating)
{
    static const char *const keys[] = {"_foreign_keys", "_fk", NULL};
    static const char *const waits[] = {"_busy_timeout", "_timeout", NULL};
    /* ours begins as IMMEDIATE whatever it says, and trusts every file system with a user's own data */
    static const char *const without_effect[] = {"_txlock", "any_file_system", NULL};
    const char *name = option->name, *value = option->value;
    if (strcmp(name, "x-migrations-table") == 0)
        return read_table(value, &migrating->table);
    if (strcmp(name, "x-no-tx-wrap") == 0)
        return read_switch(name, value, &migrating->unwrapped);
    if (is_one_of(name, keys))
        return read_keys(name, value, migrating);
    if (is_one_of(name, waits))
        return read_wait(name, value, &migrating->wait_ms);
    if (strcmp(name, "_pragma") == 0)
        return read_pragma(value, migrating);
    if (is_one_of(name, without_effect))
        return LEASELOCK_OK;
    return ll_error_set(LEASELOCK_INVALID, "a sqlite: URL for migrations has no option \"%s\"", name);
}

/*
 * sqlite3://a/b and sqlite://a/b lead to a/b, as golang-migrate has it; a percent sign of sqlite3: is one, unless file:
 * follows.
 */
static leaselock_status parse_url(const char *url, ll_url *out)
{
    const char *path = strchr(url, ':') + 1;
    bool foreign = ll_url_has_scheme(url, "sqlite3");
    path += strncmp(path, "//", 2) == 0 ? 2 : 0;
    bool encoded = !foreign || strncmp(path, "file:", 5) == 0;
    if (foreign && encoded)
        path += 5;
    char *plain = ll_format("sqlite:%s", path);
    if (!plain)
        return LEASELOCK_NOMEM;
    leaselock_status status = ll_url_parse(plain, out);
    ll_free(plain);
    if (status != LEASELOCK_OK || encoded)
        return status;
    ll_free(out->path);
    out->path = ll_format("%.*s", (int)strcspn(path, "?"), path);
    if (out->path)
        return LEASELOCK_OK;
    ll_url_clear(out);
    return LEASELOCK_NOMEM;
}

static leaselock_status set_up(leaselock_connection *connection)
{
    ll_sqlite_install_busy_handler(connection);
    const char *keys = connection->migrating->foreign_keys ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF";
    leaselock_status status = ll_sqlite_execute(connection, keys, "set foreign keys");
    return status == LEASELOCK_OK ? ll_sqlite_execute(connection, "PRAGMA schema_version", "read the database")
                                  : status;
}

leaselock_status ll_sqlite_refresh(leaselock_connection *connection)
{
    ll_sqlite_migrating *migrating = connection->migrating;
    if (ll_sqlite_is_borrowed(connection))
        return ll_sqlite_check_idle(connection);
    if (migrating && migrating->unended)
        ll_sqlite_end_transaction(connection);
    if (migrating && migrating->unended)
        return ll_error_set(LEASELOCK_NOMEM, "%s: no memory to end a transaction", connection->file->path);
    if (!migrating || !sqlite3_get_autocommit(connection->db) || !(migrating->touched || migrating->keys_changed))
        return LEASELOCK_OK;
    if (migrating->touched) {
        leaselock_status status = ll_sqlite_check_file(connection);
        sqlite3 *fresh = NULL;
        if (status == LEASELOCK_OK)
            status = ll_sqlite_connect_plain(connection->file->path, false, &fresh);
        if (status != LEASELOCK_OK)
            return status;
        sqlite3_close(connection->db);
        connection->db = fresh;
    }
    leaselock_status status = set_up(connection);
    if (status == LEASELOCK_OK)
        migrating->touched = migrating->keys_changed = false;
    return status;
}

leaselock_status ll_sqlite_switch_keys_off(leaselock_connection *connection)
{
    ll_sqlite_migrating *migrating = connection->migrating;
    if (migrating->borrowed && !migrating->keys_changed) {
        int keys = 0;
        sqlite3_db_config(connection->db, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &keys);
        migrating->foreign_keys = keys;
    }
    migrating->keys_changed = true;
    return ll_sqlite_execute(connection, "PRAGMA foreign_keys = OFF", "switch foreign keys off");
}

static leaselock_status open_path(const char *url_path, leaselock_connection *connection)
{
    char *path = NULL;
    leaselock_status status =
        strcmp(url_path, ":memory:") == 0
            ? ll_error_set(LEASELOCK_INVALID, "migrations of a database in memory would be lost at once")
            : ll_sqlite_check_path(url_path);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_file_resolve(url_path, true, true, &path);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_file_enter(path, &connection->file);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_connect_plain(path, true, &connection->db);
    ll_free(path);
    if (status != LEASELOCK_OK)
        return status;
    ll_sqlite_file_opened(connection->file);
    return set_up(connection);
}

static leaselock_status open_connection(const ll_url *url, const char *table, sqlite3 *borrowed,
                                        leaselock_connection *connection)
{
    leaselock_status status = LEASELOCK_OK;
    connection->migrating->borrowed = borrowed != NULL;
    for (size_t i = 0; status == LEASELOCK_OK && i < url->option_count; i++)
        status = read_option(&url->options[i], connection->migrating);
    if (status == LEASELOCK_OK && table)
        status = read_table(table, &connection->migrating->table);
    if (status != LEASELOCK_OK)
        return status;
    return borrowed ? ll_sqlite_borrow(connection, borrowed) : open_path(url->path, connection);
}

leaselock_status ll_sqlite_open_migrations(const char *url, const char *table, void *borrowed,
                                           const leaselock_call *call, leaselock_connection **out)
{
    ll_url parsed;
    leaselock_status status = parse_url(url, &parsed);
    if (status != LEASELOCK_OK)
        return status;
    leaselock_connection *connection = ll_alloc(sizeof *connection);
    if (connection)
        connection->migrating = ll_alloc(sizeof *connection->migrating);
    status = connection && connection->migrating ? LEASELOCK_OK : LEASELOCK_NOMEM;
    if (status == LEASELOCK_OK) {
        ll_sqlite_enter(connection, call);
        status = open_connection(&parsed, table, borrowed, connection);
    }
    if (status == LEASELOCK_OK)
        *out = connection;
    else
        ll_sqlite_close(connection);
    ll_url_clear(&parsed);
    return status;
}

void ll_sqlite_migration_settings(leaselock_connection *connection, leaselock_migration_settings *out)
{
    out->table = connection->migrating->table;
    out->wait_ms = connection->migrating->wait_ms;
}

void ll_sqlite_free_migrating(leaselock_connection *connection)
{
    if (connection->migrating)
        ll_free(connection->migrating->table);
    ll_free(connection->migrating);
}
