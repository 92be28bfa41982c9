/* SQLite's own locks under ours: who only reads while busy, and how long a wait for the write lock may be. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/lock.h"
#include "engines/sqlite/sqlite.h"
#include "leaselock/sys/probes.h"
#include "sqlite/child.h"
#include "sqlite/database.h"
#include "util/clock.h"

static leaselock_lock *lock;
static sqlite3 *other; /* somebody else's connection */

static int setup(void **state)
{
    if (folder_setup(state) != 0)
        return -1;
    lock = open_lock(database_url(), 400);
    other = raw_open(database_path());
    return 0;
}

static int teardown(void **state)
{
    sqlite3_close(other);
    leaselock_lock_free(lock);
    return folder_teardown(state);
}

static void start_test_clock(void)
{
    leaselock_test_clock_start(1000000, 1700000000000);
}

/* --- a busy resource ------------------------------------------------------------------------------------------- */

typedef struct traces {
    struct timespec wal_time;
    int64_t wal_size, data_version;
    int changes;
} traces;

static traces traces_now(void)
{
    struct stat wal;
    assert_int_equal(stat(in_folder("leases.db-wal"), &wal), 0);
    return (traces){wal.st_mtim, wal.st_size, raw_number(other, "PRAGMA data_version"),
                    sqlite3_total_changes(lock->connection->db)};
}

/* Tries that are told BUSY: they leave no trace, and do not wait. */
static void assert_busy_without_trace(void)
{
    start_test_clock();
    int64_t clock = ll_clock_boot();
    traces before = traces_now();
    for (int i = 0; i < 20; i++)
        assert_refused(LEASELOCK_BUSY, try_obtain(lock, "held"));
    traces after = traces_now();
    assert_int_equal(after.wal_time.tv_sec, before.wal_time.tv_sec);
    assert_int_equal(after.wal_time.tv_nsec, before.wal_time.tv_nsec);
    assert_int_equal(after.wal_size, before.wal_size);
    assert_int_equal(after.data_version, before.data_version);
    assert_int_equal(after.changes, before.changes);
    assert_int_equal(ll_clock_boot(), clock);
}

static leaselock_lease *hold(leaselock_lock *holder)
{
    start_test_clock();
    return obtain_now(holder, "held", 0);
}

TEST(a_busy_try_only_reads)
{
    leaselock_lock *holder = open_database(); /* the lock itself has no number reserved yet */
    leaselock_lease *lease = hold(holder);
    assert_busy_without_trace();
    next_sequence(lock, "free"); /* and now it has */
    assert_busy_without_trace();
    leaselock_lease_free(lease);
    end_lock(holder);
}

TEST(a_busy_try_beside_a_reader)
{
    leaselock_lease *lease = hold(lock);
    raw_run(other, "BEGIN; SELECT count(*) FROM leaselock_leases");
    assert_busy_without_trace();
    leaselock_lease_free(lease);
}

TEST(a_busy_try_beside_a_writer)
{
    leaselock_lease *lease = hold(lock);
    raw_run(other, "BEGIN IMMEDIATE");
    assert_busy_without_trace();
    raw_run(other, "UPDATE leaselock_leases SET released = 1"); /* not committed: nobody sees it */
    assert_busy_without_trace();
    raw_run(other, "ROLLBACK");
    leaselock_lease_free(lease);
}

TEST(opening_and_listing_do_not_wait_for_a_writer)
{
    leaselock_lease *lease = hold(lock);
    raw_run(other, "BEGIN IMMEDIATE");
    leaselock_lock *second = open_lock(database_url(), 400);
    assert_int_equal(listed_remaining(second, "held"), 30000);
    assert_int_equal(ll_clock_boot(), 1000000);
    raw_run(other, "ROLLBACK");
    end_lock(second);
    leaselock_lease_free(lease);
}

