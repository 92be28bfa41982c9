/*
 * The floor on PostgreSQL, by hand through libpq, one thread and one connection each. Prints how many per second, all together.
 *
 *   bench_floor_postgresql URL SECONDS CONNECTIONS pair       the engine's own grant and release, prepared; each a round trip
 *   bench_floor_postgresql URL SECONDS CONNECTIONS select     SELECT 1, prepared: what a round trip costs
 *   bench_floor_postgresql URL SECONDS CONNECTIONS advisory   pg_try_advisory_lock and pg_advisory_unlock
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engines/postgresql/statements.h"

enum { CONNECTIONS_MAX = 64 };

static const char *url, *kind;
static double length;
static atomic_long total;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static PGresult *check(PGconn *link, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK)
        return result;
    fprintf(stderr, "%s", PQerrorMessage(link));
    exit(1);
}

static void prepare(PGconn *link, const char *name, const char *sql)
{
    PQclear(check(link, PQprepare(link, name, sql, 0, NULL)));
}

static PGresult *run(PGconn *link, const char *name, int count, const char *const *values)
{
    return check(link, PQexecPrepared(link, name, count, values, NULL, NULL, 1));
}

static PGconn *connect_and_prepare(void)
{
    PGconn *link = PQconnectdb(url);
    char *sql[LL_PG_STATEMENTS] = {0};
    if (PQstatus(link) != CONNECTION_OK || ll_pg_make_statements("public", sql) != 0) {
        fprintf(stderr, "%s", PQerrorMessage(link));
        exit(1);
    }
    PQclear(check(link, PQexec(link, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off")));
    prepare(link, "select", "SELECT 1");
    prepare(link, "lock", "SELECT pg_try_advisory_lock($1::bigint)");
    prepare(link, "unlock", "SELECT pg_advisory_unlock($1::bigint)");
    prepare(link, "grant", sql[LL_SQL_GRANT_ONE]);
    prepare(link, "look", sql[LL_SQL_LOOK_ONE]);
    prepare(link, "release", sql[LL_SQL_RELEASE_ONE]);
    PQclear(check(link, PQexec(link, "SELECT 1")));
    ll_pg_free_statements(sql);
    return link;
}

/* The sequence is counted here, as it would be read from the grant. */
static void pair(PGconn *link, const char *resource, long number, long *sequence)
{
    char acquisition[33], digits[24];
    snprintf(acquisition, sizeof acquisition, "%032lx", number);
    const char *obtain[] = {resource, acquisition, "floor", "30000"};
    PGresult *granted = run(link, "grant", 4, obtain);
    if (PQntuples(granted) != 1)
        exit(2);
    PQclear(granted);
    snprintf(digits, sizeof digits, "%ld", ++*sequence);
    const char *release[] = {resource, acquisition, "floor", digits};
    PGresult *released = run(link, "release", 4, release);
    if (PQntuples(released) != 1)
        exit(3);
    PQclear(released);
}

/* Makes the row; the sequence it has. */
static long begin_pairs(PGconn *link, const char *resource)
{
    const char *values[] = {resource};
    PQclear(check(link, PQexecParams(link, "INSERT INTO leaselock_leases (resource) VALUES ($1) ON CONFLICT DO NOTHING", 1,
                                     NULL, values, NULL, NULL, 0)));
    PGresult *row = check(link, PQexecParams(link, "SELECT sequence FROM leaselock_leases WHERE resource = $1", 1, NULL,
                                             values, NULL, NULL, 0));
    long sequence = atol(PQgetvalue(row, 0, 0));
    PQclear(row);
    return sequence;
}

static void *work(void *argument)
{
    char resource[32];
    snprintf(resource, sizeof resource, "benchmark-%d", *(const int *)argument);
    PGconn *link = connect_and_prepare();
    const char *key[] = {resource + strlen("benchmark-")};
    long sequence = begin_pairs(link, resource), count = 0;
    for (double start = seconds(); seconds() - start < length; count++) {
        if (strcmp(kind, "pair") == 0) {
            pair(link, resource, 2 * (sequence + 1) + 1, &sequence);
        } else if (strcmp(kind, "advisory") == 0) {
            PQclear(run(link, "lock", 1, key));
            PQclear(run(link, "unlock", 1, key));
        } else {
            PQclear(run(link, "select", 0, NULL));
        }
    }
    atomic_fetch_add(&total, count);
    PQfinish(link);
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 64;
    url = arguments[1];
    length = atof(arguments[2]);
    kind = arguments[4];
    int connections = atoi(arguments[3]), numbers[CONNECTIONS_MAX];
    if (connections < 1 || connections > CONNECTIONS_MAX)
        return 64;
    pthread_t threads[CONNECTIONS_MAX];
    for (int i = 0; i < connections; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    printf("%.1f\n", (double)total / length);
    return 0;
}
