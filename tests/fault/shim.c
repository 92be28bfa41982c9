#include "fault/shim.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sqlite3_vfs *real_vfs;
static shim_observer observers[4];
static atomic_int open_files;
static bool no_time;

int shim_open_files(void)
{
    return atomic_load(&open_files);
}

void shim_take_no_time(bool take_no)
{
    no_time = take_no;
}

bool shim_is_unlock(const shim_call *call)
{
    return call->operation == SHIM_SHM_LOCK && (call->flags & SQLITE_SHM_UNLOCK);
}

bool shim_locks_slot(const shim_call *call, int slot)
{
    return call->operation == SHIM_SHM_LOCK && call->flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) &&
           call->offset <= slot && slot < call->offset + call->amount;
}

static int ask(shim_call *call)
{
    int result = SQLITE_OK;
    for (const shim_observer *at = observers; (at->before || at->after) && result == SQLITE_OK; at++)
        if (at->before)
            result = at->before(call);
    return result;
}

static int tell(const shim_call *call, int result)
{
    for (const shim_observer *at = observers; at->before || at->after; at++)
        if (at->after)
            at->after(call, result);
    return result;
}

static shim_call call_on(sqlite3_file *base, shim_operation operation)
{
    shim_file *file = (shim_file *)base;
    return (shim_call){.operation = operation, .file = file, .path = file->path, .kind = file->kind};
}

/* --- files ----------------------------------------------------------------------------------------------------- */

static int file_close(sqlite3_file *base)
{
    shim_call call = call_on(base, SHIM_CLOSE);
    ask(&call);
    int result = call.file->real->pMethods->xClose(call.file->real);
    atomic_fetch_sub(&open_files, 1);
    tell(&call, result);
    free(call.file->path);
    return result;
}

static int file_read(sqlite3_file *base, void *bytes, int amount, sqlite3_int64 offset)
{
    shim_call call = call_on(base, SHIM_READ);
    call.amount = amount;
    call.offset = offset;
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xRead(call.file->real, bytes, amount, offset);
    return tell(&call, result);
}

static int file_write(sqlite3_file *base, const void *bytes, int amount, sqlite3_int64 offset)
{
    shim_call call = call_on(base, SHIM_WRITE);
    call.bytes = bytes;
    call.amount = amount;
    call.offset = offset;
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xWrite(call.file->real, bytes, amount, offset);
    else if (call.torn > 0)
        call.file->real->pMethods->xWrite(call.file->real, bytes, call.torn, offset);
    return tell(&call, result);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    shim_call call = call_on(base, SHIM_TRUNCATE);
    call.offset = size;
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xTruncate(call.file->real, size);
    return tell(&call, result);
}

static int file_sync(sqlite3_file *base, int flags)
{
    shim_call call = call_on(base, SHIM_SYNC);
    call.flags = flags;
    int result = ask(&call);
    if (result == SQLITE_OK && !no_time)
        result = call.file->real->pMethods->xSync(call.file->real, flags);
    return tell(&call, result);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    shim_call call = call_on(base, SHIM_SIZE);
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xFileSize(call.file->real, size);
    return tell(&call, result);
}

static int file_lock(sqlite3_file *base, int level)
{
    shim_call call = call_on(base, SHIM_LOCK);
    call.flags = level;
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xLock(call.file->real, level);
    if (result == SQLITE_OK && level > call.file->lock_level)
        call.file->lock_level = level;
    return tell(&call, result);
}

static int file_unlock(sqlite3_file *base, int level)
{
    shim_file *file = (shim_file *)base;
    if (level < file->lock_level)
        file->lock_level = level;
    return file->real->pMethods->xUnlock(file->real, level);
}

static int file_check_reserved(sqlite3_file *base, int *reserved)
{
    shim_file *file = (shim_file *)base;
    return file->real->pMethods->xCheckReservedLock(file->real, reserved);
}

static int file_control(sqlite3_file *base, int operation, void *argument)
{
    shim_file *file = (shim_file *)base;
    return file->real->pMethods->xFileControl(file->real, operation, argument);
}

