/* Where migrations come from: folders as they are found, and lists. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migrate/fixture.h"

static const char *in_migrations(const char *name)
{
    static char path[PATH_MAX + 300];
    snprintf(path, sizeof path, "%s/%s", migrations_directory(), name);
    return path;
}

static leaselock_status try_open(const char *directory)
{
    leaselock_migrations *migrations = NULL;
    leaselock_status status = leaselock_migrations_open_directory(database_url(), directory, NULL, &migrations);
    leaselock_migrations_free(migrations);
    return status;
}

TEST(two_files_of_one_version_and_direction)
{
    migration_file("1_a.up.sql", "");
    migration_file("1_b.down.sql", "");
    assert_ok(try_open(migrations_directory()));
    migration_file("001_b.up.md", "");
    assert_refused(LEASELOCK_DUPLICATE_MIGRATION, try_open(migrations_directory()));
    assert_message("duplicate migration file: 1_a.up.sql");
    assert_int_equal(size_of(database_path()), 0); /* of the try that succeeded */
}

TEST(a_version_that_golang_migrate_takes_and_then_trips_over)
{
    migration_file("9223372036854775807_a.up.sql", "");
    assert_ok(try_open(migrations_directory()));
    migration_file("9223372036854775808_a.up.sql", "");
    assert_refused(LEASELOCK_BAD_MIGRATION, try_open(migrations_directory()));
    assert_message("9223372036854775808_a.up.sql");
}

TEST(folders_that_are_none)
{
    assert_refused(LEASELOCK_NOT_FOUND, try_open(in_folder("nowhere")));
    write_file(in_folder("file"), "", 0);
    assert_refused(LEASELOCK_NOT_FOUND, try_open(in_folder("file")));
    assert_refused(LEASELOCK_SCHEME,
                   leaselock_migrations_open_directory("memory:x", folder, NULL, &(leaselock_migrations *){NULL}));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_open_directory("sqlite::memory:", folder, NULL,
                                                                          &(leaselock_migrations *){NULL}));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_open_directory("sqlite:x?_journal=WAL", folder, NULL,
                                                                          &(leaselock_migrations *){NULL}));
}

/*
 * As golang-migrate reads URLs: a path of its own scheme is relative where it does not begin with a slash, and is not
 * decoded.
 */
TEST(urls_as_golang_migrate_writes_them)
{
    static const char *const urls[] = {"sqlite3://a%%20b.db", "sqlite://sub/../a b.db", "sqlite3://file:a%%20b.db",
                                       "sqlite3:%s/a b.db", "sqlite3://%s/a b.db?x-no-tx-wrap=true&_busy_timeout=10"};
    static const char *const files[] = {"a%20b.db", "a b.db", "a b.db", "a b.db", "a b.db"};
    char before[PATH_MAX], url[2 * PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    mkdir("sub", 0777);
    mkdir("migrations", 0777);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        leaselock_migrations *migrations = NULL;
        snprintf(url, sizeof url, urls[i], folder);
        assert_ok(leaselock_migrations_open_directory(url, "file://migrations", NULL, &migrations));
        end_migrations(migrations);
        assert_int_equal(unlink(files[i]), 0);
    }
    assert_int_equal(chdir(before), 0);
}

TEST(links_count_and_subfolders_do_not)
{
    write_file(in_folder("target"), "CREATE TABLE a (x)", 18);
    mkdir(migrations_directory(), 0777);
    assert_int_equal(symlink("../target", in_migrations("1_a.up.sql")), 0);
    assert_int_equal(mkdir(in_migrations("2_b.up.sql"), 0777), 0);
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 1);
    end_migrations(migrations);
}

/* golang-migrate takes each of these for an empty body, and moves on. */
TEST(what_cannot_be_read_is_an_error_and_those_before_stay)
{
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    assert_int_equal(symlink("nowhere", in_migrations("2_b.up.sql")), 0);
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migrations_up(migrations, NULL));
    assert_message("2_b.up.sql");
    assert_string_equal(leaselock_migrations_failed_file(migrations), "2_b.up.sql");
    assert_version(migrations, 1, false);
    unlink(in_migrations("2_b.up.sql"));
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migrations_up(migrations, NULL)); /* gone since it was opened */
    assert_int_equal(symlink(folder, in_migrations("2_b.up.sql")), 0);
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migrations_up(migrations, NULL));
    unlink(in_migrations("2_b.up.sql"));
    assert_int_equal(mkfifo(in_migrations("2_b.up.sql"), 0666), 0);
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migrations_up(migrations, NULL));
    unlink(in_migrations("2_b.up.sql"));
    write_file(in_migrations("2_b.up.sql"), "SELECT 1;\0SELECT 2", 18);
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migrations_up(migrations, NULL));
    assert_message("NUL");
    assert_version(migrations, 1, false);
    end_migrations(migrations);
}

TEST(a_list_in_memory)
{
    leaselock_migration_source *source;
    leaselock_migrations *migrations;
    assert_ok(leaselock_migration_source_new(&source));
    assert_ok(leaselock_migration_source_add(source, "2_b.up.sql", "CREATE TABLE b AS SELECT * FROM a", 33));
    assert_ok(leaselock_migration_source_add(source, "1_a.up.sql", "CREATE TABLE a (x);xxx", 19)); /* only 19 bytes */
    assert_ok(leaselock_migration_source_add(source, "3_empty.up.sql", NULL, 0));
    assert_ok(leaselock_migration_source_add(source, "README.md", "is skipped", 10));
    assert_refused(LEASELOCK_DUPLICATE_MIGRATION, leaselock_migration_source_add(source, "02_x.up.sql", "", 0));
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migration_source_add(source, "9_x.up.sql", "a\0b", 3));
    assert_refused(LEASELOCK_BAD_MIGRATION,
                   leaselock_migration_source_add(source, "9999999999999999999_x.up.sql", "", 0));
    assert_refused(LEASELOCK_INVALID, leaselock_migration_source_add(source, "9_x.up.sql", NULL, 1));
    assert_ok(leaselock_migrations_open_source(database_url(), source, NULL, &migrations));
    assert_ok(leaselock_migration_source_add(source, "4_late.up.sql", "", 0)); /* does not count */
    leaselock_migration_source_free(source);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    end_migrations(migrations);
}

TEST(a_closed_handle_and_none)
{
    leaselock_migrations *migrations = open_directory("");
    assert_ok(leaselock_migrations_close(migrations));
    assert_ok(leaselock_migrations_close(migrations));
    assert_refused(LEASELOCK_CLOSED, leaselock_migrations_up(migrations, NULL));
    leaselock_migrations_free(migrations);
    leaselock_migrations_free(NULL);
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_up(NULL, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_open_directory(NULL, "", NULL, &migrations));
    assert_int_equal(leaselock_migrations_stop(NULL, LEASELOCK_STOP_NOW), LEASELOCK_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(two_files_of_one_version_and_direction),
        IN_FOLDER(a_version_that_golang_migrate_takes_and_then_trips_over),
        IN_FOLDER(folders_that_are_none),
        IN_FOLDER(urls_as_golang_migrate_writes_them),
        IN_FOLDER(links_count_and_subfolders_do_not),
        IN_FOLDER(what_cannot_be_read_is_an_error_and_those_before_stay),
        IN_FOLDER(a_list_in_memory),
        IN_FOLDER(a_closed_handle_and_none),
    };
    return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
