/*
 * The power goes: at every sync and between, with what was written since lost, or there in part. No number that anybody
 * was told before comes again after it, and none goes back.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault/cuts.h"
#include "fault/guard.h"
#include "fault/power.h"
#include "leaselock/sys/probes.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

/* --- one process ----------------------------------------------------------------------------------------------- */

/* Closely, since here whole files appear, are switched to a WAL, and a journal has to bring back what was before. */
TEST(a_new_database)
{
    leaselock_lock *lock = open_database();
    for (int i = 0; i < 3; i++)
        assert_ok(cuts_grant(lock, i));
    end_lock(lock);
    cuts_check(0, 1, 10);
}

/* Numbers beyond the first block, and the WAL goes into the database more than once. */
TEST(a_long_day)
{
    leaselock_lock *lock = open_database(), *second = NULL;
    for (int round = 0; round < 3; round++) {
        cuts_grant_often(lock, 0, 400);
        second = open_database();
        cuts_grant_often(second, 0, 50);
        cuts_grant_often(second, round + 1, 5);
        end_lock(second);
    }
    end_lock(lock);
    assert_true(guard_checkpoints() >= 2);
    cuts_check(0, cuts_are_long() ? 3 : 200, 1);
}

TEST(a_raised_floor)
{
    int64_t floor;
    leaselock_lock *lock = open_database();
    cuts_grant_often(lock, 0, 3);
    assert_ok(leaselock_lock_raise_floor(lock, 5000, &floor));
    power_note_floor(floor);
    cuts_grant_often(lock, 0, 3);
    assert_ok(leaselock_lock_raise_floor(lock, 6500, &floor));
    power_note_floor(floor);
    end_lock(lock);
    cuts_check(0, 1, 1);
}

/* The power goes again and again: each time the record of the boot may itself be lost. */
TEST(boot_after_boot)
{
    for (int i = 0; i < 4; i++) {
        leaselock_lock *lock = open_database();
        cuts_grant_often(lock, i % 2, 2);
        end_lock(lock);
        cuts_reboot();
    }
    cuts_check(0, 1, 1);
}

/* A user's database without a WAL, in which leases are installed: his own rows are there after every cut, too. */
TEST(a_users_database)
{
    database_run("PRAGMA synchronous = EXTRA; CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(5000))");
    size_t installed_from = power_events();
    cuts_demand("SELECT count(*) FROM t WHERE length(x) = 5000");
    leaselock_lock *lock = open_database();
    cuts_grant_often(lock, 0, 3);
    end_lock(lock);
    cuts_check(installed_from, 1, 10);
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
        expect(cuts_grant(lock, resource) == LEASELOCK_OK);
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
    cuts_check(survivors_from, 4, 1);
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
    const struct CMUnitTest tests[] = {
        WITH_CUTS(a_new_database),
        WITH_CUTS(a_long_day),
        WITH_CUTS(a_raised_floor),
        WITH_CUTS(boot_after_boot),
        WITH_CUTS(a_users_database),
        WITH_CUTS(a_writer_was_killed_before),
        WITH_CUTS(a_writer_was_killed_beside_somebody),
    };
    return cmocka_run_group_tests_name("fault_power_loss", tests, NULL, NULL);
}
