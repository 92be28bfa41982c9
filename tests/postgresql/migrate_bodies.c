/* Bodies inside of the runner's transaction: all or nothing, sent whole, and one session for all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgresql/migrations.h"

#define DONE LEASELOCK_MIGRATION_DONE
#define NIL LEASELOCK_NO_VERSION

/* A body that has to work, a question afterwards, and its answer. */
static const struct {
    const char *body, *check, *answer;
} good[] = {
    {"", "SELECT 1", "1"},
    {"-- nothing\n/* at /* all */ */ ;; ;\r\n", "SELECT 1", "1"},
    {"CREATE TABLE t (x int);\r\nINSERT INTO t VALUES (1);\r\nINSERT INTO t VALUES (2)", "SELECT count(*) FROM t", "2"},
    {"CREATE TABLE t (s text); INSERT INTO t VALUES (';'), ('--'), ($$it's; $$), (E'\\';'), ('\xe2\x94\x80')",
     "SELECT string_agg(s, '|') FROM t", ";|--|it's; |';|\xe2\x94\x80"},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 7; END $$; SELECT f();", "SELECT f()", "7"},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 8; END; SELECT f();", "SELECT f()",
     "8"},
    {"DO $$BEGIN CREATE TABLE t (x int); END$$", "SELECT count(*) FROM t", "0"},
    {"BEGIN; CREATE TABLE t (x int); COMMIT;", "SELECT count(*) FROM t", "0"},
    {"SAVEPOINT a; CREATE TABLE t (x int); SAVEPOINT b; DROP TABLE t; ROLLBACK TO b; RELEASE a",
     "SELECT count(*) FROM t", "0"},
    /* the isolation is what the file asks for, and the version is written under it */
    {"BEGIN ISOLATION LEVEL SERIALIZABLE; CREATE TABLE t AS SELECT current_setting('transaction_isolation'); COMMIT",
     "SELECT * FROM t", "serializable"},
    {"START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE; CREATE TABLE t AS SELECT"
     " current_setting('transaction_isolation'); END",
     "SELECT * FROM t", "repeatable read"},
    {"BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT count(*) FROM pg_class; COMMIT", "SELECT 1", "1"},
    {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE t AS SELECT current_setting('transaction_isolation')",
     "SELECT * FROM t", "serializable"},
    {"/* x */ SET statement_timeout = 0; set -- y\n transaction READ WRITE, isolation level repeatable read;"
     "CREATE TABLE t AS SELECT current_setting('transaction_isolation')",
     "SELECT * FROM t", "repeatable read"},
    {"SET TRANSACTION READ ONLY; SELECT 1", "SELECT 1", "1"},
    /* one message: a split file would have stored other letters */
    {"SET client_encoding = 'LATIN1'; CREATE TABLE t AS SELECT '\xc3\xa4'::text AS x; RESET client_encoding",
     "SELECT x FROM t", "\xc3\xa4"},
    {"CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood ADD VALUE 'good'", "SELECT 'good'::mood", "good"},
    {"CREATE TEMP TABLE IF NOT EXISTS u AS SELECT 1 AS x; CREATE TABLE t AS TABLE u", "SELECT * FROM t", "1"},
    {"SELECT generate_series(1, 10000)", "SELECT 1", "1"},
};

TEST(what_real_files_contain)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        print_message("%s\n", good[i].body);
        migration("1_a.up.sql", good[i].body);
        leaselock_migrations *migrations = open_list("");
        assert_up(migrations, DONE, 1);
        end_migrations(migrations);
        assert_string_equal(rows("%s", good[i].check), good[i].answer);
        assert_string_equal(rows("SELECT version, dirty FROM schema_migrations"), "1|f");
        sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
    assert_nothing_left();
}

TEST(a_read_only_file_cannot_write_and_a_failure_leaves_nothing)
{
    migration("1_a.up.sql", "BEGIN READ ONLY; CREATE TABLE a (x int); COMMIT");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "read-only transaction");
    end_migrations(migrations);
    migration("1_a.up.sql", "BEGIN; CREATE TABLE a (x int); INSERT INTO a VALUES ('x'); COMMIT");
    migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "invalid input syntax");
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'a'"), "0");
    assert_version(migrations, NIL, false);
    end_migrations(migrations);
    assert_nothing_left();
}

/* As with golang-migrate: a file finds what the one before has set. */
TEST(the_session_goes_on_from_file_to_file)
{
    sql(here,
        "DROP ROLE IF EXISTS maker; CREATE ROLE maker; GRANT CREATE, USAGE ON SCHEMA public TO maker; CREATE SCHEMA s;"
        " GRANT ALL ON SCHEMA s TO maker");
    migration("1_a.up.sql",
              "CREATE TEMP TABLE kept (x int); SET search_path = s, public; SET my.setting = 'on';"
              "GRANT ALL ON public.schema_migrations TO maker; SELECT set_config('lock_timeout', '777', false)");
    migration("3_c.up.sql", "CREATE TABLE c AS SELECT current_setting('my.setting') AS setting, current_user AS role,"
                            " current_setting('lock_timeout') AS timeout, current_setting('DateStyle') AS dates");
    migration("4_d.up.sql",
              "RESET ROLE; CREATE TABLE d AS TABLE kept; SELECT pg_catalog.set_config('search_path', '', false)");
    migration("5_e.up.sql", "CREATE TABLE public.e (x int)");
    migration("2_b.up.sql", "INSERT INTO kept VALUES (1); SET ROLE maker");
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 5);
    end_migrations(migrations);
    assert_string_equal(rows("SELECT * FROM s.c"), "on|maker|777ms|ISO, MDY");
    assert_string_equal(rows("SELECT * FROM s.d"), "1");
    assert_string_equal(rows("SELECT * FROM public.schema_migrations"), "5|f");
    assert_string_equal(rows("SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'schema_migrations'"),
                        "public");
    sql(here, "DROP OWNED BY maker; DROP ROLE maker");
}

TEST(deferred_constraints_fail_the_commit_and_leave_nothing)
{
    migration("1_a.up.sql",
              "CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
              "INSERT INTO b VALUES (9)");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "Key (a)=(9) is not present in table \"a\"");
    assert_string_equal(leaselock_error_last()->sqlstate, "23503");
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b')"), "0");
    assert_version(migrations, NIL, false);
    end_migrations(migrations);
    assert_nothing_left();
}

TEST(only_the_version_moves_where_there_is_no_file)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    migration("2_b.down.sql", "DROP TABLE a");
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 2);
    assert_down(migrations, DONE, NIL);
    end_migrations(migrations);
    assert_string_equal(rows("SELECT count(*) FROM schema_migrations"), "0");
}

TEST(ten_mebibytes)
{
    enum { SIZE = 10 << 20 };
    char *body = malloc(SIZE + 100);
    size_t used = (size_t)sprintf(body, "CREATE TABLE t (x text); INSERT INTO t VALUES ('");
    memset(body + used, 'x', SIZE - used);
    strcpy(body + SIZE, "')");
    migration("1_a.up.sql", body);
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
    assert_true(number(here, "SELECT length(x) FROM t") == (long long)(SIZE - used));
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(what_real_files_contain),
        IN_DATABASE(a_read_only_file_cannot_write_and_a_failure_leaves_nothing),
        IN_DATABASE(the_session_goes_on_from_file_to_file),
        IN_DATABASE(deferred_constraints_fail_the_commit_and_leave_nothing),
        IN_DATABASE(only_the_version_moves_where_there_is_no_file),
        IN_DATABASE(ten_mebibytes),
    };
    return cmocka_run_group_tests_name("migrate_bodies", tests, NULL, NULL);
}
