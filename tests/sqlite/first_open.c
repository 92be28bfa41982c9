/* A new file, opened by many at once; and the switch to a WAL while somebody reads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "leaselock/sys/probes.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

enum { OPENERS = 16 };

static int rounds(void)
{
    return getenv("LEASELOCK_LONG_TESTS") ? 200 : 4;
}

/* What everybody does with a database that may not be there yet; 0 when all is well. Adds 1 for the common lease. */
static int open_and_obtain(int number, atomic_int *winners)
{
    char own[16];
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL, *common = NULL;
    snprintf(own, sizeof own, "own %d", number);
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
    expect(leaselock_lock_obtain_with_no_wait(lock, own, NULL, NULL, &lease) == LEASELOCK_OK);
    leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, "common", own, NULL, &common);
    expect(status == LEASELOCK_OK || status == LEASELOCK_BUSY);
    atomic_fetch_add(winners, status == LEASELOCK_OK);
    leaselock_lease_free(lease);
    leaselock_lease_free(common);
    expect(leaselock_lock_close(lock) == LEASELOCK_OK);
    leaselock_lock_free(lock);
    return 0;
}

static void assert_one_database(void)
{
    assert_int_equal(database_number("SELECT count(*) FROM leaselock_migrations"), 1);
    assert_int_equal(database_number("SELECT count(*) FROM leaselock_leases"), OPENERS + 1);
    /* the first of a new database */
    assert_int_equal(database_number("SELECT max(sequence) FROM leaselock_leases"), 1);
    assert_int_equal(database_number("SELECT boot FROM leaselock_control"), 1);
    assert_int_equal(database_number("SELECT floor FROM leaselock_control"), 0);
    assert_int_equal(database_number("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static atomic_int *winners;

static int open_in_process(void *number)
{
    return open_and_obtain((int)(intptr_t)number, winners);
}

TEST(by_many_processes)
{
    winners = shared_memory(sizeof *winners);
    for (int round = 0; round < rounds(); round++) {
        atomic_store(winners, 0);
        in_children_at_once(OPENERS, open_in_process);
        assert_int_equal(atomic_load(winners), 1);
        assert_one_database();
        delete_database();
    }
}

static atomic_int threads_waiting, threads_won;

static void *open_in_thread(void *number)
{
    atomic_fetch_add(&threads_waiting, 1);
    while (atomic_load(&threads_waiting) < OPENERS)
        real_sleep(0);
    return (void *)(intptr_t)open_and_obtain((int)(intptr_t)number, &threads_won);
}

TEST(by_many_threads)
{
    for (int round = 0; round < rounds(); round++) {
        pthread_t threads[OPENERS];
        int failed = 0;
        threads_waiting = threads_won = 0;
        for (int i = 0; i < OPENERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_in_thread, (void *)(intptr_t)i), 0);
        for (int i = 0; i < OPENERS; i++) {
            void *result;
            pthread_join(threads[i], &result);
            failed += result != NULL;
        }
        assert_int_equal(failed, 0);
        assert_int_equal(threads_won, 1);
        assert_one_database();
        delete_database();
    }
}

/* --- the switch to a WAL --------------------------------------------------------------------------------------- */

/* A connection in the midst of reading a database that has no WAL: nobody can switch it meanwhile. */
static sqlite3 *start_reading(sqlite3_stmt **reading)
{
    sqlite3 *reader = raw_open(database_path());
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT x FROM t", -1, reading, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(*reading), SQLITE_ROW);
    return reader;
}

static void stop_reading(sqlite3 *reader, sqlite3_stmt *reading)
{
    sqlite3_finalize(reading);
    sqlite3_close(reader);
}

static leaselock_status open_within(int64_t ms)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .operation_ms = ms};
    leaselock_lock *lock = NULL;
    leaselock_status status = leaselock_lock_open(database_url(), &options, &lock);
    leaselock_lock_free(lock);
    return status;
}

static void assert_waits_for_reader(void)
{
    sqlite3_stmt *reading;
    sqlite3 *reader = start_reading(&reading);
    leaselock_test_clock_start(1000000, 1700000000000);
    assert_refused(LEASELOCK_UNAVAILABLE, open_within(300));
    leaselock_test_clock_stop();
    assert_int_equal(raw_number(reader, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
    stop_reading(reader, reading);
    assert_ok(open_within(0));
    assert_int_equal(database_number("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

TEST(a_reader_delays_the_installation)
{
    database_run("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)");
    assert_waits_for_reader();
}

TEST(a_reader_delays_the_switch_alone)
{
    database_run("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)");
    assert_ok(open_within(0));
    database_run("PRAGMA journal_mode = DELETE"); /* as if the power had gone between the two steps */
    assert_waits_for_reader();
}

static atomic_bool reader_may_go;

static int let_reader_go(void *payload)
{
    (void)payload;
    atomic_store(&reader_may_go, true);
    return 0;
}

static void *read_until_told(void *payload)
{
    sqlite3_stmt *reading;
    sqlite3 *reader = start_reading(&reading);
    atomic_store((atomic_bool *)payload, true);
    while (!atomic_load(&reader_may_go))
        real_sleep(1);
    stop_reading(reader, reading);
    return NULL;
}

TEST(the_open_goes_on_when_the_reader_is_done)
{
    pthread_t thread;
    atomic_bool reads = false;
    const leaselock_interrupt_hook hook = {let_reader_go, NULL}, none = {NULL, NULL};
    database_run("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)");
    reader_may_go = false;
    assert_int_equal(pthread_create(&thread, NULL, read_until_told, &reads), 0);
    assert_eventually(atomic_load(&reads));
    leaselock_interrupt_hook_swap(hook); /* is called once the open waits */
    leaselock_status status = open_within(PATIENCE_MS);
    leaselock_interrupt_hook_swap(none);
    atomic_store(&reader_may_go, true);
    pthread_join(thread, NULL);
    assert_ok(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(by_many_processes),
        IN_FOLDER(by_many_threads),
        IN_FOLDER(a_reader_delays_the_installation),
        IN_FOLDER(a_reader_delays_the_switch_alone),
        IN_FOLDER(the_open_goes_on_when_the_reader_is_done),
    };
    return cmocka_run_group_tests_name("sqlite_first_open", tests, NULL, NULL);
}
