#include "fault/guard.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "sqlite/child.h"

enum { PATHS = 16 };

/* Who holds the write lock of a file's WAL in this process. */
typedef struct holder {
    char path[PATH_MAX];
    bool held;
    pthread_t thread;
} holder;

static struct {
    atomic_int violations, writes, checkpoints;
} *counts;
static holder holders[PATHS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void guard_start(void)
{
    if (!counts)
        counts = shared_memory(sizeof *counts);
    atomic_store(&counts->violations, 0);
    atomic_store(&counts->writes, 0);
    atomic_store(&counts->checkpoints, 0);
    memset(holders, 0, sizeof holders);
}

/* The path's own entry, or a free one; under the mutex. */
static holder *holder_of(const char *path)
{
    for (size_t i = 0; i < PATHS; i++) {
        if (holders[i].path[0] == '\0')
            snprintf(holders[i].path, sizeof holders[i].path, "%s", path);
        if (strcmp(holders[i].path, path) == 0)
            return &holders[i];
    }
    fprintf(stderr, "guard: more files than it was made for\n");
    atomic_fetch_add(&counts->violations, 1);
    return &holders[0];
}

static bool may_write(const shim_call *call)
{
    pthread_mutex_lock(&mutex);
    const holder *entry = holder_of(call->path);
    bool has_write_lock = entry->held && pthread_equal(entry->thread, pthread_self());
    pthread_mutex_unlock(&mutex);
    return has_write_lock || call->file->lock_level == SQLITE_LOCK_EXCLUSIVE;
}

int guard_before(shim_call *call)
{
    if (call->kind != SHIM_DATABASE)
        return SQLITE_OK;
    if (call->operation == SHIM_WRITE || call->operation == SHIM_TRUNCATE) {
        atomic_fetch_add(&counts->writes, 1);
        if (!may_write(call)) {
            atomic_fetch_add(&counts->violations, 1);
            fprintf(stderr, "guard: %s was written without the write lock\n", call->path);
        }
    }
    if (shim_locks_slot(call, SHIM_SLOT_CHECKPOINT))
        atomic_fetch_add(&counts->checkpoints, 1);
    /* given up before the call, since somebody else has it right after */
    if (shim_is_unlock(call) && call->offset == SHIM_SLOT_WRITE) {
        pthread_mutex_lock(&mutex);
        holder_of(call->path)->held = false;
        pthread_mutex_unlock(&mutex);
    }
    return SQLITE_OK;
}

void guard_after(const shim_call *call, int result)
{
    if (result != SQLITE_OK || !shim_locks_slot(call, SHIM_SLOT_WRITE))
        return;
    pthread_mutex_lock(&mutex);
    holder *entry = holder_of(call->path);
    entry->held = true;
    entry->thread = pthread_self();
    pthread_mutex_unlock(&mutex);
}

int guard_violations(void)
{
    return atomic_load(&counts->violations);
}

int guard_writes(void)
{
    return atomic_load(&counts->writes);
}

int guard_checkpoints(void)
{
    return atomic_load(&counts->checkpoints);
}
