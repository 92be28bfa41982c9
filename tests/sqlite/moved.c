/* The file under a handle is moved, replaced, deleted: what is not where the others look is no database of leases. */
#include <stdio.h>
#include <unistd.h>

#include "leaselock/sys/probes.h"
#include "sqlite/database.h"

static leaselock_lock *lock;
static leaselock_lease *lease;

static int setup(void **state)
{
    if (folder_setup(state) != 0)
        return -1;
    leaselock_test_clock_start(1000000, 1700000000000);
    lock = open_database();
    lease = obtain_now(lock, "held", 30000);
    return 0;
}

static int teardown(void **state)
{
    leaselock_lease_free(lease);
    end_lock(lock);
    return folder_teardown(state);
}

static void move_away(void)
{
    assert_int_equal(rename(database_path(), in_folder("moved.db")), 0);
}

static void assert_all_refused(void)
{
    leaselock_listing *listing = NULL;
    int64_t floor = 0;
    assert_refused(LEASELOCK_MOVED, try_obtain(lock, "other"));
    assert_refused(LEASELOCK_MOVED, try_obtain(lock, "held"));
    assert_refused(LEASELOCK_MOVED, leaselock_lock_renew(lock, lease));
    assert_refused(LEASELOCK_MOVED, leaselock_lease_keep(lease));
    assert_refused(LEASELOCK_MOVED, leaselock_lock_list(lock, NULL, &listing));
    assert_refused(LEASELOCK_MOVED, leaselock_lock_raise_floor(lock, 1000000, &floor));
}

TEST(moved)
{
    move_away();
    assert_all_refused();
    assert_int_equal(size_of(database_path()), -1);
}

TEST(deleted)
{
    assert_int_equal(unlink(database_path()), 0);
    assert_all_refused();
    assert_int_equal(size_of(database_path()), -1);
}

TEST(replaced)
{
    sqlite3 *other = raw_open(in_folder("other.db"));
    raw_run(other, "VACUUM INTO 'copy.db'");
    sqlite3_close(other);
    assert_int_equal(rename(in_folder("copy.db"), database_path()), 0);
    assert_all_refused();
}

TEST(moved_and_back_again)
{
    move_away();
    assert_refused(LEASELOCK_MOVED, leaselock_lock_renew(lock, lease));
    assert_int_equal(rename(in_folder("moved.db"), database_path()), 0);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_refused(LEASELOCK_BUSY, try_obtain(lock, "held"));
}

/* The engine cannot be asked: nothing says that the lease was lost, until its time is over. */
TEST(a_kept_lease_is_unknown_and_then_expired)
{
    assert_ok(leaselock_lease_keep(lease));
    leaselock_test_clock_advance(11000);
    assert_eventually(leaselock_lease_remaining(lease) > 25000); /* it is kept */
    move_away();
    leaselock_test_clock_advance(11000);
    assert_eventually(leaselock_lease_state(lease) == LEASELOCK_STATE_UNKNOWN);
    assert_true(leaselock_lease_valid(lease));
    leaselock_test_clock_advance(20000);
    assert_false(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
}

TEST(a_keeper_starts_on_no_other_file)
{
    move_away();
    end_lock(open_database()); /* another one of the same name */
    assert_refused(LEASELOCK_MOVED, leaselock_lease_keep(lease));
}

/* A release is for the file where the lease is; a checkpoint that comes due makes no file in its old place. */
TEST(a_release_goes_to_the_file_that_was_moved)
{
    enum { COUNT = 450 };
    leaselock_lease *leases[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char resource[16];
        snprintf(resource, sizeof resource, "r%d", i);
        leases[i] = obtain_now(lock, resource, 30000);
    }
    move_away();
    for (int i = 0; i < COUNT; i++)
        release_now(leases[i]);
    assert_int_equal(size_of(database_path()), -1);
}

int main(void)
{
#define MOVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        MOVED(moved),
        MOVED(deleted),
        MOVED(replaced),
        MOVED(moved_and_back_again),
        MOVED(a_release_goes_to_the_file_that_was_moved),
        MOVED(a_kept_lease_is_unknown_and_then_expired),
        MOVED(a_keeper_starts_on_no_other_file),
    };
    return cmocka_run_group_tests_name("sqlite_moved", tests, NULL, NULL);
}
