/* One handle and several threads: a run, those who look meanwhile, who stop it, who close it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "migrate/fixture.h"

enum { FILES = 30, LOOKERS = 2 };

static void many_files(void)
{
    for (int i = 1; i <= FILES; i++) {
        char name[32], text[160];
        snprintf(name, sizeof name, "%d_x.up.sql", i);
        snprintf(text, sizeof text,
                 i == 1
                     ? "CREATE TABLE ran (version INTEGER); INSERT INTO ran VALUES (%d)"
                     : "INSERT INTO ran WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                       " SELECT %d FROM n WHERE i = 3000",
                 i);
        migration_file(name, text);
    }
}

static pthread_t start(void *(*function)(void *), void *payload)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, payload), 0);
    return thread;
}

static void join(pthread_t thread)
{
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A run in a thread of its own, and what it answered. */
typedef struct runner {
    leaselock_migrations *migrations;
    atomic_bool over;
    leaselock_status status;
    leaselock_migration_result *result;
} runner;

static void *run_up(void *payload)
{
    runner *self = payload;
    self->status = leaselock_migrations_up(self->migrations, &self->result);
    atomic_store(&self->over, true);
    return NULL;
}

/* Version and schema are of one moment; the version. */
static int64_t check_state(void)
{
    if (database_number("SELECT count(*) FROM sqlite_master WHERE name = 'ran'") == 0)
        return LEASELOCK_NO_VERSION;
    int64_t version = database_number("SELECT version FROM schema_migrations WHERE dirty = 0");
    assert_int_equal(database_number("SELECT count(*) FROM ran"), version);
    assert_int_equal(database_number("SELECT max(version) FROM ran"), version);
    return version;
}

/* ---- looking ---- */

typedef struct looker {
    runner *run;
    const char *complaint; /* the first, or NULL */
    int64_t seen;
} looker;

static const char *look_once(leaselock_migrations *migrations, int64_t *version)
{
    leaselock_migration_listing *listing = NULL;
    bool dirty;
    if (leaselock_migrations_version(migrations, version, &dirty) != LEASELOCK_OK || dirty)
        return "version failed, or is dirty";
    if (leaselock_migrations_status(migrations, &listing) != LEASELOCK_OK)
        return "status failed";
    int64_t current = leaselock_migration_listing_current(listing);
    size_t pending = leaselock_migration_listing_pending(listing);
    leaselock_migration_listing_free(listing);
    if (current < *version)
        return "the version went back";
    return pending == (size_t)(FILES - (current > 0 ? current : 0)) ? NULL : "the listing is not of one moment";
}

static void *look(void *payload)
{
    looker *self = payload;
    self->seen = LEASELOCK_NO_VERSION;
    while (!self->complaint && !atomic_load(&self->run->over)) {
        int64_t version = 0;
        self->complaint = look_once(self->run->migrations, &version);
        if (version < self->seen)
            self->complaint = "the version went back";
        self->seen = version;
    }
    return NULL;
}

TEST(others_look_and_run_at_the_same_time)
{
    many_files();
    runner first = {.migrations = open_patiently()}, second = {.migrations = first.migrations};
    looker lookers[LOOKERS] = {{&first, NULL, 0}, {&first, NULL, 0}};
    pthread_t threads[LOOKERS], running = start(run_up, &first), also_running = start(run_up, &second);
    for (int i = 0; i < LOOKERS; i++)
        threads[i] = start(look, &lookers[i]);
    join(running);
    join(also_running);
    for (int i = 0; i < LOOKERS; i++) {
        join(threads[i]);
        if (lookers[i].complaint)
            fail_msg("%s", lookers[i].complaint);
    }
    /* one of them did all, the other came too late */
    int64_t done = FILES, ran = (int64_t)(leaselock_migration_result_count(first.result) +
                                          leaselock_migration_result_count(second.result));
    assert_ok(first.status);
    assert_ok(second.status);
    assert_int_equal(ran, done);
    assert_true(leaselock_migration_succeeded(first.result) && leaselock_migration_succeeded(second.result));
    assert_int_equal(check_state(), done);
    leaselock_migration_result_free(first.result);
    leaselock_migration_result_free(second.result);
    end_migrations(first.migrations);
}

