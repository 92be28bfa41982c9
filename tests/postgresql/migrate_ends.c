/* Runs that come to an end in the midst: stopped, interrupted, killed, cut off. The database is at the old version or
 * at the new. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engines/postgresql/libpq.h"
#include "postgresql/migrations.h"
#include "postgresql/proxy.h"

#define DONE LEASELOCK_MIGRATION_DONE
#define NIL LEASELOCK_NO_VERSION

/* ---- stopping ---- */

typedef struct stopper {
    pthread_t thread;
    leaselock_migrations *migrations;
    leaselock_stop when;
    const char *until; /* a query on a session of its own that is true when it is time */
} stopper;

static void *stop_then(void *payload)
{
    stopper *self = payload;
    PGconn *watcher = own_session();
    while (number(watcher, "SELECT (%s)::int", self->until) == 0)
        real_sleep(5);
    PQfinish(watcher);
    leaselock_migrations_stop(self->migrations, self->when);
    return NULL;
}

#define SLEEPS                                                                                                         \
    "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'libleaselock' AND wait_event = 'PgSleep')"
#define WAITS "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'libleaselock')"

static void assert_stops(leaselock_migrations *migrations, leaselock_stop when, const char *until, size_t count,
                         int64_t version, bool dirty)
{
    stopper self = {.migrations = migrations, .when = when, .until = until};
    leaselock_migration_result *result = NULL;
    assert_int_equal(pthread_create(&self.thread, NULL, stop_then, &self), 0);
    leaselock_status status = leaselock_migrations_up(migrations, &result);
    assert_int_equal(pthread_join(self.thread, NULL), 0);
    assert_ok(status);
    assert_int_equal(leaselock_migration_result_count(result), count);
    assert_int_equal(leaselock_migration_result_dirty(result), dirty);
    assert_run(status, result, LEASELOCK_MIGRATION_STOPPED, version);
    assert_version(migrations, version, dirty);
    assert_nothing_left();
}

static void three(const char *second)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    migration("2_b.up.sql", second);
    migration("3_c.up.sql", "CREATE TABLE c (x int)");
}

TEST(a_stop_cancels_the_statement_and_its_migration_is_rolled_back)
{
    three("INSERT INTO a VALUES (1); SELECT pg_sleep(600)");
    leaselock_migrations *migrations = open_list("");
    int64_t started = real_clock();
    assert_stops(migrations, LEASELOCK_STOP_NOW, SLEEPS, 1, 1, false);
    assert_true(real_clock() - started < PATIENCE_MS);
    assert_string_equal(rows("SELECT count(*) FROM a"), "0");
    assert_stops(migrations, LEASELOCK_STOP_NOW, SLEEPS, 0, 1, false); /* the session is as good as before */
    end_migrations(migrations);
}

TEST(a_stop_between_lets_the_migration_end)
{
    three("INSERT INTO a VALUES (1); SELECT pg_sleep(2)");
    leaselock_migrations *migrations = open_list("");
    assert_stops(migrations, LEASELOCK_STOP_BETWEEN, SLEEPS, 2, 2, false);
    assert_up(migrations, DONE, 3);
    end_migrations(migrations);
}

TEST(a_cancelled_script_without_a_transaction_is_dirty)
{
    three("-- leaselock: no-transaction\nSELECT pg_sleep(600)");
    leaselock_migrations *migrations = open_list("");
    assert_stops(migrations, LEASELOCK_STOP_NOW, SLEEPS, 1, 2, true);
    end_migrations(migrations);
}

TEST(waiting_for_a_lock_is_stopped)
{
    static const leaselock_migrations_options forever = {.struct_size = sizeof forever, .wait_ms = LEASELOCK_FOREVER};
    three("");
    sql(here, "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null)");
    sql(here, "BEGIN; LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE");
    leaselock_migrations *migrations = open_list_at(own_url(""), &forever);
    stopper self = {.migrations = migrations, .when = LEASELOCK_STOP_BETWEEN, .until = WAITS};
    assert_int_equal(pthread_create(&self.thread, NULL, stop_then, &self), 0);
    assert_up(migrations, LEASELOCK_MIGRATION_STOPPED, NIL);
    assert_int_equal(pthread_join(self.thread, NULL), 0);
    sql(here, "ROLLBACK");
    end_migrations(migrations);
    assert_nothing_left();
}

static int when_asleep(void *payload)
{
    return number(payload, "SELECT (" SLEEPS ")::int") == 1;
}

TEST(the_interrupt_hook_cancels_with_an_error)
{
    three("INSERT INTO a VALUES (1); SELECT pg_sleep(600)");
    leaselock_migrations *migrations = open_list("");
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){when_asleep, here});
    leaselock_status status = leaselock_migrations_up(migrations, NULL);
    leaselock_interrupt_hook_swap(before);
    assert_int_equal(status, LEASELOCK_INTERRUPTED);
    assert_version(migrations, 1, false);
    assert_nothing_left();
    end_migrations(migrations);
}

