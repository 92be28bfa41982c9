/* A transaction that could not be rolled back, for want of memory: what is done inside it would be undone with it. */
#include "core/lock.h"
#include "engines/sqlite/sqlite.h"
#include "sqlite/database.h"

static leaselock_lock *lock_with_stray_transaction(void)
{
    leaselock_lock *lock = open_database();
    assert_int_equal(next_sequence(lock, "before"), 1); /* its numbers are covered: the next grant is one statement */
    raw_run(lock->connection->db, "BEGIN IMMEDIATE");
    return lock;
}

TEST(a_grant_is_committed)
{
    leaselock_lock *lock = lock_with_stray_transaction();
    leaselock_lease *lease = obtain_now(lock, "r", 0);
    assert_int_equal(database_number("SELECT count(*) FROM leaselock_leases WHERE resource = 'r'"), 1);
    database_run("BEGIN IMMEDIATE; COMMIT"); /* and the write lock is free */
    release_now(lease);
    end_lock(lock);
}

TEST(a_release_is_committed)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 0);
    raw_run(lock->connection->db, "BEGIN IMMEDIATE");
    release_now(lease);
    assert_int_equal(database_number("SELECT released FROM leaselock_leases WHERE resource = 'r'"), 1);
    end_lock(lock);
}

TEST(a_floor_is_committed)
{
    leaselock_lock *lock = lock_with_stray_transaction();
    assert_int_equal(leaselock_lock_raise_floor(lock, 500, NULL), LEASELOCK_OK);
    assert_int_equal(database_number("SELECT floor FROM leaselock_control"), 500);
    end_lock(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_FOLDER(a_grant_is_committed), IN_FOLDER(a_release_is_committed),
                                       IN_FOLDER(a_floor_is_committed)};
    return cmocka_run_group_tests_name("sqlite_stray", tests, NULL, NULL);
}
