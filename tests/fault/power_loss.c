/*
 * The power goes: at every sync and between, with what was written since lost, or there in part. No number that anybody was
 * told before comes again after it, and none goes back.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/guard.h"
#include "fault/power.h"
#include "leaselock/sys/probes.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

static const char *const resources[POWER_RESOURCES] = {"r0", "r1", "r2", "r3"};
static unsigned boots;

static int boot_id_probe(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    (void)payload;
    snprintf(id, LEASELOCK_BOOT_ID_MAX + 1, "boot %u", boots);
    return 0;
}

static int setup(void **state)
{
    static const leaselock_probes probes = {.struct_size = sizeof probes, .boot_id = boot_id_probe};
    if (folder_setup(state) != 0 || mkdir(in_folder("after"), 0777) != 0)
        return -1;
    leaselock_probes_set(&probes);
    leaselock_test_clock_start(1000000, 1700000000000);
    boots++;
    guard_start();
    power_start();
    return 0;
}

static int teardown(void **state)
{
    power_stop();
    return folder_teardown(state);
}

static bool is_long(void)
{
    return getenv("LEASELOCK_LONG_TESTS") != NULL;
}

/* --- what is recorded ------------------------------------------------------------------------------------------ */

/* Obtains, notes the number, releases. A failure is noted as what it is: nothing that anybody was told. */
static leaselock_status grant(leaselock_lock *lock, int resource)
{
    leaselock_lease *lease = NULL;
    leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, resources[resource], NULL, NULL, &lease);
    if (status != LEASELOCK_OK)
        return status;
    power_note_grant(resource, leaselock_lease_sequence(lease));
    status = leaselock_lock_release(lock, lease, NULL);
    leaselock_lease_free(lease);
    return status;
}

static void grant_often(leaselock_lock *lock, int resource, int count)
{
    for (int i = 0; i < count; i++)
        assert_ok(grant(lock, resource));
}

/* --- and what a cut leaves of it ------------------------------------------------------------------------------- */

static const char *after_path(void)
{
    return in_folder("after/leases.db");
}

