/*
 * Moving the WAL into the database. SQLite before 3.51.3, 3.50.7 and 3.44.6 can lose a commit that resets the WAL while
 * a PASSIVE checkpoint runs, so ours runs on a second connection while the first holds the write lock: nobody commits
 * then.
 */
#include "engines/sqlite/sqlite.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum { FRAMES_LEAST = 1000, FRAMES_MOST = 8000, BYTES_PER_FRAME = 8192, PATIENCE_MS = 100 };

static int on_commit(void *payload, sqlite3 *db, const char *name, int frames)
{
    (void)db, (void)name;
    leaselock_connection *connection = payload;
    if (frames < connection->wal_frames) /* the WAL began anew: a delay after a partial checkpoint is over */
        connection->checkpoint_at = FRAMES_LEAST;
    connection->wal_frames = frames;
    return SQLITE_OK;
}

void ll_sqlite_install_wal_hook(leaselock_connection *connection)
{
    connection->checkpoint_at = FRAMES_LEAST;
    sqlite3_wal_hook(connection->db, on_commit, connection);
}

static leaselock_status fail(leaselock_connection *connection, int result)
{
    ll_sqlite_note_fault(connection, result); /* a checkpoint syncs the WAL, too */
    return ll_error_set_native(ll_sqlite_status_of(connection->checkpointer, result), result,
                               "%s: cannot checkpoint: %s", connection->file->path,
                               sqlite3_errmsg(connection->checkpointer));
}

/* A connection that has read nothing yet does not know that there is a WAL, and would checkpoint nothing. */
static leaselock_status open_checkpointer(leaselock_connection *connection)
{
    leaselock_status status = ll_sqlite_check_file(connection); /* the path may lead elsewhere by now */
    if (status == LEASELOCK_OK)
        status = ll_sqlite_connect(connection->file->path, false, &connection->checkpointer);
    if (status != LEASELOCK_OK)
        return status;
    int result = sqlite3_exec(connection->checkpointer, "PRAGMA schema_version", NULL, NULL, NULL);
    if (result == SQLITE_OK)
        return LEASELOCK_OK;
    status = fail(connection, result);
    sqlite3_close(connection->checkpointer);
    connection->checkpointer = NULL;
    return status;
}

static leaselock_status run_passive(leaselock_connection *connection, bool *complete, int *frames)
{
    leaselock_status status = connection->checkpointer ? LEASELOCK_OK : open_checkpointer(connection);
    if (status != LEASELOCK_OK)
        return status;
    int moved;
    int result = sqlite3_wal_checkpoint_v2(connection->checkpointer, NULL, SQLITE_CHECKPOINT_PASSIVE, frames, &moved);
    if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) /* busy: another connection is at it */
        return fail(connection, result);
    *complete = result == SQLITE_OK && *frames >= 0 && *frames == moved;
    return LEASELOCK_OK;
}

leaselock_status ll_sqlite_checkpoint(leaselock_connection *connection, bool *complete, int *frames)
{
    leaselock_status status = ll_sqlite_begin(connection, false);
    if (status == LEASELOCK_OK)
        status = run_passive(connection, complete, frames);
    ll_sqlite_rollback(connection);
    return status;
}

static sqlite3_int64 size_of_database(leaselock_connection *connection)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return file && file->pMethods && file->pMethods->xFileSize(file, &size) == SQLITE_OK ? size : 0;
}

/*
 * What costs most in a checkpoint of a large database is to sync blocks all over it, and many at once cost less each.
 * The WAL stays an eighth of its database, 8 MiB at most: of a million rows at random, pairs are 6 % faster than with a
 * thirtieth.
 */
static int frames_per_checkpoint(leaselock_connection *connection)
{
    sqlite3_int64 frames = size_of_database(connection) / BYTES_PER_FRAME;
    return frames < FRAMES_LEAST ? FRAMES_LEAST : frames > FRAMES_MOST ? FRAMES_MOST : (int)frames;
}

/* The size is asked for only where the least number of frames is there. */
static bool is_due(leaselock_connection *connection)
{
    if (connection->wal_frames < connection->checkpoint_at)
        return false;
    int frames = frames_per_checkpoint(connection);
    if (connection->checkpoint_at < frames)
        connection->checkpoint_at = frames;
    return connection->wal_frames >= connection->checkpoint_at;
}

void ll_sqlite_checkpoint_if_due(leaselock_connection *connection)
{
    if (!is_due(connection))
        return;
    leaselock_error before;
    ll_error_save(&before);
    bool complete = false;
    int frames;
    connection->patient_until_ms = ll_clock_after(PATIENCE_MS);
    leaselock_status status = ll_sqlite_checkpoint(connection, &complete, &frames);
    connection->patient_until_ms = 0;
    connection->gave_up = LEASELOCK_OK;
    if (status != LEASELOCK_OK)
        ll_log(LEASELOCK_LOG_WARNING, "sqlite", "no checkpoint: %s", leaselock_error_last()->message);
    /* behind a reader, or in vain: not again at every commit */
    if (!complete)
        connection->checkpoint_at = connection->wal_frames + frames_per_checkpoint(connection);
    ll_error_restore(&before);
}
