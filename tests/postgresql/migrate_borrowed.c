/* Migrations on a connection that the program lends: used as it is, and left open. */
#include <stdio.h>
#include <string.h>

#include "postgresql/migrations.h"

#define DONE LEASELOCK_MIGRATION_DONE
#define NIL LEASELOCK_NO_VERSION

static leaselock_status try_borrow(PGconn *lent, const char *url, leaselock_migrations **out)
{
    leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = 300, .borrowed = lent};
    return try_open(url, &options, out);
}

static leaselock_migrations *borrow(PGconn *lent)
{
    leaselock_migrations *migrations = NULL;
    assert_ok(try_borrow(lent, "postgresql:", &migrations));
    return migrations;
}

TEST(everything_runs_on_it_and_it_stays_open)
{
    migration("1_a.up.sql",
              "CREATE TABLE a AS SELECT pg_backend_pid() AS pid, current_setting('my.setting') AS setting,"
              " current_setting('DateStyle') AS dates, x FROM kept");
    migration("2_b.up.sql", "CREATE INDEX CONCURRENTLY i ON a (pid)");
    PGconn *lent = own_session();
    sql(lent, "CREATE TEMP TABLE kept AS SELECT 5 AS x; SET my.setting = 'on'; SET DateStyle = 'German'; SELECT "
              "pg_advisory_lock(1)");
    leaselock_migrations *migrations = borrow(lent);
    assert_up(migrations, DONE, 2);
    assert_version(migrations, 2, false);
    end_migrations(migrations);
    char expected[64];
    snprintf(expected, sizeof expected, "%d|on|German, DMY|5", PQbackendPID(lent));
    assert_string_equal(rows("SELECT * FROM a"), expected);
    assert_int_equal(PQtransactionStatus(lent), PQTRANS_IDLE);
    assert_string_equal(sql(lent, "SHOW DateStyle"), "German, DMY");
    /* its owner's lock is still there, and only that */
    assert_int_equal(
        number(lent, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"), 1);
    assert_int_equal(number(lent, "SELECT 7"), 7);
    PQfinish(lent);
}

TEST(what_its_owner_has_in_progress_is_not_touched)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    PGconn *lent = own_session();
    leaselock_migrations *migrations = borrow(lent), *second = NULL;
    int64_t version;
    sql(lent, "BEGIN; CREATE TABLE mine (x int)");
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_version(migrations, &version, NULL));
    assert_message("in use");
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_up(migrations, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_force(migrations, 1, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_drop(migrations, NULL));
    assert_refused(LEASELOCK_INVALID, try_borrow(lent, "postgresql:", &second));
    assert_int_equal(PQtransactionStatus(lent), PQTRANS_INTRANS);
    sql(lent, "COMMIT");
    assert_string_equal(rows("SELECT count(*) FROM mine"), "0");
    sqlstate(lent, "BEGIN; OOPS");
    sqlstate(lent, "BEGIN");
    sqlstate(lent, "OOPS");
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_up(migrations, NULL));
    sql(lent, "ROLLBACK");
    assert_up(migrations, DONE, 1);
    assert_int_equal(PQenterPipelineMode(lent), 1);
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_up(migrations, NULL));
    assert_int_equal(PQexitPipelineMode(lent), 1);
    end_migrations(migrations);
    PQfinish(lent);
}

TEST(failures_leave_it_idle)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int); OOPS");
    PGconn *lent = own_session(), *other = own_session();
    leaselock_migrations *migrations = borrow(lent);
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "syntax error");
    assert_int_equal(PQtransactionStatus(lent), PQTRANS_IDLE);
    sql(other, "BEGIN; LOCK TABLE schema_migrations");
    assert_true(leaselock_migrations_force(migrations, 1, NULL) == LEASELOCK_UNAVAILABLE);
    assert_int_equal(PQtransactionStatus(lent), PQTRANS_IDLE);
    PQfinish(other);
    end_migrations(migrations);
    PQfinish(lent);
}

TEST(a_broken_one_is_not_replaced)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    PGconn *lent = own_session();
    leaselock_migrations *migrations = borrow(lent), *second = NULL;
    number(here, "SELECT pg_terminate_backend(%d)::int", PQbackendPID(lent));
    assert_eventually(number(here, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", PQbackendPID(lent)) == 0);
    int64_t version;
    for (int i = 0; i < 2; i++) {
        assert_refused(LEASELOCK_UNAVAILABLE, leaselock_migrations_version(migrations, &version, NULL));
        assert_refused(LEASELOCK_UNAVAILABLE, leaselock_migrations_up(migrations, NULL));
    }
    assert_refused(LEASELOCK_UNAVAILABLE, try_borrow(lent, "postgresql:", &second));
    end_migrations(migrations);
    PQfinish(lent); /* nobody has done so before */
}

TEST(the_url_says_options_and_no_place)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    PGconn *lent = own_session();
    leaselock_migrations *migrations = NULL;
    assert_ok(
        try_borrow(lent, "postgresql://nobody@nowhere.invalid:1/nothing?x-migrations-table=versions", &migrations));
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
    assert_string_equal(rows("SELECT * FROM versions"), "1|f");
    PQfinish(lent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(everything_runs_on_it_and_it_stays_open),
        IN_DATABASE(what_its_owner_has_in_progress_is_not_touched),
        IN_DATABASE(failures_leave_it_idle),
        IN_DATABASE(a_broken_one_is_not_replaced),
        IN_DATABASE(the_url_says_options_and_no_place),
    };
    return cmocka_run_group_tests_name("migrate_borrowed", tests, NULL, NULL);
}
