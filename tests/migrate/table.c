/* The version table: golang-migrate's, byte for byte; and tables that are not. */
#include <stdio.h>
#include <string.h>

#include "migrate/fixture.h"

#define SCHEMA "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'users'"

static void two_files(void)
{
    migration_file("1_users.up.sql", "CREATE TABLE users (id INTEGER);");
    migration_file("1_users.down.sql", "DROP TABLE users;");
    migration_file("2_more.up.sql", "ALTER TABLE users ADD COLUMN name TEXT;");
}

TEST(it_is_golang_migrates_to_the_letter)
{
    two_files();
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_string_equal(
        database_text(SCHEMA),
        "table|schema_migrations|schema_migrations|CREATE TABLE schema_migrations (version uint64,dirty bool);"
        "index|version_unique|schema_migrations|CREATE UNIQUE INDEX version_unique ON schema_migrations (version)");
    assert_string_equal(database_text("SELECT typeof(version), version, typeof(dirty), dirty FROM schema_migrations"),
                        "integer|2|integer|0");
    assert_string_equal(database_text("SELECT count(*) FROM sqlite_master"), "3");
    end_migrations(migrations);
}

/* As golang-migrate does whenever it opens a database; the second run is of the same handle. */
TEST(a_table_without_its_index_gets_one)
{
    two_files();
    database_run("CREATE TABLE schema_migrations (version uint64,dirty bool); CREATE TABLE users (x)");
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    database_run("DROP TABLE users");
    assert_string_equal(database_text("SELECT name FROM sqlite_master WHERE type = 'index'"), "");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_string_equal(database_text("SELECT name FROM sqlite_master WHERE type = 'index'"), "version_unique");
    migration_file("3_drop.up.sql", "DROP TABLE schema_migrations");
    end_migrations(migrations);
    migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_string_equal(database_text("SELECT name FROM sqlite_master WHERE type = 'index'"), "version_unique");
    end_migrations(migrations);
}

TEST(another_name_comes_from_the_url_or_the_options)
{
    two_files();
    leaselock_migrations *migrations = open_directory("?x-migrations-table=applied");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
    assert_string_equal(database_text(SCHEMA),
                        "table|applied|applied|CREATE TABLE applied (version uint64,dirty bool);"
                        "index|version_unique|applied|CREATE UNIQUE INDEX version_unique ON applied (version)");
    leaselock_migrations_options options = {.struct_size = sizeof options, .table = "\"od'd one\""};
    delete_database();
    assert_ok(leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &migrations));
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_version(migrations, 2, false);
    end_migrations(migrations);
    assert_string_equal(database_text("SELECT sql FROM sqlite_master WHERE name = 'od''d one'"),
                        "CREATE TABLE \"od'd one\" (version uint64,dirty bool)");
}

TEST(a_table_name_is_a_name)
{
    static const char *const bad[] = {"",
                                      "a b",
                                      "a;DROP TABLE users",
                                      "main.a",
                                      "1a",
                                      "\"a",
                                      "\"",
                                      "\"\"",
                                      "\"a\"\"b\"",
                                      "a--",
                                      "leaselock_migrations",
                                      "LeaseLock_Migrations",
                                      "\"leaselock_migrations\"",
                                      "[Leaselock_Migrations]"};
    two_files();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leaselock_migrations_options options = {.struct_size = sizeof options, .table = bad[i]};
        leaselock_migrations *migrations = NULL;
        assert_refused(LEASELOCK_INVALID, leaselock_migrations_open_directory(database_url(), migrations_directory(),
                                                                              &options, &migrations));
        assert_null(migrations);
    }
}

TEST(our_own_tables_leave_the_users_names_alone)
{
    two_files();
    end_lock(open_database());
    leaselock_migrations *migrations = open_directory("");
    assert_version(migrations, LEASELOCK_NO_VERSION, false);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
    assert_string_equal(
        database_text("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'leaselock_migrations'"),
        "leaselock_migrations|CREATE TABLE leaselock_migrations (version uint64,dirty bool);"
        "leaselock_migrations_version_unique|CREATE UNIQUE INDEX leaselock_migrations_version_unique ON "
        "leaselock_migrations (version)");
    assert_string_equal(database_text("SELECT version, dirty FROM leaselock_migrations"), "1|0");
    end_lock(open_database());
}

