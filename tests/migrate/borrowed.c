/* Migrations on a connection that the program lends: everything runs on it, and it is left as it was found. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/fixture.h"

#define ENDLESS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO a SELECT i FROM n"

static leaselock_status try_lent(sqlite3 *lent, const char *url, int64_t wait_ms, leaselock_migrations **out)
{
    leaselock_migrations_options options = {.struct_size = sizeof options, .wait_ms = wait_ms, .borrowed = lent};
    mkdir(migrations_directory(), 0777);
    return leaselock_migrations_open_directory(url, migrations_directory(), &options, out);
}

static leaselock_migrations *open_lent(sqlite3 *lent)
{
    leaselock_migrations *migrations = NULL;
    assert_ok(try_lent(lent, "sqlite:", PATIENCE_MS, &migrations));
    return migrations;
}

/* A connection that does not wait for others. */
static sqlite3 *new_connection(const char *path)
{
    sqlite3 *db = raw_open(path);
    sqlite3_busy_timeout(db, 0);
    return db;
}

/* Nothing of ours is left in it. */
static void end_lent(leaselock_migrations *migrations, sqlite3 *lent)
{
    end_migrations(migrations);
    assert_true(sqlite3_get_autocommit(lent));
    assert_null(sqlite3_next_stmt(lent, NULL));
    raw_run(lent, "CREATE TABLE still_here (x)");
    assert_int_equal(sqlite3_close(lent), SQLITE_OK);
}

static void three_files(const char *second)
{
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    migration_file("1_a.down.sql", "DROP TABLE a");
    migration_file("2_b.up.sql", second);
    migration_file("2_b.down.sql", "DROP TABLE b");
    migration_file("3_c.up.sql", "CREATE TABLE c (x)");
    migration_file("3_c.down.sql", "DROP TABLE c");
}

