/* Other runners are kept out, golang-migrate's included; who waits in vain is told for whom. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engines/postgresql/advisory.h"
#include "postgresql/migrations.h"

#define DONE LEASELOCK_MIGRATION_DONE
#define NIL LEASELOCK_NO_VERSION

/* golang-migrate's key for the test's database, as a library or as a command (with the slash). */
static unsigned key_of(const char *slash)
{
    static const char *const names[] = {"public", "schema_migrations"};
    char name[64];
    snprintf(name, sizeof name, "%s%s", slash, own_database());
    return ll_pg_advisory_key(name, names, 2);
}

static const leaselock_migrations_options short_wait = {.struct_size = sizeof short_wait, .wait_ms = 300};

static void assert_kept_out(leaselock_migrations *migrations, PGconn *by)
{
    char who[128];
    snprintf(who, sizeof who, "another runner has the lock of \"public\".\"schema_migrations\": process %d (test)",
             PQbackendPID(by));
    int64_t started = real_clock();
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, who);
    assert_true(real_clock() - started >= 300);
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_migrations_force(migrations, 1, NULL));
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_migrations_drop(migrations, NULL));
    /* nothing of ours is left, or in the way of the other's transactions */
    assert_string_equal(rows("SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
                             " WHERE a.application_name = 'libleaselock' AND l.locktype IN ('advisory', 'relation')"),
                        "0");
    assert_version(migrations, NIL, false); /* takes no lock */
}

static void each_key(const char *body)
{
    static const char *const slashes[] = {"", "/"};
    migration("1_a.up.sql", body);
    PGconn *other = own_session();
    leaselock_migrations *migrations = open_list_at(own_url(""), &short_wait);
    for (size_t i = 0; i < 2; i++) {
        sql(other, "SELECT pg_advisory_lock(%u)", key_of(slashes[i]));
        assert_kept_out(migrations, other);
        sql(other, "SELECT pg_advisory_unlock_all()");
    }
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
    PQfinish(other);
    assert_nothing_left();
}

TEST(golang_migrates_keys_keep_us_out)
{
    each_key("CREATE TABLE a (x int)");
}

TEST(also_where_the_table_is_there)
{
    sql(here, "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null)");
    each_key("CREATE TABLE a (x int)");
}

TEST(also_from_what_runs_outside_of_a_transaction)
{
    each_key("VACUUM");
}

TEST(whoever_writes_the_table_by_hand_keeps_us_out)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    sql(here, "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null)");
    PGconn *other = own_session();
    sql(other, "BEGIN; INSERT INTO schema_migrations VALUES (1, false)");
    leaselock_migrations *migrations = open_list_at(own_url(""), &short_wait);
    char who[32];
    snprintf(who, sizeof who, "process %d (test)", PQbackendPID(other));
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, who);
    sql(other, "ROLLBACK");
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
    PQfinish(other);
}

static void assert_sees(const char *keys)
{
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 1);
    assert_string_equal(rows("SELECT * FROM seen"), keys);
    assert_nothing_left(); /* though the session goes on */
    end_migrations(migrations);
}

/*
 * golang-migrate's row is dirty while it runs: whether it failed is known to whoever has its locks, and to him at once.
 */
TEST(a_dirty_row_is_a_failure_only_where_nobody_is_at_work)
{
    static const leaselock_migrations_options endless = {.struct_size = sizeof endless, .wait_ms = LEASELOCK_FOREVER};
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    sql(here, "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null);"
              " INSERT INTO schema_migrations VALUES (1, true)");
    PGconn *other = own_session();
    sql(other, "SELECT pg_advisory_lock(%u)", key_of("/"));
    leaselock_migrations *migrations = open_list_at(own_url(""), &short_wait);
    char who[32];
    snprintf(who, sizeof who, "process %d (test)", PQbackendPID(other));
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, who);
    PQfinish(other);
    end_migrations(migrations);
    migrations = open_list_at(own_url(""), &endless);
    assert_up_fails(migrations, LEASELOCK_DIRTY, "dirty at version 1");
    end_migrations(migrations);
    assert_nothing_left();
}

TEST(both_are_held_while_a_migration_runs)
{
    sql(here, "CREATE TABLE seen (keys text)");
    migration("1_a.up.sql", "INSERT INTO seen SELECT string_agg(objid::text, ',' ORDER BY objid::int8) FROM pg_locks"
                            " WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted");
    char expected[64];
    unsigned first = key_of(""), second = key_of("/");
    snprintf(expected, sizeof expected, "%u,%u", first < second ? first : second, first < second ? second : first);
    assert_sees(expected);
    sql(here, "TRUNCATE seen; DELETE FROM schema_migrations");
    migration("1_a.up.sql",
              "-- leaselock: no-transaction\nINSERT INTO seen SELECT string_agg(objid::text, ',' ORDER BY objid::int8)"
              " FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted");
    assert_sees(expected);
    assert_nothing_left();
}

TEST(a_pooler_or_alias_in_the_url_is_a_third_name)
{
    static const char *const names[] = {"public", "schema_migrations"};
    /* psql's way to say the database otherwise: the path is an alias, dbname leads */
    char options[96], alias[600];
    snprintf(options, sizeof options, "?dbname=%s", own_database());
    snprintf(alias, sizeof alias, "%s", own_url(options));
    char *path = strrchr(alias, '/');
    memmove(path + strlen("/alias"), strchr(path, '?'), strlen(strchr(path, '?')) + 1);
    memcpy(path, "/alias", strlen("/alias"));
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    leaselock_migrations *migrations = open_list_at(alias, &short_wait);
    PGconn *other = own_session();
    sql(other, "SELECT pg_advisory_lock(%u)", ll_pg_advisory_key("/alias", names, 2));
    assert_kept_out(migrations, other);
    PQfinish(other);
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
}

