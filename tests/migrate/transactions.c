/* Bodies: all or nothing, whatever is in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engines/sqlite/sqlite.h"
#include "migrate/fixture.h"

/* A file whose failure must leave nothing; what the message says of it. */
static const struct {
    const char *body, *message;
} failing[] = {
    {"CREATE TABLE a (x);\n  CREATE TABEL b (y);",
     "1_a.up.sql:2:10: near \"TABEL\": syntax error (in: CREATE TABEL b (y))"},
    {"CREATE TABLE a (x);\r\n\r\nINSERT INTO a VALUES (1, 2);", "1_a.up.sql:3:"},
    {"CREATE TABLE a (x); -- \xc3\xa4\xc3\xb6\n/* \xe2\x94\x80 */ INSERT INTO nothing VALUES (1);", "1_a.up.sql:2:"},
    {"CREATE TABLE a (x UNIQUE);\nINSERT INTO a VALUES (1);\n\n  INSERT INTO a VALUES (1)",
     "1_a.up.sql:4:3: UNIQUE constraint failed: a.x"},
    {"CREATE TABLE a (x UNIQUE ON CONFLICT ROLLBACK); INSERT INTO a VALUES (1); INSERT INTO a VALUES (1)",
     "UNIQUE constraint"},
    {"CREATE TABLE a (x); INSERT INTO a VALUES (?1)", "parameters"},
    {"CREATE TABLE a (x); INSERT INTO a VALUES (:name)", "parameters"},
    {"CREATE TABLE a (x); SELECT load_extension('x')", "1_a.up.sql:1:21: "},
    {"CREATE TABLE a (x); EXPLAIN COMMIT", "1_a.up.sql:1:21: a transaction is around the migration"},
    {"CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2", "incomplete input"},
    {"CREATE TABLE a (x); INSERT INTO a VALUES ('open", "unrecognized token"},
};

TEST(a_failing_migration_leaves_nothing_and_says_where)
{
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        print_message("%s\n", failing[i].body);
        migration_file("1_a.up.sql", failing[i].body);
        leaselock_migrations *migrations = open_directory("");
        assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
        assert_message(failing[i].message);
        assert_string_equal(leaselock_migrations_failed_file(migrations), "1_a.up.sql");
        assert_true(leaselock_migrations_failed_line(migrations) > 0 &&
                    leaselock_migrations_failed_column(migrations) > 0);
        assert_version(migrations, LEASELOCK_NO_VERSION, false);
        end_migrations(migrations);
        assert_string_equal(database_text("SELECT count(*) FROM sqlite_master"), "0");
    }
}

TEST(a_place_counts_characters_and_the_line_can_be_shown)
{
    migration_file("1_a.up.sql", "\xEF\xBB\xBF-- \xc3\xa4\n  SELECT '\xc3\xa4\xc3\xb6' FROM nowhere;\r\nSELECT 1;");
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_int_equal(leaselock_migrations_failed_line(migrations), 2);
    assert_int_equal(leaselock_migrations_failed_column(migrations), 3);
    assert_string_equal(leaselock_migrations_failed_text(migrations), "  SELECT '\xc3\xa4\xc3\xb6' FROM nowhere;");
    assert_refused(LEASELOCK_NO_MIGRATION, leaselock_migrations_goto(migrations, 9, NULL));
    assert_int_equal(leaselock_migrations_failed_line(migrations), 0);
    end_migrations(migrations);
}

/* What a run has done, as its caller follows it. */
struct followed {
    leaselock_migrations *migrations;
    int64_t stop_at, versions[4];
    size_t calls;
};

static void follow(const leaselock_migration_result *so_far, void *payload)
{
    struct followed *followed = payload;
    size_t count = leaselock_migration_result_count(so_far);
    assert_int_equal(count, followed->calls + 1);
    int64_t version = leaselock_migration_result_version(so_far, count - 1);
    assert_int_equal(leaselock_migration_result_to(so_far), version);
    followed->versions[followed->calls++] = version;
    if (version == followed->stop_at)
        assert_ok(leaselock_migrations_stop(followed->migrations, LEASELOCK_STOP_BETWEEN));
}

