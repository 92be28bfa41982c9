/* A folder of its own for each test, and what SQLite itself says of a database in it. */
#ifndef SQLITE_DATABASE_H
#define SQLITE_DATABASE_H

#include <limits.h>
#include <sqlite3.h>

#include "support/check.h"

/*
 * Setup and teardown of a test: an empty folder that everybody may use; afterwards the machine's own clock and probes.
 */
int folder_setup(void **state);
int folder_teardown(void **state);
#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
extern char folder[PATH_MAX];

/* folder/NAME; the last eight answers stay valid. */
const char *in_folder(const char *name);
/* "sqlite:" and the path, percent-encoded; likewise. */
const char *url_of(const char *path);
/* The database that most tests use: folder/leases.db, and its URL. */
const char *database_path(void);
const char *database_url(void);
/* And what SQLite keeps beside it. */
void delete_database(void);

void write_file(const char *path, const void *bytes, size_t size);
/* The first `size` bytes of a file; how many there were. */
size_t read_file(const char *path, void *bytes, size_t size);
/*
 * All that can be seen of the folder: each entry's name, mode, size, modification time, content. Yours to free. It
 * closes what it reads, and with that drops this process's locks: only while the process has no database open.
 */
char *folder_picture(void);
/* Nothing in the folder has changed since; frees the picture. */
void assert_folder_is(char *picture);
/* The size of a file, -1 where there is none; opens nothing. */
int64_t size_of(const char *path);

/* A connection of SQLite's own. */
sqlite3 *raw_open(const char *path);
void raw_run(sqlite3 *db, const char *sql);
int64_t raw_number(sqlite3 *db, const char *sql);
/* The same two on the test's database, by a connection of their own. */
void database_run(const char *sql);
int64_t database_number(const char *sql);

/* Locks and leases; the ttl 0 is the default. Each has to succeed. */
leaselock_lock *open_lock(const char *url, int64_t operation_ms);
leaselock_lock *open_database(void);
void end_lock(leaselock_lock *lock);
leaselock_lease *obtain_now(leaselock_lock *lock, const char *resource, int64_t ttl_ms);
leaselock_status try_obtain(leaselock_lock *lock, const char *resource);
void release_now(leaselock_lease *lease);
/* Obtains and releases; the sequence. */
int64_t next_sequence(leaselock_lock *lock, const char *resource);
/* What is left of the resource's lease according to the engine. */
int64_t listed_remaining(leaselock_lock *lock, const char *resource);

#endif
