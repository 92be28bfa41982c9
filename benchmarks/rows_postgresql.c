/*
 * obtain + release of resources chosen at random, among few and among many, which are filled in first. One connection. Prints
 * pairs per second among many, and among few.
 *
 *   bench_rows_postgresql URL ROUNDS MANY FEW         the tables are in the schemas "many" and "few", which are made
 */
#include "postgresql.h"

typedef struct table {
    leaselock_lock *locks;
    long rows;
} table;

/* By one statement: the library would need minutes for a million. */
static table fill(const char *url, const char *schema, long rows)
{
    char text[1024];
    PGconn *link = connect_by_hand(url);
    snprintf(text, sizeof text, "CREATE SCHEMA IF NOT EXISTS %s", schema);
    PQclear(checked(link, PQexec(link, text)));
    snprintf(text, sizeof text, "%s%cschema=%s", url, strchr(url, '?') ? '&' : '?', schema);
    table filled = {open_locks(text), rows};
    snprintf(text, sizeof text,
             "INSERT INTO %s.leaselock_leases (resource) SELECT 'benchmark-' || n FROM generate_series(0, %ld) AS n;"
             "VACUUM ANALYZE %s.leaselock_leases",
             schema, rows - 1, schema);
    for (char *sql = strtok(text, ";"); sql; sql = strtok(NULL, ";"))
        PQclear(checked(link, PQexec(link, sql)));
    PQfinish(link);
    return filled;
}

static double rate(const table *of)
{
    long pairs = 0;
    double start = seconds();
    for (; seconds() - start < SLICE_SECONDS; pairs++) {
        char resource[32];
        snprintf(resource, sizeof resource, "benchmark-%ld", random() % of->rows);
        pair(of->locks, resource);
    }
    return (double)pairs / (seconds() - start);
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 64;
    table many = fill(arguments[1], "many", atol(arguments[3])), few = fill(arguments[1], "few", atol(arguments[4]));
    rate(&few);
    for (int round = atoi(arguments[2]); round > 0; round--) {
        double of_many = rate(&many);
        printf("%.1f %.1f\n", of_many, rate(&few));
    }
    close_locks(many.locks);
    close_locks(few.locks);
    return 0;
}