TEST(a_run_can_be_followed_and_stopped_between)
{
    struct followed followed = {.stop_at = 1};
    leaselock_migrations_options options = {.struct_size = sizeof options, .progress = follow, .payload = &followed};
    leaselock_migration_result *result = NULL;
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    migration_file("2_b.up.sql", "CREATE TABLE b (x)");
    migration_file("3_c.up.sql", "OOPS");
    assert_ok(
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &followed.migrations));
    leaselock_status status = leaselock_migrations_up(followed.migrations, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_STOPPED, 1);
    assert_int_equal(followed.calls, 1);
    followed.calls = 0;
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(followed.migrations, NULL));
    assert_int_equal(followed.calls, 1);
    assert_int_equal(followed.versions[0], 2);
    end_migrations(followed.migrations);
}

TEST(those_before_the_failing_one_stay)
{
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    migration_file("2_b.up.sql", "CREATE TABLE b (x)");
    migration_file("3_c.up.sql", "CREATE TABLE c (x); DROP TABLE a; OOPS");
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_version(migrations, 2, false);
    assert_string_equal(
        database_text("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_migrations'"), "a;b");
    migration_file("3_c.up.sql", "CREATE TABLE c (x); DROP TABLE a");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    end_migrations(migrations);
}

/* What real directories contain: the body, and what is in table t afterwards. */
static const struct {
    const char *body, *rows;
} good[] = {
    {"CREATE TABLE t (x)", ""},
    {"-- only a comment", NULL},
    {"", NULL},
    {" \r\n\t\f ;;; /* */ -- x\n;", NULL},
    {"\xEF\xBB\xBF"
     "CREATE TABLE t (x); INSERT INTO t VALUES (1)",
     "1"},
    {"CREATE TABLE t (x);\r\nINSERT INTO t VALUES ('a\r\nb');\r\n", "a\r\nb"},
    {"CREATE TABLE t (x); INSERT INTO t VALUES (';'), ('--'), ('/*'), ('it''s')", ";;--;/*;it's"},
    {"CREATE TABLE t (x); INSERT INTO t VALUES (CAST(x'ff80' AS TEXT)), ('\xff\xfe')", "\xff\x80;\xff\xfe"},
    {"CREATE TABLE t (x); CREATE TRIGGER r AFTER INSERT ON t WHEN new.x = 1 BEGIN\n INSERT INTO t VALUES (CASE new.x "
     "WHEN 1 THEN 2 END);\n"
     "END;\nINSERT INTO t VALUES (1);",
     "1;2"},
    {"CREATE TABLE t (x);SAVEPOINT s; INSERT INTO t VALUES (1); ROLLBACK TO s; INSERT INTO t VALUES (2); RELEASE s",
     "2"},
    {"CREATE TABLE t (x);SAVEPOINT s; INSERT INTO t VALUES (1); ROLLBACK TRANSACTION TO SAVEPOINT s", ""},
    {"BEGIN; CREATE TABLE t (x); INSERT INTO t VALUES (3); COMMIT;", "3"},
    {"-- why\nbegin immediate transaction;CREATE TABLE t (x);\nend transaction -- done\n", ""},
    {"BEGIN;;COMMIT", NULL},
    {"CREATE TABLE t (x); INSERT INTO t VALUES (1) RETURNING x; SELECT * FROM t; PRAGMA table_info(t)", "1"},
    {"CREATE TABLE t (x); PRAGMA user_version = 9; INSERT INTO t SELECT user_version FROM pragma_user_version", "9"},
    {"CREATE TABLE t (x); ALTER TABLE schema_migrations ADD COLUMN applied_at TEXT DEFAULT 'now'", ""},
    {"DROP TABLE schema_migrations; CREATE TABLE t (x)", ""},
    {"CREATE TABLE t (\"BEGIN\" TEXT, [COMMIT] TEXT, `END` TEXT); -- COMMIT;\nINSERT INTO t VALUES ('BEGIN;', "
     "'COMMIT;', /* ROLLBACK; */ 'x')",
     "BEGIN;|COMMIT;|x"},
};

