/*
 * obtain + release of resources chosen at random among many, one process, on a SQLite file that is filled first where
 * it has no rows. Prints pairs per second.
 *
 *   bench_rows FILE SECONDS ROWS
 */
#include <sqlite3.h>

#include "bench.h"

enum { WARM_UP_SHARE = 4 };

static bool is_filled(leaselock_lock *locks)
{
    leaselock_list_options first = {sizeof first, "benchmark-0", false};
    leaselock_listing *listing;
    check(leaselock_lock_list(locks, &first, &listing));
    bool found = leaselock_listing_count(listing) > 0;
    leaselock_listing_free(listing);
    return found;
}

/* By one statement: the library would need a minute for a million. */
static void fill(const char *path, long rows)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO leaselock_leases SELECT 'benchmark-' || value, 'c', 1, printf('%%032x', value), 30000, 0, boot,"
             " 0, 1 FROM leaselock_control, (WITH RECURSIVE numbers(value) AS"
             " (SELECT 0 UNION ALL SELECT value + 1 FROM numbers LIMIT %ld) SELECT value FROM numbers);"
             " PRAGMA wal_checkpoint(TRUNCATE)",
             rows);
    sqlite3 *db;
    int result = sqlite3_open(path, &db);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (result != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_close(db);
}

static double run(leaselock_lock *locks, long rows, double length)
{
    double start = seconds();
    long pairs = 0;
    for (; seconds() - start < length; pairs++) {
        char resource[32];
        snprintf(resource, sizeof resource, "benchmark-%ld", random() % rows);
        pair(locks, resource);
    }
    return (double)pairs / (seconds() - start);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 64;
    char url[4096];
    snprintf(url, sizeof url, "sqlite:%s", arguments[1]);
    double length = atof(arguments[2]);
    long rows = atol(arguments[3]);
    leaselock_lock *locks;
    check(leaselock_lock_open(url, NULL, &locks));
    if (!is_filled(locks))
        fill(arguments[1], rows);
    run(locks, rows, length / WARM_UP_SHARE);
    printf("%.1f\n", run(locks, rows, length));
    leaselock_lock_close(locks);
    leaselock_lock_free(locks);
    return 0;
}
