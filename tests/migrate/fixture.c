#include "migrate/fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "migrate/anywhere.h"

const char *migrations_directory(void)
{
    return in_folder("migrations");
}

void migration_file(const char *name, const char *text)
{
    char path[PATH_MAX + 300];
    mkdir(migrations_directory(), 0777);
    snprintf(path, sizeof path, "%s/%s", migrations_directory(), name);
    write_file(path, text, strlen(text));
}

static leaselock_migrations *open_waiting(const char *url_options, int64_t wait_ms)
{
    char url[2 * PATH_MAX];
    leaselock_migrations *migrations = NULL;
    leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = wait_ms};
    mkdir(migrations_directory(), 0777);
    snprintf(url, sizeof url, "%s%s", database_url(), url_options);
    assert_ok(leaselock_migrations_open_directory(url, migrations_directory(), &options, &migrations));
    return migrations;
}

leaselock_migrations *open_directory(const char *url_options)
{
    return open_waiting(url_options, 1);
}

leaselock_migrations *open_patiently(void)
{
    return open_waiting("", PATIENCE_MS);
}

const char *database_text(const char *sql)
{
    static char answers[4][8192];
    static unsigned next;
    char *answer = answers[next++ % 4];
    sqlite3 *db = raw_open(database_path());
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    size_t used = 0;
    answer[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *text = (const char *)sqlite3_column_text(statement, i);
            used += (size_t)snprintf(answer + used, sizeof answers[0] - used, "%s%s",
                                     i      ? "|"
                                     : used ? ";"
                                            : "",
                                     text ? text : "NULL");
            assert_true(used < sizeof answers[0]);
        }
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    sqlite3_close(db);
    return answer;
}

/* ---- anywhere.h ---- */

const unsigned anywhere_rounds = 30;

int anywhere_setup(void **state)
{
    return folder_setup(state);
}

int anywhere_teardown(void **state)
{
    return folder_teardown(state);
}

void anywhere_empty(void)
{
    delete_database();
}

const char *anywhere_url(void)
{
    return database_url();
}

void anywhere_run(const char *sql)
{
    database_run(sql);
}

const char *anywhere_text(const char *sql)
{
    return database_text(sql);
}

void anywhere_make_ran(void)
{
    database_run("CREATE TABLE ran (id INTEGER PRIMARY KEY, what TEXT)");
}

const char *anywhere_ran(const char *separator)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT coalesce(group_concat(what, '%s'), '') FROM (SELECT what FROM ran ORDER BY id)",
             separator);
    return database_text(sql);
}