TEST(what_real_files_contain)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        print_message("%s\n", good[i].body);
        migration_file("1_a.up.sql", good[i].body);
        leaselock_migrations *migrations = open_directory("");
        assert_up(migrations, LEASELOCK_MIGRATION_DONE, 1);
        end_migrations(migrations);
        assert_string_equal(database_text("SELECT version, dirty FROM schema_migrations"), "1|0");
        if (good[i].rows)
            assert_string_equal(database_text("SELECT * FROM t"), good[i].rows);
        delete_database();
    }
}

TEST(an_outer_pair_is_dropped_so_that_a_failure_inside_leaves_nothing)
{
    migration_file("1_a.up.sql", "BEGIN; CREATE TABLE t (x); INSERT INTO t VALUES (1, 2); COMMIT;");
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_string_equal(database_text("SELECT count(*) FROM sqlite_master"), "0");
    end_migrations(migrations);
}

/* What cannot run in our transaction runs as in golang-migrate. */
static const struct {
    const char *body, *check, *value;
} outside[] = {
    {"VACUUM", "SELECT 1", "1"},
    {"PRAGMA journal_mode = WAL; CREATE TABLE t (x)", "PRAGMA journal_mode", "wal"},
    {"PRAGMA main.\"journal_mode\"('wal')", "PRAGMA journal_mode", "wal"},
    {"PRAGMA synchronous=OFF; CREATE TABLE t (x)", "SELECT count(*) FROM t", "0"},
    {"COMMIT; PRAGMA foreign_keys=OFF; BEGIN; CREATE TABLE t (x)", "SELECT count(*) FROM t", "0"},
    {"BEGIN; CREATE TABLE t (x); COMMIT; BEGIN; INSERT INTO t VALUES (1); COMMIT", "SELECT * FROM t", "1"},
    {"CREATE TABLE t (x); COMMIT; VACUUM; BEGIN", "SELECT count(*) FROM t", "0"},
    {"-- leaselock: no-transaction\nCREATE TABLE t (x)", "SELECT count(*) FROM t", "0"},
};

TEST(what_cannot_run_in_a_transaction_runs_without)
{
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        print_message("%s\n", outside[i].body);
        migration_file("1_a.up.sql", outside[i].body);
        migration_file("2_b.up.sql", "CREATE TABLE after (x)");
        leaselock_migrations *migrations = open_directory("");
        assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
        end_migrations(migrations);
        assert_string_equal(database_text(outside[i].check), outside[i].value);
        delete_database();
    }
}

TEST(and_is_dirty_when_it_fails)
{
    migration_file("1_a.up.sql", "BEGIN; CREATE TABLE t (x); COMMIT; INSERT INTO t VALUES (1, 2); BEGIN; COMMIT");
    migration_file("1_a.down.sql", "VACUUM; OOPS");
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_message("dirty at 1");
    assert_version(migrations, 1, true);
    assert_string_equal(database_text("SELECT count(*) FROM t"), "0");
    assert_ok(leaselock_migrations_force(migrations, 1, NULL));
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_down(migrations, NULL));
    assert_version(migrations, -1, true);
    assert_string_equal(database_text("SELECT version, dirty FROM schema_migrations"), "-1|1");
    migration_file("1_a.up.sql", "BEGIN; CREATE TABLE u (x); VACUUM");
    assert_ok(leaselock_migrations_force(migrations, -1, NULL));
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    migration_file("1_a.up.sql", "COMMIT; BEGIN; CREATE TABLE u (x); COMMIT; BEGIN");
    assert_ok(leaselock_migrations_force(migrations, -1, NULL));
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 1);
    migration_file("1_a.up.sql", "CREATE TABLE w (x); COMMIT; BEGIN; BEGIN");
    assert_ok(leaselock_migrations_force(migrations, -1, NULL));
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    end_migrations(migrations);
}