static int file_sector_size(sqlite3_file *base)
{
    shim_file *file = (shim_file *)base;
    return file->real->pMethods->xSectorSize(file->real);
}

static int file_characteristics(sqlite3_file *base)
{
    shim_file *file = (shim_file *)base;
    return file->real->pMethods->xDeviceCharacteristics(file->real);
}

static int file_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **memory)
{
    shim_call call = call_on(base, SHIM_SHM_MAP);
    int result = ask(&call);
    *memory = NULL;
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xShmMap(call.file->real, page, size, extend, memory);
    return tell(&call, result);
}

static int file_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    shim_call call = call_on(base, SHIM_SHM_LOCK);
    call.offset = first;
    call.amount = count;
    call.flags = flags;
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = call.file->real->pMethods->xShmLock(call.file->real, first, count, flags);
    return tell(&call, result);
}

static void file_shm_barrier(sqlite3_file *base)
{
    shim_file *file = (shim_file *)base;
    file->real->pMethods->xShmBarrier(file->real);
}

static int file_shm_unmap(sqlite3_file *base, int delete_it)
{
    shim_file *file = (shim_file *)base;
    return file->real->pMethods->xShmUnmap(file->real, delete_it);
}

/* Version 2: without memory-mapped reads, which nobody could observe. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the VFS --------------------------------------------------------------------------------------------------- */

static shim_kind kind_of_name(const char *path)
{
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, "-wal") == 0)
        return SHIM_WAL;
    if (length > 8 && strcmp(path + length - 8, "-journal") == 0)
        return SHIM_JOURNAL;
    return length ? SHIM_DATABASE : SHIM_OTHER;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
    (void)vfs;
    shim_file *file = (shim_file *)base;
    const char *path = name ? name : "";
    memset(file, 0, sizeof *file);
    shim_call call = {.operation = SHIM_OPEN, .file = file, .path = path, .kind = kind_of_name(path), .flags = flags};
    call.created = name && access(name, F_OK) != 0;
    file->real = (sqlite3_file *)&file[1];
    file->kind = call.kind;
    file->names_folder = call.kind == SHIM_WAL || call.kind == SHIM_JOURNAL;
    file->path = strdup(path);
    int result = file->path ? ask(&call) : SQLITE_NOMEM;
    if (result == SQLITE_OK)
        result = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
    if (result == SQLITE_OK) {
        file->base.pMethods = &file_methods;
        atomic_fetch_add(&open_files, 1);
    }
    tell(&call, result);
    if (result != SQLITE_OK)
        free(file->path);
    return result;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs;
    shim_call call = {.operation = SHIM_DELETE, .path = path, .kind = kind_of_name(path), .flags = sync_folder};
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = real_vfs->xDelete(real_vfs, path, sync_folder && !no_time);
    return tell(&call, result);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer)
{
    (void)vfs;
    shim_call call = {.operation = SHIM_ACCESS, .path = path, .kind = kind_of_name(path), .flags = flags};
    int result = ask(&call);
    if (result == SQLITE_OK)
        result = real_vfs->xAccess(real_vfs, path, flags, answer);
    return tell(&call, result);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return no_time ? microseconds : real_vfs->xSleep(real_vfs, microseconds);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    return real_vfs->xFullPathname(real_vfs, path, size, out);
}

void shim_install(const shim_observer *list)
{
    static sqlite3_vfs shim;
    for (size_t i = 0; list[i].before || list[i].after; i++)
        observers[i] = list[i];
    real_vfs = sqlite3_vfs_find(NULL);
    shim = *real_vfs; /* what it does not touch a file with goes to the real one, which does not look at its argument */
    shim.pNext = NULL;
    shim.zName = "shim";
    shim.szOsFile = (int)sizeof(shim_file) + real_vfs->szOsFile;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    shim.xAccess = vfs_access;
    shim.xFullPathname = vfs_full_pathname;
    shim.xSleep = vfs_sleep;
    sqlite3_vfs_register(&shim, 1);
}
