/* One handle and several threads: a run, those who look meanwhile, who stop it, who close it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "migrate/fixture.h"

enum { FILES = 30, LOOKERS = 2, ROUNDS = 20 };

static void many_files(void)
{
    for (int i = 1; i <= FILES; i++) {
        char name[32], text[160];
        snprintf(name, sizeof name, "%d_x.up.sql", i);
        snprintf(text, sizeof text,
                 i == 1 ? "CREATE TABLE ran (version INTEGER); INSERT INTO ran VALUES (%d)"
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

/* ---- stopping ---- */

/* Once the run is so far; so it is not always the same place. */
static void stop_at(runner *run, int64_t version, leaselock_stop when)
{
    while (!atomic_load(&run->over) && database_number("SELECT count(*) FROM sqlite_master WHERE name = 'ran'") == 0)
        real_sleep(1);
    while (!atomic_load(&run->over) && database_number("SELECT count(*) FROM ran") < version)
        real_sleep(1);
    assert_ok(leaselock_migrations_stop(run->migrations, when));
}

TEST(a_run_is_stopped_from_elsewhere_and_is_whole)
{
    many_files();
    for (int round = 0; round < ROUNDS; round++) {
        delete_database();
        runner run = {.migrations = open_patiently()};
        pthread_t thread = start(run_up, &run);
        stop_at(&run, round, round % 2 ? LEASELOCK_STOP_NOW : LEASELOCK_STOP_BETWEEN);
        join(thread);
        assert_ok(run.status);
        leaselock_migration_kind kind = leaselock_migration_result_kind(run.result);
        int64_t version = check_state();
        assert_true(kind == LEASELOCK_MIGRATION_STOPPED || version == FILES);
        assert_int_equal(leaselock_migration_result_to(run.result), version);
        leaselock_migration_result_free(run.result);
        /* a stop that came too late is the next run's */
        leaselock_migration_result *result = NULL;
        assert_ok(leaselock_migrations_up(run.migrations, &result));
        leaselock_migration_result_free(result);
        assert_ok(leaselock_migrations_up(run.migrations, NULL));
        assert_int_equal(check_state(), FILES);
        end_migrations(run.migrations);
    }
}

/* ---- closing ---- */

typedef struct closer {
    leaselock_migrations *migrations;
    atomic_bool inside, go_on;
    leaselock_status closed, looked;
} closer;

static void hold_on(const leaselock_migration_result *so_far, void *payload)
{
    closer *self = payload;
    if (leaselock_migration_result_count(so_far) != 1)
        return;
    atomic_store(&self->inside, true);
    for (int64_t give_up_ms = real_clock() + PATIENCE_MS; !atomic_load(&self->go_on) && real_clock() < give_up_ms;)
        real_sleep(1);
}

static void *close_it(void *payload)
{
    closer *self = payload;
    self->closed = leaselock_migrations_close(self->migrations);
    return NULL;
}

static void *look_at_it(void *payload)
{
    closer *self = payload;
    int64_t version;
    self->looked = leaselock_migrations_version(self->migrations, &version, NULL);
    return NULL;
}

TEST(a_close_waits_for_the_run_and_then_all_is_closed)
{
    many_files();
    closer self = {.closed = LEASELOCK_INTERNAL, .looked = LEASELOCK_INTERNAL};
    leaselock_migrations_options options = {
        .struct_size = sizeof options, .wait_ms = PATIENCE_MS, .progress = hold_on, .payload = &self};
    assert_ok(
        leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &self.migrations));
    runner run = {.migrations = self.migrations};
    pthread_t running = start(run_up, &run);
    assert_eventually(atomic_load(&self.inside));
    pthread_t closing = start(close_it, &self), looking = start(look_at_it, &self);
    atomic_store(&self.go_on, true);
    join(running);
    join(closing);
    join(looking);
    assert_run(run.status, run.result, LEASELOCK_MIGRATION_DONE, FILES); /* it was not cancelled */
    assert_ok(self.closed);
    assert_true(self.looked == LEASELOCK_OK || self.looked == LEASELOCK_CLOSED);
    assert_refused(LEASELOCK_CLOSED, leaselock_migrations_up(self.migrations, NULL));
    assert_ok(leaselock_migrations_stop(self.migrations, LEASELOCK_STOP_NOW)); /* stops what there is: nothing */
    end_migrations(self.migrations);
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
