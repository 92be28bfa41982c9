#include "fault/power.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/record.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

static power_record *record;
static char watched[PATH_MAX]; /* the database; "" while nothing is recorded */

power_record *power_the_record(void)
{
    return record;
}

void power_start(void)
{
    if (!record)
        record = shared_memory(sizeof *record);
    snprintf(watched, sizeof watched, "%s", database_path());
    atomic_store(&record->count, 0);
    atomic_store(&record->bytes_used, 0);
    atomic_store(&record->syncs_until_failure, 0);
    atomic_store(&record->sync_failed, false);
    for (int i = 0; i < POWER_FILES; i++)
        atomic_store(&record->errors[i], 0);
}

void power_stop(void)
{
    watched[0] = '\0';
}

/* Which of the database's files it is; -1: none of them. */
static int file_number(const char *path)
{
    size_t length = strlen(watched);
    if (length == 0 || strncmp(path, watched, length) != 0)
        return -1;
    for (int i = 0; i < POWER_FILES; i++)
        if (strcmp(path + length, power_suffixes[i]) == 0)
            return i;
    return -1;
}

static void append(power_event event, const void *bytes, size_t size)
{
    event.position = atomic_fetch_add(&record->bytes_used, size);
    size_t index = atomic_fetch_add(&record->count, 1);
    if (index >= POWER_EVENTS || event.position + size > POWER_BYTES)
        abort(); /* a test that needs more room */
    if (size > 0)
        memcpy(record->bytes + event.position, bytes, size);
    record->events[index] = event;
}

static void append_on(int file, power_event_kind kind, const shim_call *call, size_t size)
{
    append((power_event){.kind = kind, .file = file, .offset = call->offset, .amount = size}, call->bytes, size);
}

/* --- failing syncs --------------------------------------------------------------------------------------------- */

void power_fail_sync(int nth)
{
    atomic_store(&record->syncs_until_failure, nth);
    atomic_store(&record->sync_failed, false);
}

bool power_sync_failed(void)
{
    return atomic_load(&record->sync_failed);
}

static bool is_to_fail(void)
{
    int left = atomic_load(&record->syncs_until_failure);
    if (left > 0)
        atomic_store(&record->syncs_until_failure, left - 1);
    return left == 1;
}

int power_before(shim_call *call)
{
    int file = call->operation == SHIM_SYNC ? file_number(call->path) : -1;
    if (file < 0)
        return SQLITE_OK;
    if (is_to_fail()) {
        atomic_store(&record->sync_failed, true);
        call->file->errors_seen = atomic_fetch_add(&record->errors[file], 1) + 1;
        append_on(file, POWER_SYNC_FAILED, call, 0);
        return SQLITE_IOERR_FSYNC;
    }
    unsigned errors = atomic_load(&record->errors[file]);
    if (call->file->errors_seen != errors) {
        call->file->errors_seen = errors;
        return SQLITE_IOERR_FSYNC;
    }
    return SQLITE_OK;
}

/* --- what happened --------------------------------------------------------------------------------------------- */

static void sync_done(const shim_call *call, int file)
{
    append_on(file, POWER_SYNC, call, 0);
    if (call->file->names_folder)
        append_on(file, POWER_FOLDER_SYNC, call, 0);
    call->file->names_folder = false;
}

static void succeeded(const shim_call *call, int file)
{
    switch (call->operation) {
    case SHIM_OPEN:
        call->file->errors_seen = atomic_load(&record->errors[file]);
        if (call->created)
            append_on(file, POWER_CREATE, call, 0);
        break;
    case SHIM_WRITE:
        append_on(file, POWER_WRITE, call, (size_t)call->amount);
        break;
    case SHIM_TRUNCATE:
        append_on(file, POWER_TRUNCATE, call, 0);
        break;
    case SHIM_SYNC:
        sync_done(call, file);
        break;
    case SHIM_DELETE:
        append_on(file, POWER_DELETE, call, 0);
        if (call->flags)
            append_on(file, POWER_FOLDER_SYNC, call, 0);
        break;
    default:
        break;
    }
}

void power_after(const shim_call *call, int result)
{
    int file = file_number(call->path);
    if (file < 0)
        return;
    if (result == SQLITE_OK)
        succeeded(call, file);
    else if (call->torn > 0)
        append_on(file, POWER_WRITE, call, (size_t)call->torn);
}

void power_note_grant(int resource, int64_t sequence)
{
    append((power_event){.kind = POWER_GRANT, .file = resource, .offset = sequence}, NULL, 0);
}

void power_note_floor(int64_t floor)
{
    append((power_event){.kind = POWER_FLOOR, .offset = floor}, NULL, 0);
}

size_t power_events(void)
{
    return record ? atomic_load(&record->count) : 0;
}
