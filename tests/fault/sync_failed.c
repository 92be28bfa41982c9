/*
 * A sync fails, and as Linux does it drops what was not on the disk yet; what can still be read, by anybody, is gone
 * after a power loss. Commits that hang on it must not carry numbers that were handed out.
 */
#include <unistd.h>

#include "fault/cuts.h"
#include "fault/guard.h"
#include "leaselock/sys/probes.h"
#include "sqlite/child.h"

/* The answers that an obtain may give on such a day; and again, until it is granted or the tries are over. */
static bool grant_in_the_end(leaselock_lock *lock, int resource)
{
    for (int i = 0; i < 4; i++) {
        leaselock_status status = cuts_grant(lock, resource);
        if (status == LEASELOCK_OK)
            return true;
        assert_int_equal(leaselock_error_last()->code, status);
        assert_true(status == LEASELOCK_IO || status == LEASELOCK_UNAVAILABLE || status == LEASELOCK_BUSY);
        leaselock_test_clock_advance(60000); /* a grant in doubt ends */
    }
    return false;
}

static leaselock_lock *open_in_the_end(void)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .operation_ms = 40};
    leaselock_lock *lock = NULL;
    for (int i = 0; i < 4 && !lock; i++) {
        leaselock_status status = leaselock_lock_open(database_url(), &options, &lock);
        assert_true(status == LEASELOCK_OK || status == LEASELOCK_IO || status == LEASELOCK_UNAVAILABLE);
    }
    assert_non_null(lock);
    return lock;
}

/* As after many grants: the next number is beyond the block that is on the disk. */
static void use_up_the_block(void)
{
    database_run("PRAGMA synchronous = NORMAL;"
                 "UPDATE leaselock_leases SET sequence = (SELECT ceiling FROM leaselock_control)");
}

static void begin_again(void)
{
    delete_database();
    guard_start();
    power_start();
}

/* --- one process ----------------------------------------------------------------------------------------------- */

/* Two handles and a third that comes later, grants that are synced and grants that are not. */
static void a_day(int failing_sync)
{
    leaselock_lock *first = open_in_the_end();
    for (int i = 0; i < 3; i++)
        grant_in_the_end(first, i);
    use_up_the_block();
    power_fail_sync(failing_sync);
    leaselock_lock *second = open_in_the_end();
    for (int i = 0; i < 3; i++) {
        assert_true(grant_in_the_end(second, i));
        assert_true(grant_in_the_end(first, i));
    }
    leaselock_lock *third = open_in_the_end();
    for (int i = 0; i < 3; i++) {
        assert_true(grant_in_the_end(third, i));
        assert_true(grant_in_the_end(first, i));
    }
    end_lock(first);
    end_lock(second);
    end_lock(third);
}

TEST(any_sync_of_a_day)
{
    bool failed = true;
    for (int sync = 1; failed; sync++) {
        begin_again();
        a_day(sync);
        failed = power_sync_failed();
        cuts_check(0, 5, 1);
        assert_true(failed || sync > 2);
    }
}

/* Those of a checkpoint and of the commits around it. */
TEST(any_sync_when_the_wal_is_full)
{
    bool failed = true;
    for (int sync = 1; failed; sync++) {
        begin_again();
        leaselock_lock *lock = open_in_the_end();
        cuts_grant_often(lock, 0, 495);
        use_up_the_block();
        size_t full = power_events();
        power_fail_sync(sync);
        for (int i = 0; i < 10; i++)
            assert_true(grant_in_the_end(lock, 0));
        use_up_the_block();
        size_t second_from = power_events();
        leaselock_lock *second = open_in_the_end();
        for (int i = 0; i < 3; i++) {
            assert_true(grant_in_the_end(second, 0));
            assert_true(grant_in_the_end(lock, 1));
        }
        end_lock(second);
        end_lock(lock);
        failed = power_sync_failed();
        cuts_check(full, 100, 1);
        cuts_check(second_from, 1, 1);
        assert_true(failed || sync > 2);
    }
}

/*
 * While somebody reads, the WAL cannot begin anew, and what was dropped stays in the midst of it. A snapshot of the
 * newest commit lets a checkpoint complete all the same; one of an older commit does not.
 */
static void a_day_beside_a_reader(int failing_sync, bool of_older_commit)
{
    leaselock_lock *first = open_in_the_end();
    for (int i = 0; i < 3; i++)
        grant_in_the_end(first, i);
    use_up_the_block();
    sqlite3 *reader = raw_open(database_path());
    raw_run(reader, "BEGIN; SELECT count(*) FROM leaselock_leases");
    for (int i = 0; i < 3 && of_older_commit; i++)
        grant_in_the_end(first, 0);
    power_fail_sync(failing_sync);
    leaselock_lock *second = open_in_the_end();
    for (int i = 0; i < 2; i++) { /* may be in vain */
        grant_in_the_end(second, i);
        grant_in_the_end(first, i);
    }
    leaselock_lock *third = open_in_the_end();
    grant_in_the_end(third, 0);
    raw_run(reader, "COMMIT");
    for (int i = 0; i < 2; i++) {
        assert_true(grant_in_the_end(third, i));
        assert_true(grant_in_the_end(second, i));
        assert_true(grant_in_the_end(first, i));
    }
    sqlite3_close(reader);
    end_lock(first);
    end_lock(second);
    end_lock(third);
}

static void fail_any_sync_beside_a_reader(bool of_older_commit)
{
    bool failed = true;
    for (int sync = 1; failed; sync++) {
        begin_again();
        a_day_beside_a_reader(sync, of_older_commit);
        failed = power_sync_failed();
        cuts_check(0, 5, 1);
        assert_true(failed || sync > 2);
    }
}

TEST(any_sync_beside_a_reader_of_an_older_commit)
{
    fail_any_sync_beside_a_reader(true);
}

TEST(any_sync_beside_a_reader_of_the_newest_commit)
{
    fail_any_sync_beside_a_reader(false);
}

/* The handle that saw it is closed, and what it knew must not be lost with it. */
TEST(a_fresh_handle_after_one_that_gave_up)
{
    leaselock_lock *first = open_in_the_end();
    for (int i = 0; i < 3; i++)
        grant_in_the_end(first, i);
    use_up_the_block();
    sqlite3 *reader = raw_open(database_path());
    raw_run(reader, "BEGIN; SELECT count(*) FROM leaselock_leases");
    leaselock_lock *second = open_in_the_end();
    power_fail_sync(1);
    assert_false(grant_in_the_end(second, 0));
    end_lock(first);
    end_lock(second);
    leaselock_lock *third = open_in_the_end();
    assert_false(grant_in_the_end(third, 0));
    raw_run(reader, "COMMIT");
    assert_true(grant_in_the_end(third, 0));
    assert_true(grant_in_the_end(third, 1));
    sqlite3_close(reader);
    end_lock(third);
    cuts_check(0, 1, 3);
}

int main(void)
{
    static const shim_observer observers[] = {
        {guard_before, guard_after},
        {power_before, power_after},
        {NULL, NULL},
    };
    guard_start();
    shim_install(observers);
    shim_take_no_time(true);
    const struct CMUnitTest tests[] = {
        WITH_CUTS(any_sync_of_a_day),
        WITH_CUTS(any_sync_when_the_wal_is_full),
        WITH_CUTS(any_sync_beside_a_reader_of_an_older_commit),
        WITH_CUTS(any_sync_beside_a_reader_of_the_newest_commit),
        WITH_CUTS(a_fresh_handle_after_one_that_gave_up),
    };
    return cmocka_run_group_tests_name("fault_sync_failed", tests, NULL, NULL);
}