/* ---- a run that is held after one of its migrations ---- */

typedef struct held_run {
    runner run;
    size_t count; /* of migrations after which it is held */
    atomic_bool inside, go_on;
    leaselock_status closed, looked;
} held_run;

static void hold_on(const leaselock_migration_result *so_far, void *payload)
{
    held_run *self = payload;
    if (leaselock_migration_result_count(so_far) != self->count)
        return;
    atomic_store(&self->inside, true);
    for (int64_t give_up_ms = real_clock() + PATIENCE_MS; !atomic_load(&self->go_on) && real_clock() < give_up_ms;)
        real_sleep(1);
}

/* Opens, starts, and returns when it is held. */
static pthread_t start_held(held_run *self)
{
    leaselock_migrations_options options = {
        .struct_size = sizeof options, .wait_ms = PATIENCE_MS, .progress = hold_on, .payload = self};
    assert_ok(leaselock_migrations_open_directory(database_url(), migrations_directory(), &options,
                                                  &self->run.migrations));
    pthread_t thread = start(run_up, &self->run);
    assert_eventually(atomic_load(&self->inside));
    return thread;
}

TEST(a_run_is_stopped_from_elsewhere_and_is_whole)
{
    static const size_t counts[] = {1, 2, 3, 17, FILES - 1};
    many_files();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        delete_database();
        held_run self = {.count = counts[i]};
        pthread_t thread = start_held(&self);
        assert_ok(leaselock_migrations_stop(self.run.migrations, i % 2 ? LEASELOCK_STOP_NOW : LEASELOCK_STOP_BETWEEN));
        atomic_store(&self.go_on, true);
        join(thread);
        assert_run(self.run.status, self.run.result, LEASELOCK_MIGRATION_STOPPED, (int64_t)counts[i]);
        assert_int_equal(check_state(), counts[i]);
        self.count = 0;
        assert_up(self.run.migrations, LEASELOCK_MIGRATION_DONE, FILES);
        assert_int_equal(check_state(), FILES);
        end_migrations(self.run.migrations);
    }
}

/* ---- closing ---- */

static void *close_it(void *payload)
{
    held_run *self = payload;
    self->closed = leaselock_migrations_close(self->run.migrations);
    return NULL;
}

static void *look_at_it(void *payload)
{
    held_run *self = payload;
    int64_t version;
    self->looked = leaselock_migrations_version(self->run.migrations, &version, NULL);
    return NULL;
}

TEST(a_close_waits_for_the_run_and_then_all_is_closed)
{
    many_files();
    held_run self = {.count = 1, .closed = LEASELOCK_INTERNAL, .looked = LEASELOCK_INTERNAL};
    pthread_t running = start_held(&self);
    pthread_t closing = start(close_it, &self), looking = start(look_at_it, &self);
    atomic_store(&self.go_on, true);
    join(running);
    join(closing);
    join(looking);
    assert_run(self.run.status, self.run.result, LEASELOCK_MIGRATION_DONE, FILES); /* it was not cancelled */
    assert_ok(self.closed);
    assert_true(self.looked == LEASELOCK_OK || self.looked == LEASELOCK_CLOSED);
    assert_refused(LEASELOCK_CLOSED, leaselock_migrations_up(self.run.migrations, NULL));
    assert_ok(leaselock_migrations_stop(self.run.migrations, LEASELOCK_STOP_NOW)); /* what there is: nothing */
    end_migrations(self.run.migrations);
    assert_int_equal(check_state(), FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(others_look_and_run_at_the_same_time),
        IN_FOLDER(a_run_is_stopped_from_elsewhere_and_is_whole),
        IN_FOLDER(a_close_waits_for_the_run_and_then_all_is_closed),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