#define PARENT "CREATE TABLE p (id INTEGER PRIMARY KEY, x); CREATE TABLE c (p REFERENCES p ON DELETE CASCADE);" \
               "INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (1);"
#define REBUILD                                                                                                        \
    "CREATE TABLE q (id INTEGER PRIMARY KEY); INSERT INTO q SELECT id FROM p; DROP TABLE p; ALTER TABLE q RENAME TO "  \
    "p;"

TEST(foreign_keys_are_off_unless_the_url_says_on)
{
    static const struct {
        const char *options, *children;
    } cases[] = {
        {"", "1"}, {"?_fk=0", "1"}, {"?_fk=1", "0"}, {"?_foreign_keys=true", "0"}, {"?_pragma=foreign_keys(1)", "0"}};
    migration_file("1_a.up.sql", PARENT);
    migration_file("2_b.up.sql", REBUILD);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leaselock_migrations *migrations = open_directory(cases[i].options);
        assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
        end_migrations(migrations);
        assert_string_equal(database_text("SELECT count(*) FROM c"), cases[i].children);
        delete_database();
    }
}

TEST(the_directive_switches_them_off_for_one_file_and_checks)
{
    migration_file("1_a.up.sql", PARENT);
    migration_file("2_b.up.sql", "-- why\n-- leaselock: foreign-keys=off\n" REBUILD);
    migration_file("3_c.up.sql", "DELETE FROM p");
    leaselock_migrations *migrations = open_directory("?_fk=1");
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_goto(migrations, 2, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 2);
    assert_string_equal(database_text("SELECT count(*) FROM c"), "1");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3); /* on again: it cascades */
    assert_string_equal(database_text("SELECT count(*) FROM c"), "0");
    migration_file("4_d.up.sql", "--leaselock:foreign-keys=off\r\nINSERT INTO c VALUES (77);");
    end_migrations(migrations);
    migrations = open_directory("?_fk=1");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_message("row 1 of c refers to a row of p that is not there");
    assert_version(migrations, 3, false);
    assert_string_equal(database_text("SELECT count(*) FROM c"), "0");
    end_migrations(migrations);
}

TEST(an_unknown_directive_is_an_error_before_anything_runs)
{
    migration_file("1_a.up.sql", "-- fine\n  -- leaselock: foreign-keys=of\nCREATE TABLE t (x)");
    leaselock_migrations *migrations = open_directory("");
    assert_refused(LEASELOCK_BAD_MIGRATION, leaselock_migrations_up(migrations, NULL));
    assert_message("1_a.up.sql:2:17: there is no directive \"foreign-keys=of\"");
    assert_int_equal(leaselock_migrations_failed_line(migrations), 2);
    assert_int_equal(size_of(database_path()), 0);
    migration_file("1_a.up.sql", "CREATE TABLE t (x); -- leaselock: a comment further down is one");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 1);
    end_migrations(migrations);
}

/* Settings outlive a transaction; the next migration must not meet them. */
TEST(what_a_script_sets_does_not_reach_the_next)
{
    char attach[PATH_MAX + 200];
    snprintf(attach, sizeof attach,
             "ATTACH '%s' AS other; PRAGMA ignore_check_constraints = ON; PRAGMA recursive_triggers = ON;"
             "PRAGMA writable_schema = ON",
             in_folder("other.db"));
    migration_file("1_a.up.sql", attach);
    migration_file(
        "2_b.up.sql",
        "CREATE TABLE seen AS SELECT (SELECT count(*) FROM pragma_database_list WHERE name = 'other') AS attached,"
        " (SELECT ignore_check_constraints FROM pragma_ignore_check_constraints) AS checks");
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
    assert_string_equal(database_text("SELECT attached, checks FROM seen"), "0|0");
}

