/* What cannot run in a transaction runs as in golang-migrate: the row is dirty around it. */
#include <string.h>

#include "postgresql/migrations.h"

#define DONE LEASELOCK_MIGRATION_DONE
#define NIL LEASELOCK_NO_VERSION

static const struct {
    const char *body, *check, *answer;
} outside[] = {
    {"VACUUM", "SELECT 1", "1"},
    {"CREATE INDEX CONCURRENTLY i ON t (x)", "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass", "t"},
    {"-- why\n CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (x);",
     "SELECT indisunique FROM pg_index WHERE indexrelid = 'i'::regclass", "t"},
    {"ALTER SYSTEM SET log_min_messages = 'fatal'", "SELECT 1", "1"},
    {"BEGIN; INSERT INTO t VALUES (7); COMMIT; BEGIN; INSERT INTO t VALUES (8); COMMIT", "SELECT sum(x) FROM t", "15"},
    {"INSERT INTO t VALUES (7); COMMIT; INSERT INTO t VALUES (8)", "SELECT sum(x) FROM t", "15"},
    {"-- leaselock: no-transaction\nINSERT INTO t VALUES (7)", "SELECT sum(x) FROM t", "7"},
    /* only the server knows that these cannot: they are tried in a transaction first */
    {"DO $$BEGIN INSERT INTO t VALUES (7); COMMIT; INSERT INTO t VALUES (8); END$$", "SELECT sum(x) FROM t", "15"},
    {"CALL committing()", "SELECT sum(x) FROM t", "3"},
    {"REINDEX TABLE parted", "SELECT 1", "1"},
};

TEST(runs_without_one)
{
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        print_message("%s\n", outside[i].body);
        sql(here, "CREATE TABLE t (x int); CREATE PROCEDURE committing() LANGUAGE plpgsql AS 'BEGIN INSERT INTO t "
                  "VALUES (1); COMMIT;"
                  " INSERT INTO t VALUES (2); END'; CREATE TABLE parted (x int PRIMARY KEY) PARTITION BY RANGE (x);"
                  " CREATE TABLE part PARTITION OF parted DEFAULT");
        migration("1_a.up.sql", outside[i].body);
        migration("2_b.up.sql", "CREATE TABLE after (x int)");
        leaselock_migrations *migrations = open_list("");
        assert_up(migrations, DONE, 2);
        end_migrations(migrations);
        assert_string_equal(rows("%s", outside[i].check), outside[i].answer);
        assert_string_equal(rows("SELECT version, dirty FROM schema_migrations"), "2|f");
        sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
    assert_nothing_left();
}

TEST(is_dirty_when_it_fails_and_has_a_place)
{
    migration("1_a.up.sql", "BEGIN; CREATE TABLE a (x int); COMMIT;\nBEGIN; INSERT INTO a VALUES ('x'); COMMIT");
    migration("1_a.down.sql", "VACUUM; OOPS");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "dirty at 1");
    assert_message("1_a.up.sql:2:30: invalid input syntax");
    assert_version(migrations, 1, true);
    assert_string_equal(rows("SELECT count(*) FROM a"), "0");
    assert_nothing_left();
    assert_ok(leaselock_migrations_force(migrations, 1, NULL));
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_down(migrations, NULL));
    assert_string_equal(rows("SELECT * FROM schema_migrations"), "-1|t");
    end_migrations(migrations);
    migration("1_a.up.sql", "VACUUM; BEGIN; CREATE TABLE c (x int)");
    migrations = open_list("");
    assert_ok(leaselock_migrations_force(migrations, -1, NULL));
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "VACUUM cannot");
    assert_ok(leaselock_migrations_force(migrations, -1, NULL));
    end_migrations(migrations);
    migration("1_a.up.sql", "COMMIT; BEGIN; CREATE TABLE c (x int)");
    migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "its last transaction is not committed");
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'c'"), "0");
    assert_version(migrations, 1, true);
    end_migrations(migrations);
    assert_nothing_left();
}

TEST(a_procedure_that_commits_among_others_is_not_run_twice)
{
    sql(here, "CREATE TABLE t (x int)");
    migration("1_a.up.sql", "INSERT INTO t VALUES (1); DO $$BEGIN COMMIT; END$$");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "invalid transaction termination");
    assert_version(migrations, NIL, false);
    assert_string_equal(rows("SELECT count(*) FROM t"), "0");
    end_migrations(migrations);
}

/* IF NOT EXISTS would take it for the index. */
TEST(what_a_failed_index_leaves_is_dropped_and_nobody_elses)
{
    sql(here, "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1)");
    sql(here, "CREATE TABLE u (x int); INSERT INTO u VALUES (1), (1)");
    assert_string_equal(sqlstate(here, "CREATE UNIQUE INDEX CONCURRENTLY left_by_others ON u (x)"), "23505");
    migration("1_a.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (x)");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "could not create unique index");
    assert_string_equal(leaselock_error_last()->sqlstate, "23505");
    assert_version(migrations, 1, true);
    assert_string_equal(rows("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"), "left_by_others");
    sql(here, "DELETE FROM t");
    assert_ok(leaselock_migrations_force(migrations, NIL, NULL));
    assert_up(migrations, DONE, 1);
    assert_string_equal(rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
    end_migrations(migrations);
    assert_nothing_left();
}

TEST(x_multi_statement_runs_one_by_one)
{
    migration("1_a.up.sql",
              "CREATE TABLE t (x int); \n ;; CREATE INDEX CONCURRENTLY i ON t (x);\nINSERT INTO t SELECT length(';');"
              "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN; RETURN 1; END;$$;\n SELECT nope;");
    leaselock_migrations *migrations = open_list("?x-multi-statement=true&x-multi-statement-max-size=5");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "syntax error");
    assert_string_equal(rows("SELECT count(*) FROM t"), "1");
    assert_version(migrations, 1, true);
    end_migrations(migrations);
    sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    migration("1_a.up.sql",
              "BEGIN; CREATE TABLE t (x int); COMMIT;\n SELECT pg_sleep(0.2); SELECT pg_sleep(0.2); SELECT\nnope;");
    migrations = open_list("?x-multi-statement=true&x-statement-timeout=5000");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED,
                    "1_a.up.sql:3:1: column \"nope\" does not exist (in: SELECT nope)");
    assert_string_equal(rows("SELECT count(*) FROM t"), "0");
    end_migrations(migrations);
    sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    migration("1_a.up.sql", "CREATE TABLE t (x int); OOPS"); /* also where a transaction could hold all of it */
    migrations = open_list("?x-multi-statement=true");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "dirty at 1");
    assert_string_equal(rows("SELECT count(*) FROM t"), "0");
    end_migrations(migrations);
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(runs_without_one),
        IN_DATABASE(is_dirty_when_it_fails_and_has_a_place),
        IN_DATABASE(a_procedure_that_commits_among_others_is_not_run_twice),
        IN_DATABASE(what_a_failed_index_leaves_is_dropped_and_nobody_elses),
        IN_DATABASE(x_multi_statement_runs_one_by_one),
    };
    return cmocka_run_group_tests_name("migrate_outside", tests, NULL, NULL);
}
