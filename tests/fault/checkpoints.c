/*
 * Checkpoints, as the guard sees them: the database is written only under the write lock, the WAL stays small whoever
 * comes and goes, and neither a reader nor a checkpoint makes others wait for long.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fault/guard.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

/* A thousand frames call for a checkpoint; what others commit until it is made comes on top. */
enum { FRAME_BYTES = 1024 + 24, WAL_MAX_BYTES = 1500 * FRAME_BYTES, WAIT_MAX_MS = 3000 };

static bool is_long(void)
{
    return getenv("LEASELOCK_LONG_TESTS") != NULL;
}

static int64_t wal_size(void)
{
    return size_of(in_folder("leases.db-wal"));
}

static int setup(void **state)
{
    guard_start();
    return folder_setup(state);
}

/* The guard was there, and had nothing to say. */
static void assert_guarded(void)
{
    assert_true(guard_writes() > 0);
    assert_int_equal(guard_violations(), 0);
}

/* --- those who come and go ------------------------------------------------------------------------------------- */

/* What a command line tool does. */
static int come_and_go(void *number)
{
    char resource[16];
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    snprintf(resource, sizeof resource, "r%d", (int)(intptr_t)number % 5);
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
    expect(leaselock_lock_obtain_with_no_wait(lock, resource, NULL, NULL, &lease) == LEASELOCK_OK);
    expect(leaselock_lock_release(lock, lease, NULL) == LEASELOCK_OK);
    leaselock_lease_free(lease);
    expect(leaselock_lock_close(lock) == LEASELOCK_OK);
    leaselock_lock_free(lock);
    return 0;
}

TEST(short_lived_handles_leave_a_small_wal)
{
    int64_t largest = 0;
    for (int i = 0; i < 1500; i++) { /* more than three times what calls for a checkpoint */
        assert_int_equal(come_and_go((void *)(intptr_t)i), 0);
        largest = wal_size() > largest ? wal_size() : largest;
    }
    assert_in_range(largest, 900 * FRAME_BYTES, WAL_MAX_BYTES);
    assert_true(guard_checkpoints() >= 3);
    assert_guarded();
}

TEST(short_lived_processes_leave_a_small_wal)
{
    int64_t largest = 0;
    for (int i = 0; i < (is_long() ? 1500 : 400); i++) {
        in_child(come_and_go, (void *)(intptr_t)i);
        largest = wal_size() > largest ? wal_size() : largest;
    }
    assert_in_range(largest, 900 * FRAME_BYTES, WAL_MAX_BYTES);
    assert_guarded();
}

/* --- beside a reader ------------------------------------------------------------------------------------------- */

/* Pairs by one handle; how long the longest took, in milliseconds. */
static int64_t longest_pair(leaselock_lock *lock, int count)
{
    int64_t longest = 0;
    for (int i = 0; i < count; i++) {
        int64_t from_ms = real_clock();
        next_sequence(lock, "r");
        longest = real_clock() - from_ms > longest ? real_clock() - from_ms : longest;
    }
    return longest;
}

/* The WAL has to grow behind a snapshot that somebody reads; but nobody waits for that, nor tries at every commit. */
TEST(a_reader_costs_a_try_in_a_thousand_frames)
{
    leaselock_lock *lock = open_database();
    sqlite3 *reader = raw_open(database_path());
    longest_pair(lock, 100);
    raw_run(reader, "BEGIN; SELECT count(*) FROM leaselock_leases");
    guard_start();
    assert_in_range(longest_pair(lock, 3000), 0, WAIT_MAX_MS);
    int64_t frames = wal_size() / FRAME_BYTES;
    assert_in_range(guard_checkpoints(), 2, frames / 1000 + 1);
    raw_run(reader, "COMMIT");
    longest_pair(lock, 600); /* the next one that is due empties it */
    int64_t largest = wal_size();
    longest_pair(lock, 3000);
    assert_int_equal(wal_size(), largest);
    sqlite3_close(reader);
    end_lock(lock);
    assert_guarded();
}

/* --- a large database ------------------------------------------------------------------------------------------ */

enum { LARGE_BYTES = 16 << 20, LARGE_FRAMES = LARGE_BYTES / 8192 };

