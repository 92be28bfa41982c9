/* Opening and closing a database file. */
#include <errno.h>
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/url.h"

/* A page of a new database: 1 KiB was 12 % faster than SQLite's 4 KiB, since a commit writes whole pages. */
#define PAGE_SIZE_PRAGMA "PRAGMA page_size = 1024"

/* SQLite has one text for all that the system may have against a file. */
static const char *why_not(sqlite3 *db)
{
    int cause = db ? sqlite3_system_errno(db) : ENOMEM;
    return cause ? strerror(cause) : sqlite3_errmsg(db);
}

leaselock_status ll_sqlite_connect_plain(const char *path, bool create, sqlite3 **out)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if (vfs && strlen(path) + strlen("-journal") > (size_t)vfs->mxPathname)
        return ll_error_set(LEASELOCK_INVALID, "the path is longer than the %d bytes that SQLite takes",
                            vfs->mxPathname - (int)strlen("-journal"));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                (create ? SQLITE_OPEN_CREATE : 0);
    sqlite3 *db = NULL;
    int result = sqlite3_open_v2(path, &db, flags, NULL);
    if (result != SQLITE_OK) {
        leaselock_status status = ll_sqlite_status_of(db, result);
        ll_error_set_native(status, result, "%s: cannot open: %s", path, why_not(db));
        sqlite3_close(db);
        return status;
    }
    *out = db;
    return LEASELOCK_OK;
}

