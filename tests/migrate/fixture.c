#include "migrate/fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

void end_migrations(leaselock_migrations *migrations)
{
    assert_ok(leaselock_migrations_close(migrations));
    leaselock_migrations_free(migrations);
}

void assert_run(leaselock_status status, leaselock_migration_result *result, leaselock_migration_kind kind, int64_t to)
{
    assert_ok(status);
    assert_string_equal(leaselock_migration_kind_name(leaselock_migration_result_kind(result)),
                        leaselock_migration_kind_name(kind));
    assert_int_equal(leaselock_migration_result_to(result), to);
    leaselock_migration_result_free(result);
}

void assert_goes(leaselock_status (*go)(leaselock_migrations *, leaselock_migration_result **),
                 leaselock_migrations *migrations, leaselock_migration_kind kind, int64_t to)
{
    leaselock_migration_result *result = NULL;
    leaselock_status status = go(migrations, &result);
    assert_run(status, result, kind, to);
}

void assert_version(leaselock_migrations *migrations, int64_t version, bool dirty)
{
    int64_t found;
    bool found_dirty;
    assert_ok(leaselock_migrations_version(migrations, &found, &found_dirty));
    assert_int_equal(found, version);
    assert_int_equal(found_dirty, dirty);
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

void assert_message(const char *part)
{
    if (!strstr(leaselock_error_last()->message, part))
        fail_msg("\"%s\" is not in: %s", part, leaselock_error_last()->message);
}