/* Whoever asks for one of a million waits for one. */
TEST(one_resource_is_found_without_reading_the_others)
{
    raw_run(other, "INSERT INTO leaselock_leases SELECT 'r' || value, 'c', 1, 'a' || value, 1, 0, boot, 0, 1"
                   "  FROM leaselock_control, (WITH RECURSIVE numbers(value) AS"
                   "  (SELECT 0 UNION ALL SELECT value + 1 FROM numbers LIMIT 1000) SELECT value FROM numbers)");
    assert_int_equal(listed_remaining(lock, "r500"), 0);
    sqlite3_stmt *list = lock->connection->statements[LL_SQL_LIST_ONE];
    assert_in_range(sqlite3_stmt_status(list, SQLITE_STMTSTATUS_VM_STEP, 0), 1, 100);
}

/* --- the write lock -------------------------------------------------------------------------------------------- */

#define assert_waits_400_ms(call)                                        \
    do {                                                                 \
        int64_t from_ms = ll_clock_boot();                               \
        assert_refused(LEASELOCK_UNAVAILABLE, (call));                   \
        assert_in_range(ll_clock_boot() - from_ms, 390, 450);            \
    } while (0)

/* Not BUSY: the resource is free, as far as anybody knows. */
TEST(a_writer_that_stays_makes_the_engine_unavailable)
{
    int64_t floor;
    leaselock_lease *lease = hold(lock);
    raw_run(other, "BEGIN IMMEDIATE");
    assert_waits_400_ms(try_obtain(lock, "free"));
    assert_waits_400_ms(leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    assert_waits_400_ms(leaselock_lock_raise_floor(lock, 10, &floor));
    assert_waits_400_ms(leaselock_lock_release(lock, lease, NULL));
    raw_run(other, "COMMIT");
    release_now(lease); /* a failed release can be tried again */
    assert_int_equal(next_sequence(lock, "free"), 1);
}

TEST(a_fresh_handle_waits_as_long)
{
    leaselock_lock *fresh = open_lock(database_url(), 400);
    start_test_clock();
    raw_run(other, "BEGIN IMMEDIATE");
    assert_waits_400_ms(try_obtain(fresh, "free"));
    raw_run(other, "COMMIT");
    end_lock(fresh);
}

/* In a child: has the write lock from when it says so until the other end of its pipe is closed. */
static int keep_write_lock(void *ends)
{
    char byte;
    const int *pipes = ends;
    close(pipes[3]);
    sqlite3 *db = NULL;
    expect(sqlite3_open(database_path(), &db) == SQLITE_OK);
    expect(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    expect(write(pipes[1], "x", 1) == 1);
    expect(read(pipes[2], &byte, 1) == 0);
    return 0;
}

TEST(another_process_that_stays_is_named)
{
    int ends[4];
    char byte, name[32];
    assert_ok(leaselock_lock_close(lock)); /* what is open at the fork would have no locks in the child */
    sqlite3_close(other);
    assert_int_equal(pipe(ends) | pipe(ends + 2), 0);
    pid_t writer = child_start(keep_write_lock, ends);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    leaselock_lock_free(lock);
    lock = open_lock(database_url(), 400);
    start_test_clock();
    assert_waits_400_ms(try_obtain(lock, "free"));
    snprintf(name, sizeof name, "process %d ", (int)writer);
    assert_non_null(strstr(leaselock_error_last()->message, name));
    for (int i = 0; i < 4; i++)
        close(ends[i]);
    assert_int_equal(child_end(writer), 0);
    assert_int_equal(next_sequence(lock, "free"), 1);
    other = raw_open(database_path());
}

TEST(a_reader_with_an_old_snapshot_blocks_nobody)
{
    start_test_clock();
    next_sequence(lock, "r");
    raw_run(other, "BEGIN; SELECT count(*) FROM leaselock_leases");
    for (int i = 0; i < 1500; i++)
        assert_int_equal(next_sequence(lock, "r"), i + 2);
    assert_int_equal(raw_number(other, "SELECT sequence FROM leaselock_leases"), 1);
    assert_in_range(ll_clock_boot() - 1000000, 0, 200); /* two checkpoints may wait for a lock of theirs */
    raw_run(other, "COMMIT");
}

static int pauses;

/* The writer writes meanwhile, so that what was looked at before the wait is old. */
static leaselock_status end_writer_at_third_pause(const leaselock_call *call, int64_t microseconds)
{
    (void)call, (void)microseconds;
    if (++pauses == 3)
        raw_run(other, "UPDATE leaselock_leases SET client = 'somebody'; COMMIT");
    return LEASELOCK_OK;
}

/* The core would try again, and hide it. */
TEST(the_engine_itself_waits_for_a_row_that_it_saw_free)
{
    const leaselock_call call = {INT64_MAX, end_writer_at_third_pause};
    const leaselock_claim claim = {"r", "c", "00112233445566778899aabbccddeeff", 0, 30000};
    leaselock_outcome outcome;
    next_sequence(lock, "r");
    raw_run(other, "BEGIN IMMEDIATE");
    pauses = 0;
    assert_ok(ll_sqlite_obtain(lock->connection, &claim, 1, &call, &outcome));
    assert_int_equal(outcome.kind, LEASELOCK_OUTCOME_GRANTED);
    assert_int_equal(outcome.sequence, 2);
    assert_int_equal(pauses, 3);
}

/* --- the end of such a wait ------------------------------------------------------------------------------------ */

static atomic_bool waits;

static int note_wait(void *payload)
{
    atomic_store(&waits, true);
    return payload != NULL;
}

static void *obtain_in_thread(void *hook_payload)
{
    const leaselock_interrupt_hook hook = {note_wait, hook_payload};
    leaselock_interrupt_hook_swap(hook);
    return (void *)(intptr_t)try_obtain(lock, "free");
}

/* Another thread waits for the write lock, for as long as a test may last. */
static pthread_t start_waiting(bool interrupted_by_hook)
{
    pthread_t thread;
    leaselock_lock_free(lock);
    lock = open_lock(database_url(), 10 * PATIENCE_MS);
    atomic_store(&waits, false);
    raw_run(other, "BEGIN IMMEDIATE");
    assert_int_equal(pthread_create(&thread, NULL, obtain_in_thread, interrupted_by_hook ? &waits : NULL), 0);
    assert_eventually(atomic_load(&waits));
    return thread;
}

static void assert_ends_as(leaselock_status expected, pthread_t thread)
{
    void *status;
    int64_t since_ms = real_clock();
    pthread_join(thread, &status);
    assert_status(expected, (leaselock_status)(intptr_t)status);
    assert_in_range(real_clock() - since_ms, 0, PATIENCE_MS / 2);
}

TEST(it_ends_when_the_writer_is_done)
{
    pthread_t thread = start_waiting(false);
    raw_run(other, "COMMIT");
    assert_ends_as(LEASELOCK_OK, thread);
}

TEST(an_interrupt_ends_it)
{
    pthread_t thread = start_waiting(false);
    assert_ok(leaselock_lock_interrupt(lock));
    assert_ends_as(LEASELOCK_INTERRUPTED, thread);
    raw_run(other, "COMMIT");
    assert_int_equal(next_sequence(lock, "free"), 1); /* not sticky */
}

TEST(a_close_ends_it)
{
    pthread_t thread = start_waiting(false);
    assert_ok(leaselock_lock_close(lock));
    assert_ends_as(LEASELOCK_CLOSED, thread);
}

TEST(the_interrupt_hook_ends_it)
{
    pthread_t thread = start_waiting(true);
    assert_ends_as(LEASELOCK_INTERRUPTED, thread);
}

static int close_in_hook(void *payload)
{
    *(leaselock_status *)payload = leaselock_lock_close(lock);
    return 0;
}

TEST(a_close_in_the_hook_ends_it)
{
    leaselock_lock_free(lock);
    lock = open_lock(database_url(), 10 * PATIENCE_MS);
    raw_run(other, "BEGIN IMMEDIATE");
    leaselock_status closed = 1;
    leaselock_interrupt_hook_swap((leaselock_interrupt_hook){close_in_hook, &closed});
    leaselock_status status = try_obtain(lock, "free");
    leaselock_interrupt_hook_swap((leaselock_interrupt_hook){NULL, NULL});
    assert_refused(LEASELOCK_CLOSED, status);
    assert_ok(closed);
    assert_non_null(lock->connection); /* its call was not over */
    assert_ok(leaselock_lock_close(lock));
    assert_null(lock->connection);
}

/* --- the clock is read under the write lock -------------------------------------------------------------------- */

/* Called while the lock waits for the write lock: a minute goes by, then the writer commits what it had to say. */
static int let_a_minute_pass(void *sql)
{
    if (!sqlite3_get_autocommit(other)) {
        leaselock_test_clock_advance(60000);
        if (sql)
            sqlite3_exec(other, sql, NULL, NULL, NULL);
        sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    }
    return 0;
}

/* The next call waits a minute behind a writer. */
static void let_next_call_wait(const char *sql)
{
    const leaselock_interrupt_hook hook = {let_a_minute_pass, (void *)sql};
    raw_run(other, "BEGIN IMMEDIATE");
    leaselock_interrupt_hook_swap(hook);
}

static void assert_waited_a_minute(int64_t from_ms)
{
    const leaselock_interrupt_hook none = {NULL, NULL};
    leaselock_interrupt_hook_swap(none);
    assert_true(sqlite3_get_autocommit(other));
    assert_true(ll_clock_boot() - from_ms >= 60000);
}

static void setup_patient_lock(void)
{
    leaselock_lock_free(lock);
    lock = open_lock(database_url(), 600000);
    start_test_clock();
}

TEST(the_time_of_a_grant_counts_from_when_the_write_lock_was_had)
{
    setup_patient_lock();
    for (int i = 0; i < 2; i++) { /* the first grant also raises the ceiling */
        int64_t from_ms = ll_clock_boot();
        let_next_call_wait(NULL);
        leaselock_lease *lease = obtain_now(lock, "r", 30000);
        assert_waited_a_minute(from_ms);
        assert_int_equal(listed_remaining(lock, "r"), 30000);
        assert_int_equal(leaselock_lease_remaining(lease), 30000 - 600);
        release_now(lease);
    }
}

TEST(the_time_of_a_renewal_too)
{
    setup_patient_lock();
    leaselock_lease *lease = obtain_now(lock, "r", 100000);
    int64_t from_ms = ll_clock_boot();
    let_next_call_wait(NULL);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_waited_a_minute(from_ms);
    assert_int_equal(listed_remaining(lock, "r"), 100000);
    release_now(lease);
}

/* What was free when the try looked is not, once it has the write lock. */
TEST(a_renewal_that_was_faster_is_seen_under_the_write_lock)
{
    setup_patient_lock();
    leaselock_lease *lease = obtain_now(lock, "r", 30000);
    leaselock_test_clock_advance(31000);
    int64_t from_ms = ll_clock_boot();
    let_next_call_wait("UPDATE leaselock_leases SET deadline_ms = deadline_ms + 3600000");
    assert_refused(LEASELOCK_BUSY, try_obtain(lock, "r"));
    assert_waited_a_minute(from_ms);
    assert_int_equal(leaselock_error_last()->sequence, 1);
    leaselock_lease_free(lease);
}

int main(void)
{
#define BESIDE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        BESIDE(a_busy_try_only_reads),
        BESIDE(a_busy_try_beside_a_reader),
        BESIDE(a_busy_try_beside_a_writer),
        BESIDE(opening_and_listing_do_not_wait_for_a_writer),
        BESIDE(one_resource_is_found_without_reading_the_others),
        BESIDE(a_writer_that_stays_makes_the_engine_unavailable),
        BESIDE(a_fresh_handle_waits_as_long),
        BESIDE(another_process_that_stays_is_named),
        BESIDE(a_reader_with_an_old_snapshot_blocks_nobody),
        BESIDE(the_engine_itself_waits_for_a_row_that_it_saw_free),
        BESIDE(it_ends_when_the_writer_is_done),
        BESIDE(an_interrupt_ends_it),
        BESIDE(a_close_ends_it),
        BESIDE(the_interrupt_hook_ends_it),
        BESIDE(a_close_in_the_hook_ends_it),
        BESIDE(the_time_of_a_grant_counts_from_when_the_write_lock_was_had),
        BESIDE(the_time_of_a_renewal_too),
        BESIDE(a_renewal_that_was_faster_is_seen_under_the_write_lock),
    };
    return cmocka_run_group_tests_name("sqlite_busy", tests, NULL, NULL);
}
