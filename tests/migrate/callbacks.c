/* What a run calls back: its progress function and the thread's interrupt hook. It may stop the run, and no more. */
#include <pthread.h>
#include <stdatomic.h>

#include "migrate/fixture.h"

static void two_files(void)
{
    migration_file("1_a.up.sql", "CREATE TABLE a (x)");
    migration_file("2_b.up.sql", "INSERT INTO a VALUES (1)");
}

/* What was answered inside of the run; asserted when it is over. */
typedef struct caller {
    leaselock_migrations *migrations, *other;
    leaselock_status close, up, force, version, status, close_other;
    leaselock_migration_kind kind;
    bool succeeded;
    int calls;
} caller;

static void call_everything(caller *self)
{
    int64_t version;
    leaselock_migration_listing *listing = NULL;
    self->calls++;
    self->up = leaselock_migrations_up(self->migrations, NULL);
    self->force = leaselock_migrations_force(self->migrations, 1, NULL);
    self->version = leaselock_migrations_version(self->migrations, &version, NULL);
    self->status = leaselock_migrations_status(self->migrations, &listing);
    self->close_other = leaselock_migrations_close(self->other);
    self->close = leaselock_migrations_close(self->migrations);
}

static void call_in_progress(const leaselock_migration_result *so_far, void *payload)
{
    caller *self = payload;
    self->kind = leaselock_migration_result_kind(so_far);
    self->succeeded = leaselock_migration_succeeded(so_far);
    call_everything(self);
}

static sqlite3 *writer; /* has the write lock until the hook has been called */

static int call_in_hook(void *payload)
{
    call_everything(payload);
    if (!sqlite3_get_autocommit(writer))
        raw_run(writer, "COMMIT");
    return 0;
}

static void assert_refused_inside(const caller *self)
{
    assert_true(self->calls > 0);
    assert_status(LEASELOCK_INVALID, self->close);
    assert_status(LEASELOCK_INVALID, self->up);
    assert_status(LEASELOCK_INVALID, self->force);
    assert_status(LEASELOCK_INVALID, self->version);
    assert_status(LEASELOCK_INVALID, self->status);
    assert_ok(self->close_other);
}

static leaselock_migrations *open_with_progress(caller *self)
{
    leaselock_migrations *migrations = NULL;
    leaselock_migrations_options options = {
        .struct_size = sizeof options, .progress = call_in_progress, .payload = self, .wait_ms = PATIENCE_MS};
    assert_ok(leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &migrations));
    return migrations;
}

/* A wait for the run's own end would never end. */
TEST(a_progress_function_that_asks_for_more_than_a_stop_is_refused_at_once)
{
    two_files();
    caller self = {.other = open_directory("")};
    self.migrations = open_with_progress(&self);
    assert_up(self.migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_OK); /* of what was refused nothing is left */
    assert_int_equal(self.calls, 2);
    assert_refused_inside(&self);
    assert_version(self.migrations, 2, false);
    end_migrations(self.migrations);
    leaselock_migrations_free(self.other);
}

TEST(what_a_progress_function_gets_is_no_success_yet)
{
    two_files();
    caller self = {.other = open_directory("")};
    self.migrations = open_with_progress(&self);
    assert_up(self.migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_string_equal(leaselock_migration_kind_name(self.kind), "RUNNING");
    assert_false(self.succeeded);
    end_migrations(self.migrations);
    leaselock_migrations_free(self.other);
}

TEST(an_interrupt_hook_that_asks_for_more_than_a_stop_is_refused_at_once)
{
    two_files();
    caller self = {open_patiently(), open_directory(""), .calls = 0};
    writer = raw_open(database_path());
    raw_run(writer, "BEGIN IMMEDIATE");
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){call_in_hook, &self});
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_up(self.migrations, &result);
    leaselock_interrupt_hook_swap(before);
    sqlite3_close(writer);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 2);
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_OK);
    assert_refused_inside(&self);
    end_migrations(self.migrations);
    leaselock_migrations_free(self.other);
}

static void run_other(const leaselock_migration_result *so_far, void *payload)
{
    caller *self = payload;
    (void)so_far;
    self->up = leaselock_migrations_up(self->other, NULL);
    self->close = leaselock_migrations_close(self->migrations);
}

/* The other run's end must not make the outer handle look idle. */
TEST(runs_of_other_handles_may_be_nested)
{
    two_files();
    caller self = {.other = open_directory("?x-migrations-table=others")};
    leaselock_migrations_options options = {
        .struct_size = sizeof options, .progress = run_other, .payload = &self, .wait_ms = PATIENCE_MS};
    migration_file("1_a.up.sql", "CREATE TABLE IF NOT EXISTS a (x)");
    assert_ok(
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &self.migrations));
    assert_up(self.migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_ok(self.up);
    assert_status(LEASELOCK_INVALID, self.close);
    assert_version(self.other, 2, false);
    end_migrations(self.migrations);
    end_migrations(self.other);
}

/* Another thread, which calls while the run is in its progress function. */
typedef struct visitor {
    leaselock_migrations *migrations;
    pthread_t thread;
    bool started;
    atomic_bool returned;
    int64_t version;
    leaselock_status status;
} visitor;

static void *visit(void *payload)
{
    visitor *self = payload;
    self->status = leaselock_migrations_version(self->migrations, &self->version, NULL);
    atomic_store(&self->returned, true);
    return NULL;
}

static void let_visitor_in(const leaselock_migration_result *so_far, void *payload)
{
    visitor *self = payload;
    if (leaselock_migration_result_count(so_far) > 1)
        return;
    self->started = pthread_create(&self->thread, NULL, visit, self) == 0;
    for (int i = 0; i < 20 && !atomic_load(&self->returned); i++) /* it should not, so this is its time to do wrong */
        real_sleep(10);
}

TEST(other_threads_wait_for_their_turn)
{
    two_files();
    visitor self = {.status = LEASELOCK_INTERNAL};
    leaselock_migrations_options options = {
        .struct_size = sizeof options, .progress = let_visitor_in, .payload = &self, .wait_ms = PATIENCE_MS};
    assert_ok(
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &self.migrations));
    assert_up(self.migrations, LEASELOCK_MIGRATION_DONE, 2);
    assert_true(self.started);
    assert_int_equal(pthread_join(self.thread, NULL), 0);
    assert_ok(self.status);
    assert_int_equal(self.version, 2);
    end_migrations(self.migrations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_progress_function_that_asks_for_more_than_a_stop_is_refused_at_once),
        IN_FOLDER(what_a_progress_function_gets_is_no_success_yet),
        IN_FOLDER(an_interrupt_hook_that_asks_for_more_than_a_stop_is_refused_at_once),
        IN_FOLDER(runs_of_other_handles_may_be_nested),
        IN_FOLDER(other_threads_wait_for_their_turn),
    };
    return cmocka_run_group_tests_name("callbacks", tests, NULL, NULL);
}
