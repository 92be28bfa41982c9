/* Where a migration failed, and why: file, line, column, statement, SQLSTATE. */
#include <string.h>

#include "engines/postgresql/migrate.h"
#include "postgresql/migrations.h"

#define NIL LEASELOCK_NO_VERSION

static const struct {
    const char *body, *message, *sqlstate;
    int64_t line, column;
} failing[] = {
    {"CREATE TABLE a (x int);\n  CREATE TABEL b (y int);",
     "1_a.up.sql:2:10: syntax error at or near \"TABEL\" (in: CREATE TABEL b (y int))", "42601", 2, 10},
    {"CREATE TABLE a (x int);\r\n\r\n-- \xc3\xa4\xc3\xb6\r\nSELECT '\xc3\xa4\xe2\x94\x80', nothing;\r\nSELECT 1",
     "column \"nothing\" does not exist (in: SELECT '\xc3\xa4\xe2\x94\x80', nothing)", "42703", 4, 14},
    {"BEGIN;\nCREATE TABLE a (x int);\n\n  SELECT 1 + nope;\nCOMMIT;", "1_a.up.sql:4:14: column \"nope\"", "42703", 4,
     14},
    /* the server tells no position: the statement's */
    {"CREATE TABLE a (x int UNIQUE);\nINSERT INTO a VALUES (1);\n\n  INSERT INTO a\n VALUES (1); SELECT 1;",
     "1_a.up.sql:4:3: duplicate key value violates unique constraint \"a_x_key\"; Key (x)=(1) already exists. "
     "(in: INSERT INTO a VALUES (1))",
     "23505", 4, 3},
    {";;\nCREATE TABLE a (x int);;\n DROP TABLE b", "1_a.up.sql:3:2: table \"b\" does not exist (in: DROP TABLE b)",
     "42P01", 3, 2},
    {"CREATE TABLE a (x int); SELECT lenght('x')",
     "function lenght(unknown) does not exist; No function matches the given name and argument types.", "42883", 1, 32},
    {"DO $$BEGIN RAISE EXCEPTION 'no' USING HINT = 'do', ERRCODE = 'LL123'; END$$", "1_a.up.sql:1:1: no; do", "LL123",
     1, 1},
    {"\\set x 1", "syntax error at or near \"\\\"", "42601", 1, 1},
    {"CREATE TYPE mood AS ENUM ('ok'); COMMIT AND CHAIN; OOPS", "syntax error", "42601", 1, 52},
    {"SET statement_timeout = 50; SELECT pg_sleep(60)", "canceling statement due to statement timeout", "57014", 1, 29},
};

TEST(say_where_and_why)
{
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        print_message("%s\n", failing[i].body);
        migration("1_a.up.sql", failing[i].body);
        leaselock_migrations *migrations = open_list("");
        assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, failing[i].message);
        assert_string_equal(leaselock_error_last()->sqlstate, failing[i].sqlstate);
        assert_string_equal(leaselock_migrations_failed_file(migrations), "1_a.up.sql");
        assert_int_equal(leaselock_migrations_failed_line(migrations), failing[i].line);
        assert_int_equal(leaselock_migrations_failed_column(migrations), failing[i].column);
        end_migrations(migrations);
        assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'a'"), "0");
        sql(here, "DROP TABLE schema_migrations");
    }
    assert_nothing_left();
}

/* What another try may overcome is no fault of the file. */
TEST(that_pass_are_unavailable)
{
    sql(here, "CREATE TABLE held (x int)");
    sql(here, "BEGIN; LOCK TABLE held");
    migration("1_a.up.sql", "CREATE TABLE a (x int); SET LOCAL lock_timeout = 50; SELECT * FROM held");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, "1_a.up.sql:1:68: canceling statement due to lock timeout");
    assert_string_equal(leaselock_error_last()->sqlstate, "55P03");
    sql(here, "ROLLBACK");
    assert_version(migrations, NIL, false);
    end_migrations(migrations);
    migration("1_a.up.sql", "CREATE TABLE a (x int); DO $$BEGIN RAISE SQLSTATE '40001'; END$$");
    migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, "1_a.up.sql:1:25:");
    assert_version(migrations, NIL, false);
    end_migrations(migrations);
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'a'"), "0");
}

TEST(x_statement_timeout_is_per_file)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    migration("2_b.up.sql", "SELECT pg_sleep(60)");
    leaselock_migrations *migrations = open_list("?x-statement-timeout=1500");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED,
                    "2_b.up.sql: cancelled, since it took longer than the URL's "
                    "x-statement-timeout of 1500 ms");
    assert_version(migrations, 1, false);
    assert_nothing_left();
    migration("2_b.up.sql", "CREATE TABLE b (x int)");
    end_migrations(migrations);
    migrations = open_list("?x-statement-timeout=60000");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 2);
    end_migrations(migrations);
}

/* ---- what the lexer keeps out must not hang or be taken for success where it comes through all the same ---- */

static leaselock_status run_unexamined(const char *body)
{
    leaselock_connection *connection = NULL;
    leaselock_script script = {.name = "1_a.up.sql", .text = body, .size = strlen(body), .end = strlen(body)};
    const leaselock_version_table table = {.name = "\"public\".\"schema_migrations\""};
    assert_ok(ll_pg_migrations.open(own_url(""), NULL, NULL, patient_call(), &connection));
    assert_ok(ll_pg_migrations.begin(connection, NULL, patient_call()));
    leaselock_status status = ll_pg_migrations.run(connection, &script, patient_call());
    if (status == LEASELOCK_OK)
        status = ll_pg_migrations.write_version(connection, &table, 1, false);
    if (status == LEASELOCK_OK)
        status = ll_pg_migrations.commit(connection, patient_call());
    ll_pg_migrations.rollback(connection);
    /* the session is as good as before */
    leaselock_error failure = *leaselock_error_last();
    leaselock_version_row row;
    assert_ok(ll_pg_migrations.read_version(connection, &table, patient_call(), &row));
    assert_int_equal(row.kind, LEASELOCK_VERSION_NONE);
    ll_pg_close(connection);
    print_message("%s: %s\n", body, failure.message);
    return status;
}

TEST(copying_and_ending_the_transaction_are_failures)
{
    sql(here, "CREATE TABLE t (x int)");
    assert_status(LEASELOCK_MIGRATION_FAILED, run_unexamined("SELECT 1; COPY t FROM STDIN; SELECT 2"));
    assert_status(LEASELOCK_MIGRATION_FAILED, run_unexamined("COPY (SELECT generate_series(1, 3000000)) TO STDOUT"));
    assert_status(LEASELOCK_MIGRATION_FAILED, run_unexamined("COPY t TO STDOUT; SELECT 2"));
    assert_status(LEASELOCK_MIGRATION_FAILED, run_unexamined("SELECT 1; COMMIT"));
    assert_status(LEASELOCK_MIGRATION_FAILED, run_unexamined("SELECT 1; COMMIT; BEGIN"));
    assert_status(LEASELOCK_MIGRATION_FAILED, run_unexamined("ROLLBACK; BEGIN; SELECT 1"));
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(say_where_and_why),
        IN_DATABASE(that_pass_are_unavailable),
        IN_DATABASE(x_statement_timeout_is_per_file),
        IN_DATABASE(copying_and_ending_the_transaction_are_failures),
    };
    return cmocka_run_group_tests_name("migrate_failures", tests, NULL, NULL);
}
