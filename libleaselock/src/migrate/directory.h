/* Folders of migration files. */
#ifndef LL_MIGRATE_DIRECTORY_H
#define LL_MIGRATE_DIRECTORY_H

#include "leaselock/common.h"

/*
 * A file of the folder, whole, with a NUL behind it; yours to free. BAD_MIGRATION where it cannot be read to its end.
 */
leaselock_status ll_directory_read(const char *directory, const char *file, char **text, size_t *size);

/* Where a path leads that may be written as golang-migrate writes it: file://PATH. */
const char *ll_directory_path(const char *directory);

/* Calls `visit` for everything that is no subfolder, sorted by name in byte order. */
typedef leaselock_status (*ll_directory_visitor)(const char *file, void *payload);
leaselock_status ll_directory_list(const char *directory, ll_directory_visitor visit, void *payload);

#endif