/* ---- an end at every message ---- */

typedef enum ending { KILLED, TERMINATED } ending;

static struct {
    ending how;
    bool behind; /* the message is sent */
    int at, sent;
    PGconn *killer;
} plan;

static __typeof__(pq.PQsendQuery) real_send;
static __typeof__(pq.PQsendQueryParams) real_send_values;

/* The process dies, or the server ends its session. */
static void end_now(PGconn *link)
{
    if (plan.how == KILLED) {
        raise(SIGKILL);
    } else {
        int pid = PQbackendPID(link);
        number(plan.killer, "SELECT pg_terminate_backend(%d)::int", pid);
        assert_eventually(number(plan.killer, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", pid) == 0);
    }
}

static int ending_send(PGconn *link, const char *text)
{
    bool now = ++plan.sent == plan.at;
    if (now && !plan.behind)
        end_now(link);
    int sent = real_send(link, text);
    if (now && plan.behind) {
        PQflush(link);
        end_now(link);
    }
    return sent;
}

static int ending_send_values(PGconn *link, const char *text, int count, const Oid *types, const char *const *values,
                              const int *lengths, const int *formats, int format)
{
    bool now = ++plan.sent == plan.at;
    if (now && !plan.behind)
        end_now(link);
    int sent = real_send_values(link, text, count, types, values, lengths, formats, format);
    if (now && plan.behind) {
        PQflush(link);
        end_now(link);
    }
    return sent;
}

static void intercept(ending how, bool behind, int at)
{
    if (!real_send) {
        assert_ok(ll_pg_load());
        real_send = pq.PQsendQuery;
        real_send_values = pq.PQsendQueryParams;
    }
    plan.how = how;
    plan.behind = behind;
    plan.at = at;
    plan.sent = 0;
    pq.PQsendQuery = at ? ending_send : real_send;
    pq.PQsendQueryParams = at ? ending_send_values : real_send_values;
}

static void two_that_show(void)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int); INSERT INTO a VALUES (1)");
    migration("2_b.up.sql",
              "BEGIN; ALTER TABLE a RENAME TO b; DROP TABLE schema_migrations; UPDATE b SET x = 2; COMMIT");
}

/* Version and schema are of one moment. */
static void assert_old_or_new(void)
{
    static const char *const schemas[] = {"", "a", "b"};
    bool there = number(here, "SELECT count(*) FROM pg_class WHERE relname = 'schema_migrations'") == 1;
    assert_int_equal(there ? number(here, "SELECT count(*) FROM schema_migrations WHERE dirty") : 0, 0);
    long long version = there ? number(here, "SELECT coalesce(max(version), 0) FROM schema_migrations") : 0;
    assert_true(version >= 0 && version <= 2);
    const char *table = rows("SELECT relname FROM pg_class WHERE relname IN ('a', 'b')");
    assert_string_equal(table, schemas[version]);
    if (version > 0)
        assert_int_equal(number(here, "SELECT x FROM %s", table), version);
}