TEST(deferred_foreign_keys_fail_the_commit_and_leave_nothing)
{
    migration_file(
        "1_a.up.sql",
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO c VALUES (9)");
    leaselock_migrations *migrations = open_directory("?_fk=1");
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_string_equal(database_text("SELECT count(*) FROM sqlite_master"), "0");
    end_migrations(migrations);
}

TEST(ten_mebibytes)
{
    enum { SIZE = 10 << 20 };
    char *body = malloc(SIZE + 100);
    size_t used = (size_t)sprintf(body, "CREATE TABLE t (x);\n");
    while (used < SIZE)
        used += (size_t)sprintf(body + used, "INSERT INTO t VALUES ('0123456789012345678901234567890123456789');\n");
    migration_file("1_a.up.sql", body);
    body[100] = '\0';
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 1);
    end_migrations(migrations);
    assert_true(database_number("SELECT count(*) FROM t") > 100000);
    free(body);
}

static leaselock_status never_pause(const leaselock_call *call, int64_t microseconds)
{
    (void)call, (void)microseconds;
    return LEASELOCK_OK;
}

/* The reader of scripts sends these elsewhere. Were it wrong, SQLite's own parser still tells, before they run. */
TEST(a_transaction_statement_that_was_not_recognised_is_denied)
{
    static const char *const texts[] = {"BEGIN", "END", "COMMIT", "ROLLBACK", "BEGIN IMMEDIATE"};
    const leaselock_migration_slots *slots = &ll_sqlite_migrations;
    leaselock_call call = {.until_ms = INT64_MAX, .pause = never_pause};
    leaselock_connection *connection;
    assert_ok(slots->open(database_url(), NULL, NULL, &call, &connection));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[64];
        int size = snprintf(text, sizeof text, "CREATE TABLE a (x); %s", texts[i]);
        leaselock_script script = {.name = "x", .text = text, .size = (size_t)size, .end = (size_t)size};
        assert_ok(slots->begin(connection, &script, &call));
        assert_refused(LEASELOCK_MIGRATION_FAILED, slots->run(connection, &script, &call));
        assert_message("x:1:21: a transaction is around the migration");
        slots->rollback(connection);
        assert_string_equal(database_text("SELECT count(*) FROM sqlite_master"), "0");
    }
    ll_sqlite_close(connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_failing_migration_leaves_nothing_and_says_where),
        IN_FOLDER(a_transaction_statement_that_was_not_recognised_is_denied),
        IN_FOLDER(a_place_counts_characters_and_the_line_can_be_shown),
        IN_FOLDER(a_run_can_be_followed_and_stopped_between),
        IN_FOLDER(those_before_the_failing_one_stay),
        IN_FOLDER(what_real_files_contain),
        IN_FOLDER(an_outer_pair_is_dropped_so_that_a_failure_inside_leaves_nothing),
        IN_FOLDER(what_cannot_run_in_a_transaction_runs_without),
        IN_FOLDER(and_is_dirty_when_it_fails),
        IN_FOLDER(foreign_keys_are_off_unless_the_url_says_on),
        IN_FOLDER(the_directive_switches_them_off_for_one_file_and_checks),
        IN_FOLDER(an_unknown_directive_is_an_error_before_anything_runs),
        IN_FOLDER(what_a_script_sets_does_not_reach_the_next),
        IN_FOLDER(deferred_foreign_keys_fail_the_commit_and_leave_nothing),
        IN_FOLDER(ten_mebibytes),
    };
    return cmocka_run_group_tests_name("transactions", tests, NULL, NULL);
}
