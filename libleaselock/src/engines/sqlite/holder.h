/* Which process keeps others from writing. */
#ifndef LL_SQLITE_HOLDER_H
#define LL_SQLITE_HOLDER_H

/* The id of another process that has SQLite's write lock on the file, as far as the system tells; else 0. */
long ll_sqlite_writer(const char *path);

#endif
