/*
 * A VFS in front of SQLite's own. Observers are told of every call on a file, before it and after it, and may answer in
 * its place. It is the default VFS of the process, so that the library uses it without knowing.
 */
#ifndef FAULT_SHIM_H
#define FAULT_SHIM_H

#include <sqlite3.h>
#include <stdbool.h>

typedef enum shim_operation {
    SHIM_OPEN,
    SHIM_CLOSE,
    SHIM_DELETE,
    SHIM_ACCESS,
    SHIM_READ,
    SHIM_WRITE,
    SHIM_TRUNCATE,
    SHIM_SYNC,
    SHIM_SIZE,
    SHIM_LOCK, /* and unlock: of the database file itself */
    SHIM_SHM_MAP,
    SHIM_SHM_LOCK, /* and unlock: of the slots in the WAL's index */
} shim_operation;

typedef enum shim_kind { SHIM_DATABASE, SHIM_WAL, SHIM_JOURNAL, SHIM_OTHER } shim_kind;

/* WAL_WRITE_LOCK and WAL_CKPT_LOCK of SQLite's wal.c: slots of SHIM_SHM_LOCK. */
enum { SHIM_SLOT_WRITE = 0, SHIM_SLOT_CHECKPOINT = 1 };

typedef struct shim_file {
    sqlite3_file base;
    char *path; /* "" for a temporary file */
    shim_kind kind;
    int lock_level;       /* SQLITE_LOCK_… */
    bool names_folder;    /* the next sync also syncs the folder, as that of a new journal or WAL does */
    unsigned errors_seen; /* for power.c */
    sqlite3_file *real;
} shim_file;

typedef struct shim_call {
    shim_operation operation;
    shim_file *file; /* NULL for SHIM_DELETE and SHIM_ACCESS */
    const char *path;
    shim_kind kind;
    int flags;      /* SHIM_OPEN: SQLite's; _LOCK: the level; _SHM_LOCK: SQLITE_SHM_…; _DELETE: sync the folder */
    bool created;   /* SHIM_OPEN: it was not there before */
    const void *bytes;
    int amount;           /* of bytes; SHIM_SHM_LOCK: of slots */
    sqlite3_int64 offset; /* SHIM_TRUNCATE: the size; SHIM_SHM_LOCK: the first slot */
    int torn;             /* what `before` sets: of a write that it refuses, so many bytes are written all the same */
} shim_call;

typedef struct shim_observer {
    /* SQLITE_OK, or the answer in place of the call's. May be NULL. */
    int (*before)(shim_call *call);
    /* What the call answered, or was made to answer. May be NULL. */
    void (*after)(const shim_call *call, int result);
} shim_observer;

/* Once per process, before SQLite is used. Observers are asked in this order; the list ends with an empty one. */
void shim_install(const shim_observer *observers);

/* Files that are open through it in this process. */
int shim_open_files(void);

/* From now on syncs are only told to the observers, and SQLite's own sleeps take no time. */
void shim_take_no_time(bool take_no);

bool shim_is_unlock(const shim_call *call);
/* A lock on the slots that include this one, exclusive. */
bool shim_locks_slot(const shim_call *call, int slot);

#endif
