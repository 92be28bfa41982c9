/* Waiting for SQLite's write lock: short jittered pauses that follow the call's rules. */
#include "engines/sqlite/holder.h"
#include "engines/sqlite/sqlite.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/random.h"
#include "util/wait.h"

/*
 * Doubling up to 1.3 ms. Among 8 processes that never rest the longest wait was 41 ms so, 72 ms with pauses of up to 5
 * ms at the same throughput, and 433 ms with SQLite's own handler. Whoever waits for long takes 1.3 % of a processor.
 */
enum { PAUSE_FIRST_US = 10, PAUSE_DOUBLINGS = 7 };

void ll_sqlite_enter(leaselock_connection *connection, const leaselock_call *call)
{
    connection->call = call;
    connection->gave_up = LEASELOCK_OK;
}

static leaselock_status out_of_time(const leaselock_connection *connection)
{
    long writer = ll_sqlite_writer(connection->file->path);
    if (writer)
        return ll_error_set(LEASELOCK_UNAVAILABLE, "%s: the write lock was not free in time: process %ld has it",
                            connection->file->path, writer);
    return ll_error_set(LEASELOCK_UNAVAILABLE, "%s: the write lock was not free in time", connection->file->path);
}

leaselock_status ll_sqlite_pause(leaselock_connection *connection, int round)
{
    const leaselock_call *call = connection->call;
    int64_t longest = (int64_t)PAUSE_FIRST_US << (round < PAUSE_DOUBLINGS ? round : PAUSE_DOUBLINGS);
    int64_t microseconds = ll_random_between(longest / 2, longest);
    if (connection->patient_until_ms == 0)
        return ll_clock_boot() < call->until_ms ? call->pause(call, microseconds) : out_of_time(connection);
    if (ll_clock_boot() >= connection->patient_until_ms)
        return out_of_time(connection);
    /* The operation itself is done: an interrupt that was noticed only now would be lost. */
    ll_word nobody = 0;
    ll_sleep_quietly(&nobody, 0, microseconds);
    return LEASELOCK_OK;
}

static int on_busy(void *payload, int count)
{
    leaselock_connection *connection = payload;
    if (connection->gave_up == LEASELOCK_OK)
        connection->gave_up = ll_sqlite_pause(connection, count);
    return connection->gave_up == LEASELOCK_OK;
}

void ll_sqlite_install_busy_handler(leaselock_connection *connection)
{
    sqlite3_busy_handler(connection->db, on_busy, connection);
}
