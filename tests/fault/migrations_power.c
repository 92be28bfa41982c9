/*
 * The power goes while migrations run: what is left is one version, whole and clean, and none that was done is undone.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/migrated.h"
#include "fault/power.h"

/* Where the database is after each migration that is run. */
static const int64_t versions[] = {0, 1, 2, 3, 2, 1, 0, 1, 2, 3};
enum { STEPS = sizeof versions / sizeof *versions - 1 };

static int64_t steps_done;

static void note_step(const leaselock_migration_result *so_far, void *payload)
{
    (void)so_far, (void)payload;
    power_note_grant(0, ++steps_done); /* only grows, as numbers do */
}

static void run_all(void)
{
    leaselock_migrations *migrations;
    const leaselock_migrations_options options = {.struct_size = sizeof options, .progress = note_step};
    assert_ok(leaselock_migrations_open_directory(database_url(), migrations_directory(), &options, &migrations));
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    assert_down(migrations, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_goto(migrations, 2, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, 2);
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, 3);
    end_migrations(migrations);
    assert_int_equal(steps_done, STEPS);
}

/* `undone`: how many of the last steps may be gone again. */
static void check_cut(const power_disk *disk, size_t at, power_cut cut, unsigned seed, int64_t undone)
{
    char when[64];
    snprintf(when, sizeof when, "cut after event %zu, kind %d, seed %u", at, cut, seed);
    power_disk_save(disk, cut, seed, in_folder("after/leases.db"));
    unlink(in_folder("after/leases.db-shm"));
    int64_t version = migrated_version(in_folder("after/leases.db"), when);
    int64_t done = power_disk_granted(disk, 0);
    for (int64_t step = done - undone; step <= done + 1; step++)
        if (step >= 0 && step <= STEPS && versions[step] == version)
            return;
    fail_msg("%s: %lld migrations were done, and it is at version %lld", when, (long long)done, (long long)version);
}

static void cut_everywhere(const char *journal, int64_t undone)
{
    char pragma[64];
    steps_done = 0;
    migrated_files();
    assert_int_equal(mkdir(in_folder("after"), 0777), 0);
    power_start();
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %s; PRAGMA user_version = 1", journal);
    database_run(pragma);
    run_all();
    power_stop();
    power_disk *disk = power_disk_new();
    for (size_t at = 0; at < power_events(); at++) {
        power_disk_step(disk);
        for (power_cut cut = 0; cut < POWER_CUTS; cut++)
            check_cut(disk, at, cut, (unsigned)at * 31 + 1, undone);
    }
    power_disk_free(disk);
}

TEST(with_a_wal)
{
    cut_everywhere("WAL", 0);
}

/* SQLite does not sync the folder once the journal is deleted: when that comes back, the last commit is rolled back. */
TEST(with_a_rollback_journal)
{
    cut_everywhere("DELETE", 1);
}

int main(void)
{
    static const shim_observer observers[] = {{power_before, power_after}, {NULL, NULL}};
    shim_install(observers);
    shim_take_no_time(true);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(with_a_wal),
        IN_FOLDER(with_a_rollback_journal),
    };
    return cmocka_run_group_tests_name("fault_migrations_power", tests, NULL, NULL);
}
