/*
 * The SQLite files that this process has open: what forbids a forked child to open one anew (it inherits libsqlite3's
 * table of POSIX locks, and would take none), and what spreads the news of a failed commit to every connection.
 */
#ifndef LL_SQLITE_FILE_H
#define LL_SQLITE_FILE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "leaselock/common.h"

typedef struct ll_sqlite_file ll_sqlite_file;
struct ll_sqlite_file {
    ll_sqlite_file *next;
    char *path; /* absolute, without links */
    dev_t device;
    ino_t inode; /* 0 until it exists */
    unsigned references;
    unsigned fork_generation;
    atomic_uint faults; /* commits that failed with an I/O error */
    atomic_uint healed; /* how many of them somebody has recovered from */
};

/*
 * Finds the file's absolute path and refuses what is no place for a database: NOT_FOUND, PERMISSION, READ_ONLY,
 * DIRECTORY, NOT_A_DATABASE (not a regular file), NETWORK_FILE_SYSTEM unless `any_file_system`. With `create` the file
 * itself may be missing.
 */
leaselock_status ll_sqlite_file_resolve(const char *path, bool create, bool any_file_system, char **out);

/* Registers one more connection to the file; FORKED where it was open when this process, or an ancestor, was forked. */
leaselock_status ll_sqlite_file_enter(const char *path, ll_sqlite_file **out);
/* Once SQLite has the file open: remembers which one it is. */
void ll_sqlite_file_opened(ll_sqlite_file *file);
void ll_sqlite_file_leave(ll_sqlite_file *file);

#endif
