#include "fault/faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* A recovery reads every frame of the WAL: after so many reads in a row one more tells nothing new. */
enum { READS_IN_A_ROW = 8 };

static struct {
    faults_mode mode;
    int until_failure; /* 0: none is to fail */
    bool lasting;
    bool failed;
    bool paused;
    int reads; /* of the WAL, in a row */
} armed;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void faults_arm(faults_mode mode, int first, bool lasting)
{
    pthread_mutex_lock(&mutex);
    armed.mode = mode;
    armed.until_failure = first;
    armed.lasting = lasting;
    armed.failed = false;
    armed.reads = 0;
    pthread_mutex_unlock(&mutex);
}

bool faults_disarm(void)
{
    pthread_mutex_lock(&mutex);
    armed.until_failure = 0;
    bool failed = armed.failed;
    pthread_mutex_unlock(&mutex);
    return failed;
}

void faults_pause(bool pause)
{
    pthread_mutex_lock(&mutex);
    armed.paused = pause;
    pthread_mutex_unlock(&mutex);
}

/* How this call would fail; SQLITE_OK where it cannot. */
static int error_of(const shim_call *call)
{
    switch (call->operation) {
    case SHIM_OPEN:
        return SQLITE_CANTOPEN;
    case SHIM_DELETE:
        return SQLITE_IOERR_DELETE;
    case SHIM_ACCESS:
        return SQLITE_IOERR_ACCESS;
    case SHIM_READ:
        return SQLITE_IOERR_READ;
    case SHIM_WRITE:
        return SQLITE_IOERR_WRITE;
    case SHIM_TRUNCATE:
        return SQLITE_IOERR_TRUNCATE;
    case SHIM_SYNC:
        return SQLITE_IOERR_FSYNC;
    case SHIM_SIZE:
        return SQLITE_IOERR_FSTAT;
    case SHIM_LOCK:
        return SQLITE_IOERR_LOCK;
    case SHIM_SHM_MAP:
        return SQLITE_IOERR_SHMMAP;
    case SHIM_SHM_LOCK:
        return shim_is_unlock(call) ? SQLITE_OK : SQLITE_IOERR_SHMLOCK;
    default:
        return SQLITE_OK;
    }
}

static int failure_of(const shim_call *call)
{
    armed.reads = call->operation == SHIM_READ && call->kind == SHIM_WAL ? armed.reads + 1 : 0;
    if (armed.reads > READS_IN_A_ROW && !getenv("LEASELOCK_LONG_TESTS") && !(armed.failed && armed.lasting))
        return SQLITE_OK;
    switch (armed.mode) {
    case FAULTS_FULL:
        return call->operation == SHIM_WRITE ? SQLITE_FULL : SQLITE_OK;
    case FAULTS_TORN:
        return call->operation == SHIM_WRITE ? SQLITE_IOERR_WRITE : SQLITE_OK;
    case FAULTS_BUSY:
        return call->operation == SHIM_LOCK || (call->operation == SHIM_SHM_LOCK && (call->flags & SQLITE_SHM_LOCK))
                   ? SQLITE_BUSY
                   : SQLITE_OK;
    case FAULTS_NOMEM:
        return SQLITE_OK;
    default:
        return error_of(call);
    }
}

/* Whether a call that can fail does. */
static bool is_its_turn(void)
{
    if (armed.until_failure > 1) {
        armed.until_failure--;
        return false;
    }
    armed.failed = true;
    armed.until_failure = armed.lasting ? 1 : 0;
    return true;
}

int faults_before(shim_call *call)
{
    pthread_mutex_lock(&mutex);
    int failure = armed.until_failure > 0 && !armed.paused ? failure_of(call) : SQLITE_OK;
    if (failure != SQLITE_OK && !is_its_turn())
        failure = SQLITE_OK;
    if (failure != SQLITE_OK) {
        errno = armed.mode == FAULTS_FULL ? ENOSPC : EIO; /* SQLite asks for it when it cannot open */
        call->torn = armed.mode == FAULTS_TORN ? call->amount / 2 : 0;
    }
    pthread_mutex_unlock(&mutex);
    return failure;
}

/* --- SQLite's memory ------------------------------------------------------------------------------------------- */

static sqlite3_mem_methods real_memory;

static bool has_memory(void)
{
    pthread_mutex_lock(&mutex);
    bool fails = armed.until_failure > 0 && !armed.paused && armed.mode == FAULTS_NOMEM && is_its_turn();
    pthread_mutex_unlock(&mutex);
    return !fails;
}

static void *allocate(int size)
{
    return has_memory() ? real_memory.xMalloc(size) : NULL;
}

static void *reallocate(void *memory, int size)
{
    return has_memory() ? real_memory.xRealloc(memory, size) : NULL;
}

void faults_install_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    sqlite3_mem_methods failing = real_memory;
    failing.xMalloc = allocate;
    failing.xRealloc = reallocate;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}