/* The machine comes up again with what the disk has: everything works, and every number is new. */
static void check_cut(const power_disk *disk, size_t at, power_cut cut, unsigned seed)
{
    leaselock_lock *lock = NULL;
    power_disk_save(disk, cut, seed, after_path());
    unlink(in_folder("after/leases.db-shm"));
    boots++;
    leaselock_test_clock_advance(60000);
    leaselock_status status = leaselock_lock_open(url_of(after_path()), NULL, &lock);
    if (status != LEASELOCK_OK)
        fail_msg("cut after event %zu, kind %d, seed %u: %s", at, cut, seed, leaselock_error_last()->message);
    for (int i = 0; i < POWER_RESOURCES; i++) {
        int64_t granted = power_disk_granted(disk, i), sequence = next_sequence(lock, resources[i]);
        if (sequence <= granted)
            fail_msg("cut after event %zu, kind %d, seed %u: %s had %lld, and was granted %lld again", at, cut, seed,
                     resources[i], (long long)granted, (long long)sequence);
    }
    end_lock(lock);
    sqlite3 *db = raw_open(after_path());
    assert_int_equal(raw_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    sqlite3_close(db);
}

static void check_all_cuts(const power_disk *disk, size_t at)
{
    check_cut(disk, at, POWER_NOTHING_UNSYNCED, 0);
    check_cut(disk, at, POWER_ALL, 0);
    for (unsigned seed = 1; seed <= (is_long() ? 10 : 1); seed++) {
        check_cut(disk, at, POWER_SOME_WRITES, (unsigned)at * 31 + seed);
        check_cut(disk, at, POWER_SOME_SECTORS, (unsigned)at * 31 + seed);
    }
}

/* Cuts the power around every sync, and at every `stride`th event between, from the event `first` on. */
static void check_record(size_t first, size_t stride)
{
    power_stop();
    power_disk *disk = power_disk_new();
    size_t count = power_events();
    for (size_t at = 0; at < count; at++) {
        bool is_sync = power_disk_step(disk);
        if (at >= first && (is_sync || at % stride == 0 || at + 1 == count))
            check_all_cuts(disk, at);
    }
    power_disk_free(disk);
    assert_int_equal(guard_violations(), 0);
}

/* --- one process ----------------------------------------------------------------------------------------------- */

TEST(a_new_database)
{
    leaselock_lock *lock = open_database();
    for (int i = 0; i < 3; i++)
        assert_ok(grant(lock, i));
    end_lock(lock);
    check_record(0, 1);
}

/* Numbers beyond the first block, and the WAL goes into the database more than once. */
TEST(a_long_day)
{
    leaselock_lock *lock = open_database(), *second = NULL;
    for (int round = 0; round < 3; round++) {
        grant_often(lock, 0, 400);
        second = open_database();
        grant_often(second, 0, 50);
        grant_often(second, round + 1, 5);
        end_lock(second);
    }
    end_lock(lock);
    assert_true(guard_checkpoints() >= 2);
    check_record(0, is_long() ? 3 : 200);
}

TEST(a_raised_floor)
{
    int64_t floor;
    leaselock_lock *lock = open_database();
    grant_often(lock, 0, 3);
    assert_ok(leaselock_lock_raise_floor(lock, 5000, &floor));
    power_note_floor(floor);
    grant_often(lock, 0, 3);
    assert_ok(leaselock_lock_raise_floor(lock, 6500, &floor));
    power_note_floor(floor);
    end_lock(lock);
    check_record(0, 1);
}

/* The power goes again and again: each time the record of the boot may itself be lost. */
TEST(boot_after_boot)
{
    for (int i = 0; i < 4; i++) {
        leaselock_lock *lock = open_database();
        grant_often(lock, i % 2, 2);
        end_lock(lock);
        boots++;
    }
    check_record(0, 1);
}

/* A user's database without a WAL, in which leases are installed. */
TEST(a_users_database)
{
    database_run("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(5000))");
    size_t installed_from = power_events();
    leaselock_lock *lock = open_database();
    grant_often(lock, 0, 3);
    end_lock(lock);
    check_record(installed_from, 1);
}

/* --- a second process, killed at any one of its calls ---------------------------------------------------------- */

static int calls_to_live;

/* Counts what a child does to files, and kills it in the midst of that. */
static int kill_before(shim_call *call)
{
    bool counts = call->operation == SHIM_WRITE || call->operation == SHIM_SYNC;
    if (counts && calls_to_live > 0 && --calls_to_live == 0)
        kill(getpid(), SIGKILL);
    return SQLITE_OK;
}

static int grant_in_child(leaselock_lock *lock, int resource, int count)
{
    for (int i = 0; i < count; i++)
        expect(grant(lock, resource) == LEASELOCK_OK);
    return 0;
}

/* A process with a mind of its own: it opens, grants, and ends without closing. */
static int live(void *grants)
{
    leaselock_lock *lock = NULL;
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
    return grant_in_child(lock, 0, (int)(intptr_t)grants);
}

static int live_until_killed(void *calls)
{
    calls_to_live = (int)(intptr_t)calls;
    return live((void *)(intptr_t)2);
}

/* What the dead one held is free by then; what it wrote is seen, synced or not. */
static int survive(void *grants)
{
    leaselock_test_clock_advance(60000);
    return live(grants);
}

/* Has the database open all the while, so that nobody else builds the WAL's index anew. */
static int stay(void *fd)
{
    char byte;
    leaselock_lock *lock = NULL;
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
    expect(leaselock_lock_list(lock, NULL, &(leaselock_listing *){NULL}) == LEASELOCK_OK);
    expect(write(((int *)fd)[1], "x", 1) == 1);
    return read(((int *)fd)[2], &byte, 1) >= 0 ? 0 : 1; /* until the other end is closed */
}

static pid_t start_staying(int ends[4])
{
    char byte;
    assert_int_equal(pipe(ends) | pipe(ends + 2), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[3]);
        _exit(stay(ends));
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    return child;
}

static void end_staying(pid_t child, int ends[4])
{
    for (int i = 0; i < 4; i++)
        close(ends[i]);
    assert_int_equal(child_end(child), 0);
}

/* True when the child lived on, having made fewer calls than that. */
static bool kill_at_call(int call, bool somebody_stays)
{
    int ends[4];
    pid_t stays = 0;
    delete_database();
    power_start();
    in_child(live, (void *)(intptr_t)2);
    if (somebody_stays)
        stays = start_staying(ends);
    int end = child_end(child_start(live_until_killed, (void *)(intptr_t)call));
    assert_true(end == 0 || end == 128 + SIGKILL);
    size_t survivors_from = power_events();
    in_child(survive, (void *)(intptr_t)2);
    if (somebody_stays)
        end_staying(stays, ends);
    check_record(survivors_from, 4);
    return end == 0;
}

static void kill_at_every_call(bool somebody_stays)
{
    int call = 1;
    while (!kill_at_call(call, somebody_stays))
        call++;
    assert_true(call > 10);
}

TEST(a_writer_was_killed_before)
{
    kill_at_every_call(false);
}

TEST(a_writer_was_killed_beside_somebody)
{
    kill_at_every_call(true);
}

int main(void)
{
    static const shim_observer observers[] = {
        {kill_before, NULL},
        {guard_before, guard_after},
        {power_before, power_after},
        {NULL, NULL},
    };
    guard_start();
    shim_install(observers);
    shim_take_no_time(true);
#define POWER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        POWER(a_new_database),
        POWER(a_long_day),
        POWER(a_raised_floor),
        POWER(boot_after_boot),
        POWER(a_users_database),
        POWER(a_writer_was_killed_before),
        POWER(a_writer_was_killed_beside_somebody),
    };
    return cmocka_run_group_tests_name("fault_power_loss", tests, NULL, NULL);
}