/* In a child, which may die. True when it did. */
static bool up_in_child(int at)
{
    char url[600];
    snprintf(url, sizeof url, "%s", own_url(""));
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        leaselock_migrations *migrations = NULL;
        intercept(KILLED, true, at);
        if (try_open(url, &patiently, &migrations) == LEASELOCK_OK &&
            leaselock_migrations_up(migrations, NULL) == LEASELOCK_OK)
            _exit(0);
        _exit(1);
    }
    int state;
    while (waitpid(child, &state, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_true(WIFSIGNALED(state) || (WIFEXITED(state) && WEXITSTATUS(state) == 0));
    return WIFSIGNALED(state);
}

static void begin_anew(void)
{
    sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    intercept(TERMINATED, false, 0);
}

static void finish_and_begin_anew(void)
{
    leaselock_migrations *migrations = open_list("");
    leaselock_migration_result *result = NULL;
    assert_ok(leaselock_migrations_up(migrations, &result));
    assert_true(leaselock_migration_succeeded(result));
    leaselock_migration_result_free(result);
    end_migrations(migrations);
    assert_old_or_new();
    assert_string_equal(rows("SELECT * FROM schema_migrations"), "2|f");
    begin_anew();
}

TEST(a_process_that_dies_behind_any_message_leaves_the_old_or_the_new)
{
    int at = 1;
    two_that_show();
    for (; up_in_child(at); at++) {
        assert_eventually(
            number(here, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'libleaselock'") == 0);
        assert_old_or_new();
        assert_nothing_left();
        finish_and_begin_anew();
    }
    print_message("%d messages\n", at - 1);
    assert_true(at > 15);
    begin_anew();
}

TEST(a_session_that_the_server_ends_at_any_message_too)
{
    two_that_show();
    plan.killer = here;
    for (int behind = 0; behind < 2; behind++) {
        bool ended = true;
        for (int at = 1; ended; at++) {
            leaselock_migrations *migrations = NULL;
            intercept(TERMINATED, behind, at);
            leaselock_status status = try_open(own_url(""), &patiently, &migrations);
            if (status == LEASELOCK_OK)
                status = leaselock_migrations_up(migrations, NULL);
            ended = plan.sent >= at;
            intercept(TERMINATED, false, 0);
            if (status != LEASELOCK_OK)
                assert_string_equal(leaselock_error_name(status), "UNAVAILABLE");
            leaselock_migrations_free(migrations);
            assert_old_or_new();
            assert_nothing_left();
            finish_and_begin_anew();
        }
    }
}

TEST(the_handle_connects_anew_for_the_next_run)
{
    three("SELECT pg_terminate_backend(pg_backend_pid())");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE,
                    "2_b.up.sql:1:1: terminating connection due to administrator command");
    assert_version(migrations, 1, false);
    number(here,
           "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'libleaselock'");
    assert_eventually(number(here, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'libleaselock'") ==
                      0);
    assert_version(migrations, 1, false);
    number(here,
           "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'libleaselock'");
    /* what the scripts of a session have set would be missing in another: only the start of a run connects anew */
    leaselock_status status = leaselock_migrations_force(migrations, 2, NULL);
    assert_true(status == LEASELOCK_OK || status == LEASELOCK_UNAVAILABLE);
    assert_ok(leaselock_migrations_force(migrations, 2, NULL));
    assert_up(migrations, DONE, 3);
    end_migrations(migrations);
}

/* What the first has set would be missing. */
static void end_session(const leaselock_migration_result *so_far, void *payload)
{
    (void)so_far;
    number(payload, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name = 'libleaselock'");
    assert_eventually(
        number(payload, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'libleaselock'") == 0);
}

TEST(a_run_does_not_go_on_in_another_session)
{
    leaselock_migrations_options options = patiently;
    options.progress = end_session;
    options.payload = here;
    three("SELECT 1");
    migration("1_a.up.sql", "CREATE TABLE a (x int); SET search_path = a, public");
    leaselock_migrations *migrations = open_list_at(own_url(""), &options);
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, "lost between two migrations");
    assert_version(migrations, 1, false);
    end_migrations(migrations);
}

/* ---- an answer that is lost ---- */

static proxy wire;

static int swallowing_send(PGconn *link, const char *text)
{
    if (strcmp(text, "COMMIT") == 0 && ++plan.sent == plan.at) {
        atomic_store(&wire.cut, true);
        atomic_store(&wire.swallow, true);
    }
    return real_send(link, text);
}

TEST(a_commit_whose_answer_is_lost_is_found_by_the_next_run)
{
    two_that_show();
    proxy_start(&wire);
    intercept(TERMINATED, false, 0);
    char url[300];
    snprintf(url, sizeof url, "%.*s/%s", (int)(strrchr(wire.url, '/') - wire.url), wire.url, own_database());
    leaselock_migrations *migrations = open_list_at(url, &patiently);
    plan.at = 2; /* the first makes the table */
    plan.sent = 0;
    pq.PQsendQuery = swallowing_send;
    assert_up_fails(migrations, LEASELOCK_UNAVAILABLE, "all of it is applied, or nothing");
    pq.PQsendQuery = real_send;
    atomic_store(&wire.swallow, false);
    assert_nothing_left();
    assert_old_or_new();
    assert_string_equal(rows("SELECT * FROM schema_migrations"), "1|f");
    leaselock_migration_result *result = NULL;
    assert_ok(leaselock_migrations_up(migrations, &result));
    assert_int_equal(leaselock_migration_result_from(result), 1);
    assert_int_equal(leaselock_migration_result_count(result), 1);
    leaselock_migration_result_free(result);
    end_migrations(migrations);
    proxy_end(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(a_stop_cancels_the_statement_and_its_migration_is_rolled_back),
        IN_DATABASE(a_stop_between_lets_the_migration_end),
        IN_DATABASE(a_cancelled_script_without_a_transaction_is_dirty),
        IN_DATABASE(waiting_for_a_lock_is_stopped),
        IN_DATABASE(the_interrupt_hook_cancels_with_an_error),
        IN_DATABASE(a_process_that_dies_behind_any_message_leaves_the_old_or_the_new),
        IN_DATABASE(a_session_that_the_server_ends_at_any_message_too),
        IN_DATABASE(the_handle_connects_anew_for_the_next_run),
        IN_DATABASE(a_run_does_not_go_on_in_another_session),
        IN_DATABASE(a_commit_whose_answer_is_lost_is_found_by_the_next_run),
    };
    return cmocka_run_group_tests_name("migrate_ends", tests, NULL, NULL);
}