/* In rollback mode, as a user's own database may be. */
static void make_large_database(void)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "PRAGMA page_size = 1024; CREATE TABLE large(bytes); INSERT INTO large VALUES (zeroblob(%d))",
             LARGE_BYTES);
    database_run(sql);
}

TEST(a_large_database_is_checkpointed_less_often)
{
    make_large_database();
    guard_start();
    leaselock_lock *lock = open_database();
    int64_t largest = 0;
    for (int i = 0; i < LARGE_FRAMES; i++) { /* two frames each */
        next_sequence(lock, "r");
        largest = wal_size() > largest ? wal_size() : largest;
    }
    assert_in_range(guard_checkpoints(), 1, 2);
    assert_in_range(largest / FRAME_BYTES, LARGE_FRAMES - 10, LARGE_FRAMES + 100);
    end_lock(lock);
    assert_guarded();
}

/* --- many at once ---------------------------------------------------------------------------------------------- */

enum { PROCESSES = 4, RESOURCES = 3 };

/* What all processes of the stress have seen. */
static struct {
    _Atomic int64_t last[RESOURCES]; /* sequence */
    _Atomic int64_t longest_ms;
    atomic_int granted, busy;
} *seen;

/* Only the holder is here: whoever had it before has noted its number. */
static int note_grant(int resource, int64_t sequence)
{
    int64_t before = atomic_exchange(&seen->last[resource], sequence);
    expect(sequence > before);
    atomic_fetch_add(&seen->granted, 1);
    return 0;
}

static int contend_once(leaselock_lock *lock, int resource)
{
    char name[16];
    bool was_ours = false;
    leaselock_lease *lease = NULL;
    snprintf(name, sizeof name, "r%d", resource);
    int64_t from_ms = real_clock();
    leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, name, NULL, NULL, &lease);
    int64_t took_ms = real_clock() - from_ms;
    if (took_ms > atomic_load(&seen->longest_ms))
        atomic_store(&seen->longest_ms, took_ms);
    if (status == LEASELOCK_BUSY) {
        atomic_fetch_add(&seen->busy, 1);
        return 0;
    }
    expect(status == LEASELOCK_OK);
    expect(note_grant(resource, leaselock_lease_sequence(lease)) == 0);
    expect(leaselock_lock_renew(lock, lease) == LEASELOCK_OK);
    expect(leaselock_lock_release(lock, lease, &was_ours) == LEASELOCK_OK && was_ours);
    leaselock_lease_free(lease);
    return 0;
}

/* Half of the processes keep their handle, the others come and go. */
static int contend(void *number)
{
    int rounds = is_long() ? 100 : 10;
    for (int round = 0; round < rounds; round++) {
        leaselock_lock *lock = NULL;
        int count = (intptr_t)number % 2 ? 100 : 20;
        expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
        for (int i = 0; i < count; i++)
            expect(contend_once(lock, (int)((intptr_t)number + i) % RESOURCES) == 0);
        expect(leaselock_lock_close(lock) == LEASELOCK_OK);
        leaselock_lock_free(lock);
    }
    return 0;
}

TEST(many_processes_under_the_guard)
{
    seen = shared_memory(sizeof *seen);
    in_children_at_once(PROCESSES, contend);
    print_message("%d grants, %d told busy, the longest answer took %lld ms, %d checkpoints\n", seen->granted,
                  seen->busy, (long long)seen->longest_ms, guard_checkpoints());
    assert_true(seen->granted > 500);
    assert_in_range(seen->longest_ms, 0, WAIT_MAX_MS);
    assert_in_range(wal_size(), 0, 2 * WAL_MAX_BYTES);
    assert_int_equal(database_number("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    assert_true(guard_checkpoints() > 0);
    assert_guarded();
    munmap(seen, sizeof *seen);
}

int main(void)
{
    static const shim_observer observers[] = {{guard_before, guard_after}, {NULL, NULL}};
    guard_start();
    shim_install(observers);
#define GUARDED(name) cmocka_unit_test_setup_teardown(name, setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        GUARDED(short_lived_handles_leave_a_small_wal),
        GUARDED(short_lived_processes_leave_a_small_wal),
        GUARDED(a_reader_costs_a_try_in_a_thousand_frames),
        GUARDED(a_large_database_is_checkpointed_less_often),
        GUARDED(many_processes_under_the_guard),
    };
    return cmocka_run_group_tests_name("fault_checkpoints", tests, NULL, NULL);
}