/* Whoever is inside of pg_advisory_lock() has a snapshot that the build would wait for. */
TEST(a_build_of_an_index_lets_a_waiting_golang_migrate_go_first)
{
    sql(here, "CREATE TABLE t (x int)");
    migration("1_a.up.sql", "CREATE INDEX CONCURRENTLY i ON t (x)");
    PGconn *holder = own_session(), *waiter = own_session();
    sql(holder, "SELECT pg_advisory_lock(%u)", key_of("/"));
    send_sql(waiter, "SELECT pg_advisory_lock(%u), pg_advisory_lock(%u), pg_sleep(0.3), pg_advisory_unlock_all()",
             key_of("/"), key_of(""));
    wait_until_blocked(here, waiter);
    sql(holder, "SELECT pg_advisory_unlock_all()");
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 1);
    assert_string_equal(answer(waiter), "00000");
    end_migrations(migrations);
    PQfinish(holder);
    PQfinish(waiter);
    assert_nothing_left();
}

/* And one that comes meanwhile, and makes a circle that the server ends at our cost. */
static void *come_later(void *payload)
{
    PGconn *waiter = payload;
    while (number(waiter,
                  "SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation WHERE c.relname = 't'"
                  " AND l.mode = 'ShareUpdateExclusiveLock'") == 0)
        real_sleep(1);
    sql(waiter, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SET LOCAL deadlock_timeout = '1h'");
    sqlstate(waiter, "SELECT pg_advisory_lock(%u)", key_of(""));
    sql(waiter, "COMMIT; SELECT pg_advisory_unlock_all()");
    return NULL;
}

TEST(a_deadlock_with_one_that_comes_later_is_overcome)
{
    sql(here, "CREATE TABLE t (x int); INSERT INTO t SELECT generate_series(1, 200000)");
    sql(here, "ALTER DATABASE %s SET deadlock_timeout = '100ms'", own_database());
    migration("1_a.up.sql", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (sin(x))");
    PGconn *waiter = own_session();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, come_later, waiter), 0);
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
    end_migrations(migrations);
    PQfinish(waiter);
    assert_nothing_left();
}

/* ---- many at once ---- */

enum { PROCESSES = 16, MIGRATIONS = 6 };

static int run_up(const char *url)
{
    leaselock_migrations *migrations = NULL;
    if (try_open(url, &patiently, &migrations) != LEASELOCK_OK)
        return 2;
    leaselock_status status = leaselock_migrations_up(migrations, NULL);
    if (status != LEASELOCK_OK)
        fprintf(stderr, "%s\n", leaselock_error_last()->message);
    leaselock_migrations_free(migrations);
    return status != LEASELOCK_OK;
}

static void many_at_once(void)
{
    sql(here, "CREATE TABLE ran (what int)");
    for (int i = 1; i <= MIGRATIONS; i++) {
        char name[32], body[64];
        snprintf(name, sizeof name, "%d_x.up.sql", i);
        snprintf(body, sizeof body, "INSERT INTO ran VALUES (%d)%s", i, i == 3 ? "; COMMIT; BEGIN; COMMIT" : "");
        migration(name, body);
    }
    char url[600];
    snprintf(url, sizeof url, "%s", own_url(""));
    pid_t children[PROCESSES];
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(run_up(url));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int state;
        while (waitpid(children[i], &state, 0) < 0)
            assert_int_equal(errno, EINTR);
        assert_true(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    }
    assert_string_equal(rows("SELECT string_agg(what::text, ',' ORDER BY ctid) FROM ran"), "1,2,3,4,5,6");
    assert_string_equal(rows("SELECT * FROM schema_migrations"), "6|f");
    assert_nothing_left();
}

TEST(sixteen_processes_apply_each_once)
{
    many_at_once();
}

/* The snapshot of the first statement stays: it must not be from before the lock. */
TEST(also_where_a_transaction_sees_one_moment_only)
{
    sql(here, "ALTER DATABASE %s SET default_transaction_isolation = 'repeatable read'", own_database());
    many_at_once();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(golang_migrates_keys_keep_us_out),
        IN_DATABASE(also_where_the_table_is_there),
        IN_DATABASE(also_from_what_runs_outside_of_a_transaction),
        IN_DATABASE(whoever_writes_the_table_by_hand_keeps_us_out),
        IN_DATABASE(a_dirty_row_is_a_failure_only_where_nobody_is_at_work),
        IN_DATABASE(both_are_held_while_a_migration_runs),
        IN_DATABASE(a_pooler_or_alias_in_the_url_is_a_third_name),
        IN_DATABASE(a_build_of_an_index_lets_a_waiting_golang_migrate_go_first),
        IN_DATABASE(a_deadlock_with_one_that_comes_later_is_overcome),
        IN_DATABASE(sixteen_processes_apply_each_once),
        IN_DATABASE(also_where_a_transaction_sees_one_moment_only),
    };
    return cmocka_run_group_tests_name("migrate_locks", tests, NULL, NULL);
}