static void run_everything(sqlite3 *lent)
{
    leaselock_migration_result *result = NULL;
    three_files("CREATE TABLE b (x)");
    leaselock_migrations *migrations = open_lent(lent);
    assert_version(migrations, LEASELOCK_NO_VERSION, false);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_up(migrations, LEASELOCK_MIGRATION_NO_CHANGE, 3);
    leaselock_status status = leaselock_migrations_steps(migrations, -2, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 1);
    status = leaselock_migrations_goto(migrations, 2, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 2);
    assert_int_equal(raw_number(lent, "SELECT count(*) FROM a, b"), 0);
    status = leaselock_migrations_force(migrations, 3, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 3);
    raw_run(lent, "CREATE TABLE c (x)");
    assert_down(migrations, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    status = leaselock_migrations_drop(migrations, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    assert_int_equal(raw_number(lent, "SELECT count(*) FROM sqlite_master"), 0);
    end_lent(migrations, lent);
}

TEST(everything_runs_on_it_and_it_works_on)
{
    run_everything(new_connection(database_path()));
}

TEST(a_database_in_memory_may_be_lent)
{
    run_everything(new_connection(":memory:"));
    assert_int_equal(size_of(database_path()), -1);
}

TEST(of_the_url_only_the_options_count)
{
    sqlite3 *lent = new_connection(database_path());
    leaselock_migrations *migrations = NULL;
    three_files("CREATE TABLE b (x)");
    assert_ok(try_lent(lent, "sqlite:elsewhere.db?x-migrations-table=mine&_busy_timeout=10", 0, &migrations));
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_string_equal(database_text("SELECT version FROM mine"), "3");
    assert_int_equal(size_of(in_folder("elsewhere.db")), -1);
    end_migrations(migrations);
    migrations = NULL;
    assert_refused(LEASELOCK_INVALID, try_lent(lent, "sqlite:?_fk=1", 0, &migrations));
    assert_refused(LEASELOCK_INVALID, try_lent(lent, "sqlite:?_pragma=foreign_keys(0)", 0, &migrations));
    assert_refused(LEASELOCK_INVALID, try_lent(lent, "sqlite:?unknown=1", 0, &migrations));
    assert_null(migrations);
    assert_int_equal(sqlite3_close(lent), SQLITE_OK);
}

/* ---- as it was found ---- */

static int authorized, asked_busy, committed;

static int on_authorize(void *payload, int action, const char *first, const char *second, const char *database,
                        const char *trigger)
{
    (void)payload, (void)action, (void)first, (void)second, (void)database, (void)trigger;
    authorized++;
    return SQLITE_OK;
}

static int on_busy(void *payload, int count)
{
    (void)payload, (void)count;
    asked_busy++;
    return 0;
}

static int on_commit(void *payload)
{
    (void)payload;
    committed++;
    return 0;
}

static void assert_handlers_are_asked(sqlite3 *lent)
{
    sqlite3 *writer = new_connection(database_path());
    authorized = asked_busy = committed = 0;
    raw_run(writer, "BEGIN IMMEDIATE");
    assert_int_equal(sqlite3_exec(lent, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    sqlite3_close(writer);
    raw_run(lent, "CREATE TEMP TABLE once (x); DROP TABLE temp.once");
    assert_true(authorized > 0 && committed > 0);
    assert_int_equal(asked_busy, 1);
}

TEST(its_handlers_stay)
{
    sqlite3 *lent = new_connection(database_path());
    sqlite3_set_authorizer(lent, on_authorize, NULL);
    sqlite3_busy_handler(lent, on_busy, NULL);
    sqlite3_commit_hook(lent, on_commit, NULL);
    three_files("CREATE TABLE b (x)");
    leaselock_migrations *migrations = open_lent(lent);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_handlers_are_asked(lent);
    assert_down(migrations, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    assert_ok(leaselock_migrations_drop(migrations, NULL));
    assert_handlers_are_asked(lent);
    end_lent(migrations, lent);
}

TEST(its_timeout_stays)
{
    sqlite3 *lent = raw_open(database_path());
    raw_run(lent, "PRAGMA busy_timeout = 1234");
    three_files("CREATE TABLE b (x)");
    leaselock_migrations *migrations = open_lent(lent);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_int_equal(raw_number(lent, "PRAGMA busy_timeout"), 1234);
    end_lent(migrations, lent);
}

static void foreign_keys_stay(int keys)
{
    char switching[40];
    sqlite3 *lent = new_connection(":memory:");
    snprintf(switching, sizeof switching, "PRAGMA foreign_keys = %d", keys);
    raw_run(lent, switching);
    migration_file("1_a.up.sql", "-- leaselock: foreign-keys=off\nCREATE TABLE a (x)");
    migration_file("2_b.up.sql", "-- leaselock: foreign-keys=off\n-- leaselock: no-transaction\nCREATE TABLE b (x)");
    migration_file("3_c.up.sql", "-- leaselock: foreign-keys=off\nCREATE TABLE c (x); nonsense");
    leaselock_migrations *migrations = open_lent(lent);
    assert_int_equal(raw_number(lent, "PRAGMA foreign_keys"), keys);
    for (int version = 1; version <= 2; version++) {
        leaselock_migration_result *result = NULL;
        leaselock_status status = leaselock_migrations_steps(migrations, 1, &result);
        assert_run(status, result, LEASELOCK_MIGRATION_DONE, version);
        assert_int_equal(raw_number(lent, "PRAGMA foreign_keys"), keys);
    }
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_int_equal(raw_number(lent, "PRAGMA foreign_keys"), keys);
    assert_ok(leaselock_migrations_drop(migrations, NULL));
    assert_int_equal(raw_number(lent, "PRAGMA foreign_keys"), keys);
    end_lent(migrations, lent);
}

TEST(foreign_keys_stay_on)
{
    foreign_keys_stay(1);
}

TEST(foreign_keys_stay_off)
{
    foreign_keys_stay(0);
}

TEST(what_is_its_own_is_the_migrations)
{
    sqlite3 *lent = new_connection(database_path());
    raw_run(lent, "PRAGMA foreign_keys = ON; CREATE TEMP TABLE seed (x); INSERT INTO seed VALUES (41);"
                  "ATTACH ':memory:' AS more; CREATE TABLE more.seed_too (x)");
    three_files("CREATE TABLE b (x); INSERT INTO b SELECT x + 1 FROM seed; INSERT INTO b SELECT x FROM more.seed_too");
    migration_file(
        "3_c.up.sql",
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (p REFERENCES p); INSERT INTO q VALUES (7)");
    leaselock_migrations *migrations = open_lent(lent);
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_message("FOREIGN KEY");
    assert_version(migrations, 2, false);
    assert_string_equal(database_text("SELECT x FROM b"), "42");
    assert_int_equal(raw_number(lent, "SELECT count(*) FROM seed"), 1);
    migration_file("3_c.up.sql", "PRAGMA synchronous = OFF; CREATE TABLE c (x)"); /* a setting that it makes stays */
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_int_equal(raw_number(lent, "PRAGMA synchronous"), 0);
    end_lent(migrations, lent);
}

/* ---- what is in progress ---- */

static void assert_all_refused(leaselock_migrations *migrations, const char *message)
{
    int64_t version;
    leaselock_migration_listing *listing = NULL;
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_up(migrations, NULL));
    assert_message(message);
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_down(migrations, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_steps(migrations, 1, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_goto(migrations, 3, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_force(migrations, 3, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_drop(migrations, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_version(migrations, &version, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_status(migrations, &listing));
}

TEST(its_owners_transaction_is_neither_used_nor_ended)
{
    static const char *const begins[] = {"BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT here"};
    three_files("CREATE TABLE b (x)");
    for (size_t i = 0; i < 3; i++) {
        sqlite3 *lent = new_connection(":memory:");
        leaselock_migrations *migrations = open_lent(lent), *another = NULL;
        raw_run(lent, "CREATE TABLE mine (x)");
        raw_run(lent, begins[i]);
        raw_run(lent, "INSERT INTO mine VALUES (1)");
        assert_all_refused(migrations, "is in a transaction");
        assert_refused(LEASELOCK_INVALID, try_lent(lent, "sqlite:", 1, &another));
        assert_null(another);
        assert_false(sqlite3_get_autocommit(lent));
        raw_run(lent, "COMMIT");
        assert_int_equal(raw_number(lent, "SELECT count(*) FROM mine"), 1);
        assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
        end_lent(migrations, lent);
    }
}

TEST(its_owners_statement_is_not_pulled_away)
{
    sqlite3 *lent = new_connection(database_path());
    sqlite3_stmt *reading = NULL;
    three_files("CREATE TABLE b (x)");
    leaselock_migrations *migrations = open_lent(lent);
    raw_run(lent, "CREATE TABLE mine (x); INSERT INTO mine VALUES (1), (2)");
    assert_int_equal(sqlite3_prepare_v2(lent, "SELECT x FROM mine", -1, &reading, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(reading), SQLITE_ROW);
    assert_all_refused(migrations, "a statement of the borrowed connection is in progress");
    assert_int_equal(sqlite3_step(reading), SQLITE_ROW);
    assert_int_equal(sqlite3_reset(reading), SQLITE_OK);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_int_equal(sqlite3_finalize(reading), SQLITE_OK);
    end_lent(migrations, lent);
}

TEST(a_failure_is_rolled_back_and_the_next_run_goes_on)
{
    sqlite3 *lent = new_connection(database_path());
    three_files("CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)");
    leaselock_migrations *migrations = open_lent(lent);
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_message("2_b.up.sql:1:21: no such table: nowhere");
    assert_true(sqlite3_get_autocommit(lent));
    assert_int_equal(raw_number(lent, "SELECT count(*) FROM sqlite_master WHERE name = 'b'"), 0);
    assert_version(migrations, 1, false);
    migration_file("2_b.up.sql", "CREATE TABLE b (x)");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    end_lent(migrations, lent);
}

/* A script with transactions of its own that leaves one open: that one is not its owner's. */
TEST(a_transaction_that_a_script_leaves_is_ended)
{
    sqlite3 *lent = new_connection(database_path());
    three_files("BEGIN; CREATE TABLE b (x); COMMIT; BEGIN; CREATE TABLE d (x)");
    leaselock_migrations *migrations = open_lent(lent);
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_up(migrations, NULL));
    assert_true(sqlite3_get_autocommit(lent));
    assert_version(migrations, 2, true);
    assert_int_equal(raw_number(lent, "SELECT count(*) FROM sqlite_master WHERE name = 'd'"), 0);
    end_lent(migrations, lent);
}

/* ---- waiting and stopping ---- */

static int stop_in_second(void *payload)
{
    sqlite3 *other = new_connection(database_path());
    int result = sqlite3_exec(other, "SELECT 1 FROM a", NULL, NULL, NULL);
    sqlite3_close(other);
    if (result == SQLITE_OK || result == SQLITE_BUSY)
        leaselock_migrations_stop(payload, LEASELOCK_STOP_NOW);
    return 0;
}

TEST(now_cancels_the_statement)
{
    sqlite3 *lent = new_connection(database_path());
    leaselock_migration_result *result = NULL;
    three_files("CREATE TABLE b (x); " ENDLESS);
    leaselock_migrations *migrations = open_lent(lent);
    leaselock_interrupt_hook before =
        leaselock_interrupt_hook_swap((leaselock_interrupt_hook){stop_in_second, migrations});
    leaselock_status status = leaselock_migrations_up(migrations, &result);
    leaselock_interrupt_hook_swap(before);
    assert_run(status, result, LEASELOCK_MIGRATION_STOPPED, 1);
    assert_true(sqlite3_get_autocommit(lent));
    assert_int_equal(raw_number(lent, "SELECT count(*) FROM a"), 0);
    end_lent(migrations, lent);
}

typedef struct waiter {
    leaselock_migrations *migrations;
    leaselock_status status;
    leaselock_migration_result *result;
} waiter;

static void *run_up(void *payload)
{
    waiter *self = payload;
    self->status = leaselock_migrations_up(self->migrations, &self->result);
    return NULL;
}

/* Inside the wait: a call of the busy handler, which is the connection's own, says no. */
static atomic_int turned_away;

static int turn_away(void *payload, int count)
{
    (void)payload, (void)count;
    turned_away++;
    return 0;
}

static void begin_waiting(waiter *self, sqlite3 **lent, sqlite3 **writer, pthread_t *thread)
{
    *lent = new_connection(database_path());
    sqlite3_busy_handler(*lent, turn_away, NULL);
    three_files("CREATE TABLE b (x)");
    *self = (waiter){.migrations = open_lent(*lent)};
    *writer = new_connection(database_path());
    raw_run(*writer, "BEGIN IMMEDIATE");
    turned_away = 0;
    assert_int_equal(pthread_create(thread, NULL, run_up, self), 0);
    assert_eventually(turned_away > 3);
}

TEST(it_waits_for_another_writer)
{
    waiter self;
    sqlite3 *lent, *writer;
    pthread_t thread;
    begin_waiting(&self, &lent, &writer, &thread);
    raw_run(writer, "COMMIT");
    assert_int_equal(pthread_join(thread, NULL), 0);
    sqlite3_close(writer);
    assert_run(self.status, self.result, LEASELOCK_MIGRATION_DONE, 3);
    end_lent(self.migrations, lent);
}

TEST(a_stop_ends_that_wait)
{
    waiter self;
    sqlite3 *lent, *writer;
    pthread_t thread;
    begin_waiting(&self, &lent, &writer, &thread);
    assert_ok(leaselock_migrations_stop(self.migrations, LEASELOCK_STOP_BETWEEN));
    assert_int_equal(pthread_join(thread, NULL), 0);
    sqlite3_close(writer);
    assert_run(self.status, self.result, LEASELOCK_MIGRATION_STOPPED, LEASELOCK_NO_VERSION);
    end_lent(self.migrations, lent);
}

/* With a rollback journal readers wait for a commit, and a commit waits for readers. */
TEST(a_commit_waits_for_readers_until_the_time_is_up)
{
    sqlite3 *lent = new_connection(database_path()), *reader = new_connection(database_path());
    leaselock_migrations *migrations = NULL;
    three_files("CREATE TABLE b (x)");
    assert_ok(try_lent(lent, "sqlite:", 50, &migrations));
    raw_run(reader, "CREATE TABLE seen (x); BEGIN; SELECT * FROM seen");
    turned_away = 0;
    sqlite3_busy_handler(lent, turn_away, NULL);
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_migrations_up(migrations, NULL));
    assert_message("was not free in time");
    assert_true(turned_away > 1);
    assert_true(sqlite3_get_autocommit(lent));
    raw_run(reader, "COMMIT");
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    end_lent(migrations, lent);
}

TEST(a_forked_child_leaves_it_alone)
{
    sqlite3 *lent = new_connection(database_path());
    three_files("CREATE TABLE b (x)");
    leaselock_migrations *migrations = open_lent(lent);
    pid_t child = fork();
    if (child == 0) {
        leaselock_migrations *another = NULL;
        bool forked = leaselock_migrations_up(migrations, NULL) == LEASELOCK_FORKED &&
                      leaselock_migrations_close(migrations) == LEASELOCK_FORKED &&
                      try_lent(lent, "sqlite:", 1, &another) == LEASELOCK_FORKED && !another;
        leaselock_migrations_free(migrations);
        _exit(!forked);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    end_lent(migrations, lent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(everything_runs_on_it_and_it_works_on),
        IN_FOLDER(a_database_in_memory_may_be_lent),
        IN_FOLDER(of_the_url_only_the_options_count),
        IN_FOLDER(its_handlers_stay),
        IN_FOLDER(its_timeout_stays),
        IN_FOLDER(foreign_keys_stay_on),
        IN_FOLDER(foreign_keys_stay_off),
        IN_FOLDER(what_is_its_own_is_the_migrations),
        IN_FOLDER(its_owners_transaction_is_neither_used_nor_ended),
        IN_FOLDER(its_owners_statement_is_not_pulled_away),
        IN_FOLDER(a_failure_is_rolled_back_and_the_next_run_goes_on),
        IN_FOLDER(a_transaction_that_a_script_leaves_is_ended),
        IN_FOLDER(now_cancels_the_statement),
        IN_FOLDER(it_waits_for_another_writer),
        IN_FOLDER(a_stop_ends_that_wait),
        IN_FOLDER(a_commit_waits_for_readers_until_the_time_is_up),
        IN_FOLDER(a_forked_child_leaves_it_alone),
    };
    return cmocka_run_group_tests_name("borrowed", tests, NULL, NULL);
}
