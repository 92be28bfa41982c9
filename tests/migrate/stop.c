/* Stopping a run: between migrations, inside a statement, and by a thread's interrupt hook. */
#include <pthread.h>

#include "migrate/fixture.h"

#define ENDLESS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO a SELECT i FROM n"

static void three_files(const char *second)
{
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    migration_file("2_b.up.sql", second);
    migration_file("3_c.up.sql", "CREATE TABLE c (x)");
}

typedef struct stopper {
    leaselock_migrations *migrations;
    leaselock_stop when;
    leaselock_status status;
} stopper;

/* The hook is called inside a script. Once table a is there for others, that is the second migration's. */
static int stop_inside_second(void *payload)
{
    stopper *self = payload;
    sqlite3 *db = NULL; /* one that does not wait */
    sqlite3_open(database_path(), &db);
    int result = sqlite3_exec(db, "SELECT 1 FROM a", NULL, NULL, NULL);
    sqlite3_close(db);
    if (result == SQLITE_OK ||
        result == SQLITE_BUSY) /* busy: the second has written so much that it excludes readers */
        self->status = leaselock_migrations_stop(self->migrations, self->when);
    return 0;
}

static void assert_stopped_inside(leaselock_migrations *migrations, leaselock_stop when, size_t count, int64_t version,
                                  bool dirty)
{
    stopper self = {migrations, when, LEASELOCK_INTERNAL};
    leaselock_migration_result *result = NULL;
    leaselock_interrupt_hook before =
        leaselock_interrupt_hook_swap((leaselock_interrupt_hook){stop_inside_second, &self});
    leaselock_status status = leaselock_migrations_up(migrations, &result);
    leaselock_interrupt_hook_swap(before);
    assert_ok(self.status);
    assert_false(leaselock_migration_succeeded(result));
    assert_int_equal(leaselock_migration_result_count(result), count);
    assert_int_equal(leaselock_migration_result_dirty(result), dirty);
    assert_run(status, result, LEASELOCK_MIGRATION_STOPPED, version);
}

TEST(now_cancels_the_statement_and_its_migration_is_rolled_back)
{
    three_files("CREATE TABLE b (x); " ENDLESS);
    leaselock_migrations *migrations = open_patiently();
    assert_stopped_inside(migrations, LEASELOCK_STOP_NOW, 1, 1, false);
    assert_string_equal(database_text("SELECT count(*) FROM a"), "0");
    assert_string_equal(database_text("SELECT count(*) FROM sqlite_master WHERE name = 'b'"), "0");
    migration_file("2_b.up.sql", "CREATE TABLE b (x)");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3); /* a stop is heard once */
    end_migrations(migrations);
}

TEST(between_lets_the_migration_end)
{
    three_files("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) INSERT INTO a "
                "SELECT max(i) FROM n");
    leaselock_migrations *migrations = open_patiently();
    assert_stopped_inside(migrations, LEASELOCK_STOP_BETWEEN, 2, 2, false);
    assert_string_equal(database_text("SELECT * FROM a"), "3000000");
    end_migrations(migrations);
}

TEST(a_stop_before_the_run_stops_it_and_no_other)
{
    three_files("");
    leaselock_migrations *migrations = open_directory("");
    assert_ok(leaselock_migrations_stop(migrations, LEASELOCK_STOP_BETWEEN));
    assert_up(migrations, LEASELOCK_MIGRATION_STOPPED, LEASELOCK_NO_VERSION);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_ok(leaselock_migrations_stop(migrations, LEASELOCK_STOP_NOW));
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_down(migrations, &result);
    assert_int_equal(leaselock_migration_result_from(result), 3);
    assert_run(status, result, LEASELOCK_MIGRATION_STOPPED, 3);
    assert_int_equal(leaselock_migrations_stop(migrations, 3), LEASELOCK_INVALID);
    end_migrations(migrations);
}

static void *stop_soon(void *payload)
{
    stopper *self = payload;
    real_sleep(50);
    self->status = leaselock_migrations_stop(self->migrations, self->when);
    return NULL;
}

TEST(waiting_for_the_write_lock_is_stopped_too)
{
    three_files("");
    leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = LEASELOCK_FOREVER};
    stopper stopping = {NULL, LEASELOCK_STOP_BETWEEN, LEASELOCK_INTERNAL};
    assert_ok(
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &stopping.migrations));
    sqlite3 *writer = raw_open(database_path());
    raw_run(writer, "BEGIN IMMEDIATE");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stopping), 0);
    assert_up(stopping.migrations, LEASELOCK_MIGRATION_STOPPED, LEASELOCK_NO_VERSION);
    assert_int_equal(pthread_join(thread, NULL), 0);
    raw_run(writer, "ROLLBACK");
    sqlite3_close(writer);
    end_migrations(stopping.migrations);
}

/* What a golang-migrate at work would look like, or one that failed. */
TEST(waiting_for_a_dirty_database_is_stopped_and_the_result_says_why)
{
    three_files("");
    leaselock_migrations *migrations = open_patiently();
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    database_run("UPDATE schema_migrations SET version = 2, dirty = 1");
    stopper stopping = {migrations, LEASELOCK_STOP_BETWEEN, LEASELOCK_INTERNAL};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stopping), 0);
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_up(migrations, &result);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(leaselock_migration_result_dirty(result));
    assert_int_equal(leaselock_migration_result_from(result), 2);
    assert_run(status, result, LEASELOCK_MIGRATION_STOPPED, 2);
    end_migrations(migrations);
}

static int interrupt_third(void *payload)
{
    return ++*(int *)payload >= 3;
}

TEST(the_interrupt_hook_cancels_with_an_error)
{
    three_files("CREATE TABLE b (x); " ENDLESS);
    int calls = 0;
    leaselock_migrations *migrations = open_directory("");
    leaselock_interrupt_hook before =
        leaselock_interrupt_hook_swap((leaselock_interrupt_hook){interrupt_third, &calls});
    int64_t started = real_clock();
    leaselock_status status = leaselock_migrations_up(migrations, NULL);
    leaselock_interrupt_hook_swap(before);
    assert_int_equal(status, LEASELOCK_INTERRUPTED);
    assert_true(real_clock() - started < PATIENCE_MS);
    assert_version(migrations, 1, false);
    assert_string_equal(database_text("SELECT count(*) FROM a"), "0");
    end_migrations(migrations);
}

/* What runs without a transaction cannot be rolled back: the row tells, and the result. */
TEST(a_cancelled_script_without_a_transaction_is_dirty)
{
    three_files("-- leaselock: no-transaction\n" ENDLESS);
    leaselock_migrations *migrations = open_patiently();
    assert_stopped_inside(migrations, LEASELOCK_STOP_NOW, 1, 2, true);
    assert_version(migrations, 2, true);
    end_migrations(migrations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(now_cancels_the_statement_and_its_migration_is_rolled_back),
        IN_FOLDER(between_lets_the_migration_end),
        IN_FOLDER(a_stop_before_the_run_stops_it_and_no_other),
        IN_FOLDER(waiting_for_the_write_lock_is_stopped_too),
        IN_FOLDER(waiting_for_a_dirty_database_is_stopped_and_the_result_says_why),
        IN_FOLDER(the_interrupt_hook_cancels_with_an_error),
        IN_FOLDER(a_cancelled_script_without_a_transaction_is_dirty),
    };
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