/* Each of these would be harmed by golang-migrate; here nothing changes. */
TEST(tables_of_other_tools_are_refused_and_stay)
{
    static const char *const foreign[] = {
        "CREATE TABLE schema_migrations (version varchar(255) NOT NULL PRIMARY KEY)",
        "CREATE TABLE schema_migrations (version varchar(255), dirty bool)",
        "CREATE TABLE schema_migrations (version bigint, inserted_at datetime)",
        "CREATE TABLE schema_migrations (version integer, dirty text)",
        "CREATE TABLE Schema_Migrations (id integer)",
        "CREATE VIEW schema_migrations AS SELECT 1 AS version, 0 AS dirty",
    };
    two_files();
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        leaselock_migrations *migrations = open_directory("");
        int64_t version;
        database_run(foreign[i]);
        assert_refused(LEASELOCK_FOREIGN_TABLES, leaselock_migrations_up(migrations, NULL));
        assert_message("x-migrations-table");
        assert_refused(LEASELOCK_FOREIGN_TABLES, leaselock_migrations_force(migrations, -1, NULL));
        assert_refused(LEASELOCK_FOREIGN_TABLES, leaselock_migrations_version(migrations, &version, NULL));
        end_migrations(migrations);
        assert_string_equal(database_text("SELECT sql FROM sqlite_master WHERE type <> 'index'"), foreign[i]);
        delete_database();
    }
}

TEST(rows_that_hold_no_version)
{
    static const struct {
        const char *rows;
        leaselock_status status;
    } bad[] = {
        {"(1, 0), (2, 0)", LEASELOCK_VERSION_ROWS}, {"(-2, 0)", LEASELOCK_BAD_VERSION},
        {"(NULL, 0)", LEASELOCK_BAD_VERSION},       {"('x', 0)", LEASELOCK_BAD_VERSION},
        {"(1, 2)", LEASELOCK_BAD_VERSION},          {"(1, NULL)", LEASELOCK_BAD_VERSION},
        {"(1, 'yes')", LEASELOCK_BAD_VERSION},      {"(1.5, 0)", LEASELOCK_BAD_VERSION},
    };
    two_files();
    database_run("CREATE TABLE schema_migrations (version uint64,dirty bool)");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char sql[200];
        leaselock_migrations *migrations = open_directory("");
        snprintf(sql, sizeof sql, "DELETE FROM schema_migrations; INSERT INTO schema_migrations VALUES %s",
                 bad[i].rows);
        database_run(sql);
        const char *before = database_text("SELECT * FROM schema_migrations");
        assert_refused(bad[i].status, leaselock_migrations_up(migrations, NULL));
        assert_message("force");
        assert_string_equal(database_text("SELECT * FROM schema_migrations"), before);
        assert_ok(leaselock_migrations_force(migrations, 1, NULL));
        assert_string_equal(database_text("SELECT * FROM schema_migrations"), "1|0");
        end_migrations(migrations);
    }
}

/* As golang-migrate's driver reads them. */
TEST(other_ways_to_write_the_same)
{
    static const struct {
        const char *row;
        int64_t version;
        bool dirty;
    } good[] = {{"(1, 'true')", 1, true}, {"(1, 't')", 1, true}, {"(1, 'F')", 1, false}, {"('2', 0)", 2, false},
                {"(-1, 1)", -1, true},    {"(-1, 0)", -1, false}, {"(0, 0)", 0, false}};
    two_files();
    database_run(
        "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null, extra text)");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char sql[200];
        leaselock_migrations *migrations = open_directory("");
        snprintf(sql, sizeof sql,
                 "DELETE FROM schema_migrations; INSERT INTO schema_migrations (version, dirty) VALUES %s",
                 good[i].row);
        database_run(sql);
        assert_version(migrations, good[i].version, good[i].dirty);
        end_migrations(migrations);
    }
}

TEST(a_dirty_database_is_waited_for_and_then_explained)
{
    two_files();
    leaselock_migrations *migrations = open_directory("");
    assert_ok(leaselock_migrations_force(migrations, 1, NULL));
    database_run("UPDATE schema_migrations SET dirty = 1");
    assert_refused(LEASELOCK_DIRTY, leaselock_migrations_up(migrations, NULL));
    assert_message("version 1");
    assert_message("force");
    assert_string_equal(database_text("SELECT * FROM schema_migrations"), "1|1");
    leaselock_migration_listing *listing;
    assert_ok(leaselock_migrations_status(migrations, &listing));
    assert_true(leaselock_migration_listing_dirty(listing));
    leaselock_migration_listing_free(listing);
    database_run("UPDATE schema_migrations SET version = -1");
    assert_refused(LEASELOCK_DIRTY, leaselock_migrations_up(migrations, NULL));
    assert_message("no version");
    end_migrations(migrations);
}