leaselock_status ll_sqlite_connect(const char *path, bool create, sqlite3 **out)
{
    leaselock_status status = ll_sqlite_connect_plain(path, create, out);
    if (status != LEASELOCK_OK)
        return status;
    /* Checkpoints are made by checkpoint.c alone, in a way that older versions of SQLite are safe with. */
    sqlite3_wal_autocheckpoint(*out, 0);
    sqlite3_db_config(*out, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(*out, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return LEASELOCK_OK;
}

void ll_sqlite_close(leaselock_connection *connection)
{
    if (!connection)
        return;
    ll_sqlite_finalize(connection);
    sqlite3_close(connection->checkpointer);
    if (!ll_sqlite_is_borrowed(connection))
        sqlite3_close(connection->db);
    if (connection->file && !(connection->migrating && connection->file == &connection->migrating->nowhere))
        ll_sqlite_file_leave(connection->file);
    ll_sqlite_free_migrating(connection);
    ll_free(connection);
}

/* Reads the header, so that what is no database, or may not be written, is refused before anything else. */
static leaselock_status look_inside(leaselock_connection *connection)
{
    sqlite3 *db = connection->db;
    /* known before anything is read, which could make a -wal and a -shm file */
    if (sqlite3_db_readonly(db, "main") == 1)
        return ll_error_set(LEASELOCK_READ_ONLY, "%s can only be read", connection->file->path);
    static const char *const settings[] = {PAGE_SIZE_PRAGMA, "PRAGMA synchronous = NORMAL", "PRAGMA schema_version"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int result = sqlite3_exec(db, settings[i], NULL, NULL, NULL);
        if (result != SQLITE_OK)
            return ll_sqlite_fail(connection, result, "read the database");
    }
    return LEASELOCK_OK;
}

/* The steps of opening; whatever was reached is undone by ll_sqlite_close(). */
static leaselock_status open_file(leaselock_connection *connection, const char *path, bool create,
                                  const leaselock_call *call)
{
    ll_sqlite_enter(connection, call);
    leaselock_status status = ll_clock_boot_id(connection->boot_id);
    if (status == LEASELOCK_OK)
        status = ll_clock_boot_offset(&connection->boot_offset_ms);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_file_enter(path, &connection->file);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_connect(path, create, &connection->db);
    if (status != LEASELOCK_OK)
        return status;
    ll_sqlite_file_opened(connection->file);
    ll_sqlite_install_busy_handler(connection);
    ll_sqlite_install_wal_hook(connection);
    int result = ll_sqlite_create_functions(connection);
    if (result != SQLITE_OK)
        return ll_sqlite_fail(connection, result, "create functions");
    return look_inside(connection);
}

static leaselock_status open_path(const char *path, bool create, const leaselock_call *call, leaselock_connection **out)
{
    leaselock_connection *connection = ll_alloc(sizeof *connection);
    if (!connection)
        return LEASELOCK_NOMEM;
    leaselock_status status = open_file(connection, path, create, call);
    if (status == LEASELOCK_OK)
        *out = connection;
    else
        ll_sqlite_close(connection);
    return status;
}

static leaselock_status read_options(const ll_url *url, bool *any_file_system)
{
    *any_file_system = false;
    for (size_t i = 0; i < url->option_count; i++) {
        const ll_url_option *option = &url->options[i];
        if (strcmp(option->name, "any_file_system") != 0)
            return ll_error_set(LEASELOCK_INVALID, "sqlite: has no option \"%s\"", option->name);
        if (strcmp(option->value, "0") != 0 && strcmp(option->value, "1") != 0)
            return ll_error_set(LEASELOCK_INVALID, "any_file_system is 0 or 1");
        *any_file_system = option->value[0] == '1';
    }
    return LEASELOCK_OK;
}

leaselock_status ll_sqlite_check_path(const char *path)
{
    if (path[0] == '\0')
        return ll_error_set(LEASELOCK_INVALID, "sqlite: needs a path, such as sqlite:leases.db");
    if (strcmp(path, ":memory:") == 0)
        return ll_error_set(LEASELOCK_INVALID,
                            "sqlite::memory: would be private to one connection; use memory:NAME for leases in memory");
    if (path[strlen(path) - 1] == '/')
        return ll_error_set(LEASELOCK_DIRECTORY, "%s is a directory", path);
    return LEASELOCK_OK;
}

static leaselock_status open_url(const char *url, bool create, const leaselock_call *call, leaselock_connection **out)
{
    ll_url parsed;
    leaselock_status status = ll_url_parse(url, &parsed);
    if (status != LEASELOCK_OK)
        return status;
    bool any_file_system;
    char *path = NULL;
    status = read_options(&parsed, &any_file_system);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_path(parsed.path);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_file_resolve(parsed.path, create, any_file_system, &path);
    if (status == LEASELOCK_OK)
        status = open_path(path, create, call, out);
    ll_free(path);
    ll_url_clear(&parsed);
    return status;
}

leaselock_status ll_sqlite_open(const char *url, const leaselock_call *call, leaselock_connection **out)
{
    return open_url(url, true, call, out);
}

leaselock_status ll_sqlite_open_existing(const char *url, const leaselock_call *call, leaselock_connection **out)
{
    leaselock_status status = open_url(url, false, call, out);
    if (status == LEASELOCK_OK)
        (*out)->as_it_is = true;
    return status;
}

leaselock_status ll_sqlite_open_again(leaselock_connection *connection, const leaselock_call *call,
                                      leaselock_connection **out)
{
    leaselock_connection *another = NULL;
    leaselock_status status = ll_sqlite_check_file(connection); /* what is there now may be another database */
    if (status == LEASELOCK_OK)
        status = open_path(connection->file->path, false, call, &another);
    if (status == LEASELOCK_OK) {
        another->as_it_is = connection->as_it_is;
        status = ll_sqlite_start(another, call);
    }
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    if (status == LEASELOCK_OK)
        *out = another;
    else
        ll_sqlite_close(another);
    return status;
}

leaselock_status ll_sqlite_check_file(leaselock_connection *connection)
{
    int moved = 0;
    sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (moved)
        return ll_error_set(LEASELOCK_MOVED, "%s was moved, replaced or deleted while it was open",
                            connection->file->path);
    return LEASELOCK_OK;
}
