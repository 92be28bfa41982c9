#include "sqlite/database.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leaselock/sys/probes.h"

char folder[PATH_MAX];

/* --- the folder ------------------------------------------------------------------------------------------------ */

int folder_setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    char made[PATH_MAX];
    snprintf(made, sizeof made, "%s/leaselock-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(made) || !realpath(made, folder) || chmod(folder, 0777) != 0)
        return -1;
    return chdir(folder);
}

static int delete_entry(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found, (void)kind, (void)walk;
    return remove(path);
}

int folder_teardown(void **state)
{
    (void)state;
    leaselock_test_clock_stop();
    leaselock_probes_set(NULL);
    if (chdir("/") != 0)
        return -1;
    chmod(folder, 0777);
    return nftw(folder, delete_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Eight texts that take turns. */
static char *next_text(size_t *size)
{
    static _Thread_local char texts[8][PATH_MAX];
    static _Thread_local unsigned turn;
    *size = sizeof texts[0];
    return texts[turn++ % 8];
}

const char *in_folder(const char *name)
{
    size_t size;
    char *path = next_text(&size);
    if ((size_t)snprintf(path, size, "%.4000s/%s", folder, name) >= size)
        fail_msg("the name is too long");
    return path;
}

const char *url_of(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    size_t size;
    char *url = next_text(&size), *to = url + sprintf(url, "sqlite:");
    for (; *path; path++) {
        assert_true((size_t)(to - url) + 4 < size);
        to += sprintf(to, strchr(plain, *path) ? "%c" : "%%%02x", (unsigned char)*path);
    }
    return url;
}

const char *database_path(void)
{
    return in_folder("leases.db");
}

const char *database_url(void)
{
    return url_of(database_path());
}

void delete_database(void)
{
    unlink(database_path());
    unlink(in_folder("leases.db-wal"));
    unlink(in_folder("leases.db-shm"));
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

size_t read_file(const char *path, void *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, size, file);
    fclose(file);
    return size;
}

static uint64_t hash_of(const char *path)
{
    unsigned char bytes[4096];
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    int file = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; file >= 0 && (got = read(file, bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < got; i++)
            hash = (hash ^ bytes[i]) * 1099511628211u;
    close(file);
    return hash;
}

static void describe(FILE *out, const char *name)
{
    char path[2 * PATH_MAX];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (lstat(path, &found) != 0)
        fail_msg("%s went away", path);
    fprintf(out, "%s mode %o size %lld", name, found.st_mode, (long long)found.st_size);
    if (S_ISREG(found.st_mode) && !strstr(name, "-shm")) /* the index of the WAL: the first connection builds it anew */
        fprintf(out, " time %lld.%09ld content %llx", (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec,
                (unsigned long long)hash_of(path));
    fprintf(out, "\n");
}

char *folder_picture(void)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    assert_true(count >= 2);
    char *picture = NULL;
    size_t size;
    FILE *out = open_memstream(&picture, &size);
    for (int i = 0; i < count; free(entries[i++])) {
        const char *name = entries[i]->d_name;
        if (name[0] != '.')
            describe(out, name);
    }
    free(entries);
    fclose(out);
    return picture;
}

void assert_folder_is(char *picture)
{
    char *now = folder_picture();
    assert_string_equal(picture, now);
    free(now);
    free(picture);
}

int64_t size_of(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 ? (int64_t)found.st_size : -1;
}

/* --- SQLite itself --------------------------------------------------------------------------------------------- */

sqlite3 *raw_open(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    sqlite3_wal_autocheckpoint(db, 0);
    sqlite3_busy_timeout(db, PATIENCE_MS);
    return db;
}

void raw_run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

int64_t raw_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

void database_run(const char *sql)
{
    sqlite3 *db = raw_open(database_path());
    raw_run(db, sql);
    sqlite3_close(db);
}

int64_t database_number(const char *sql)
{
    sqlite3 *db = raw_open(database_path());
    int64_t number = raw_number(db, sql);
    sqlite3_close(db);
    return number;
}

/* --- locks and leases ------------------------------------------------------------------------------------------ */

leaselock_lock *open_lock(const char *url, int64_t operation_ms)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .operation_ms = operation_ms};
    leaselock_lock *lock = NULL;
    assert_ok(leaselock_lock_open(url, &options, &lock));
    return lock;
}

leaselock_lock *open_database(void)
{
    return open_lock(database_url(), 0);
}

void end_lock(leaselock_lock *lock)
{
    assert_ok(leaselock_lock_close(lock));
    leaselock_lock_free(lock);
}

leaselock_lease *obtain_now(leaselock_lock *lock, const char *resource, int64_t ttl_ms)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = ttl_ms};
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, resource, NULL, &options, &lease));
    return lease;
}

leaselock_status try_obtain(leaselock_lock *lock, const char *resource)
{
    leaselock_lease *lease = NULL;
    leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, resource, NULL, NULL, &lease);
    leaselock_lease_free(lease);
    return status;
}

void release_now(leaselock_lease *lease)
{
    bool was_ours = false;
    assert_ok(leaselock_lock_release(leaselock_lease_lock(lease), lease, &was_ours));
    assert_true(was_ours);
    leaselock_lease_free(lease);
}

int64_t next_sequence(leaselock_lock *lock, const char *resource)
{
    leaselock_lease *lease = obtain_now(lock, resource, 0);
    int64_t sequence = leaselock_lease_sequence(lease);
    release_now(lease);
    return sequence;
}

int64_t listed_remaining(leaselock_lock *lock, const char *resource)
{
    const leaselock_list_options options = {.struct_size = sizeof options, .resource = resource};
    leaselock_listing *listing = NULL;
    assert_ok(leaselock_lock_list(lock, &options, &listing));
    assert_int_equal(leaselock_listing_count(listing), 1);
    int64_t remaining = leaselock_listing_remaining(listing, 0);
    leaselock_listing_free(listing);
    return remaining;
}