TEST(looking_writes_nothing)
{
    two_files();
    leaselock_migrations *migrations = open_directory("");
    assert_version(migrations, LEASELOCK_NO_VERSION, false);
    assert_down(migrations, LEASELOCK_MIGRATION_NO_CHANGE, LEASELOCK_NO_VERSION);
    assert_int_equal(size_of(database_path()), 0);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
    char *picture = folder_picture();
    migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_NO_CHANGE, 2);
    assert_version(migrations, 2, false);
    leaselock_migration_listing *listing;
    assert_ok(leaselock_migrations_status(migrations, &listing));
    assert_int_equal(leaselock_migration_listing_pending(listing), 0);
    assert_string_equal(leaselock_migration_listing_title(listing, 1), "more");
    assert_true(leaselock_migration_listing_has_up(listing, 1));
    assert_false(leaselock_migration_listing_has_down(listing, 1));
    leaselock_migration_listing_free(listing);
    end_migrations(migrations);
    assert_folder_is(picture);
}

/* Another writer's lock is no reason to wait when there is nothing to do. */
TEST(a_check_that_finds_nothing_to_do_takes_no_lock)
{
    two_files();
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    sqlite3 *writer = raw_open(database_path());
    raw_run(writer, "BEGIN IMMEDIATE");
    assert_up(migrations, LEASELOCK_MIGRATION_NO_CHANGE, 2);
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_migrations_steps(migrations, -1, NULL));
    raw_run(writer, "ROLLBACK");
    sqlite3_close(writer);
    end_migrations(migrations);
}

TEST(a_users_database_is_not_converted)
{
    two_files();
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
    assert_string_equal(database_text("PRAGMA journal_mode"), "delete");
    assert_string_equal(database_text("PRAGMA page_size"), "4096");
    assert_string_equal(database_text("SELECT count(*) FROM sqlite_master WHERE name LIKE 'leaselock%'"), "0");
    database_run("PRAGMA journal_mode = WAL");
    migrations = open_directory("");
    assert_down(migrations, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    end_migrations(migrations);
    assert_int_equal(size_of(in_folder("leases.db-wal")), -1); /* closed as SQLite closes */
}

TEST(drop_takes_all_but_the_leases)
{
    two_files();
    end_lock(open_database());
    database_run("CREATE TABLE \"odd \"\" name\" (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO \"odd \"\" name\" "
                 "DEFAULT VALUES;"
                 "CREATE VIEW v AS SELECT * FROM \"odd \"\" name\"; CREATE VIEW w AS SELECT * FROM v;"
                 "CREATE TABLE child (id INTEGER REFERENCES \"odd \"\" name\"); INSERT INTO child VALUES (1);"
                 "CREATE VIRTUAL TABLE found USING fts5(text)");
    leaselock_migrations *migrations = open_directory("?_fk=1");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_goes(leaselock_migrations_drop, migrations, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    assert_string_equal(database_text("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"),
                        "leaselock_control;leaselock_leases;leaselock_migrations");
    assert_goes(leaselock_migrations_drop, migrations, LEASELOCK_MIGRATION_NO_CHANGE, LEASELOCK_NO_VERSION);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(it_is_golang_migrates_to_the_letter),
        IN_FOLDER(a_table_without_its_index_gets_one),
        IN_FOLDER(another_name_comes_from_the_url_or_the_options),
        IN_FOLDER(a_table_name_is_a_name),
        IN_FOLDER(our_own_tables_leave_the_users_names_alone),
        IN_FOLDER(tables_of_other_tools_are_refused_and_stay),
        IN_FOLDER(rows_that_hold_no_version),
        IN_FOLDER(other_ways_to_write_the_same),
        IN_FOLDER(a_dirty_database_is_waited_for_and_then_explained),
        IN_FOLDER(looking_writes_nothing),
        IN_FOLDER(a_check_that_finds_nothing_to_do_takes_no_lock),
        IN_FOLDER(a_users_database_is_not_converted),
        IN_FOLDER(drop_takes_all_but_the_leases),
    };
    return cmocka_run_group_tests_name("version table", tests, NULL, NULL);
}
