/* Reading files whole. */
#ifndef LL_UTIL_FILE_H
#define LL_UTIL_FILE_H

#include "leaselock/common.h"

/*
 * The code for a failed system call on a path, from errno: NOT_FOUND, PERMISSION, READ_ONLY, FULL, DIRECTORY, IO. Sets
 * the record.
 */
leaselock_status ll_file_fail(const char *path);

/*
 * The whole of a regular file of at most `max` bytes, with a NUL behind it; yours to free. Specific: INVALID (no
 * regular file, too long), IO (it ended early, or changed meanwhile).
 */
leaselock_status ll_file_read(const char *path, size_t max, char **text, size_t *size);

#endif
