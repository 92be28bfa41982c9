/*
 * After an I/O error. A sync that failed may have dropped frames of the WAL that everybody can still read, and a later
 * commit that hangs on them is gone after a power loss, however well it was synced itself. So nothing is granted until
 * all of the WAL is in the database, and the WAL has begun anew with a synced commit of the connection's own.
 */
#include "engines/sqlite/sqlite.h"
#include "util/error.h"

void ll_sqlite_note_fault(leaselock_connection *connection, int result)
{
    if ((result & 0xff) == SQLITE_IOERR)
        atomic_fetch_add(&connection->file->faults, 1);
}

/* A commit that reserves a block, on the disk when it returns. */
static leaselock_status reserve_block(leaselock_connection *connection, int64_t *ceiling)
{
    leaselock_status status = ll_sqlite_begin(connection, true);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_raise_ceiling(connection, 0, ceiling);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_commit(connection);
    ll_sqlite_rollback(connection);
    return status;
}

/* *done is false where a reader keeps the WAL from being emptied, or from beginning anew. */
static leaselock_status try_to_recover(leaselock_connection *connection, int64_t *ceiling, bool *done)
{
    int frames;
    leaselock_status status = ll_sqlite_checkpoint(connection, done, &frames);
    if (status != LEASELOCK_OK || !*done)
        return status;
    status = reserve_block(connection, ceiling);
    /* one that was added at the end would have made them more */
    *done = frames == 0 || connection->wal_frames <= frames;
    return status;
}

leaselock_status ll_sqlite_recover(leaselock_connection *connection)
{
    unsigned faults = atomic_load(&connection->file->faults);
    if (connection->faults_seen == faults)
        return LEASELOCK_OK;
    connection->covered = 0;
    int64_t ceiling = 0;
    bool done = false;
    for (int round = 0; !done; round++) {
        leaselock_status status = try_to_recover(connection, &ceiling, &done);
        if (status == LEASELOCK_OK && !done)
            status = ll_sqlite_pause(connection, round);
        if (status != LEASELOCK_OK)
            return status;
    }
    ll_sqlite_cover(connection, ceiling);
    connection->faults_seen = faults;
    atomic_store(&connection->file->healed, faults);
    return LEASELOCK_OK;
}
