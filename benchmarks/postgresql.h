/*
 * What the benchmarks on PostgreSQL share. What is compared is run in turns of a tenth of a second: a busy machine, or a slow
 * disk, meets both alike. Each round is printed as a line of rates per second.
 */
#ifndef BENCHMARKS_POSTGRESQL_H
#define BENCHMARKS_POSTGRESQL_H

#include <libpq-fe.h>
#include <string.h>

#include "bench.h"

#define SLICE_SECONDS 0.1

static inline PGresult *checked(PGconn *link, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK)
        return result;
    fprintf(stderr, "%s", PQerrorMessage(link));
    exit(1);
}

static inline PGconn *connect_by_hand(const char *url)
{
    PGconn *link = PQconnectdb(url);
    if (PQstatus(link) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(link));
        exit(1);
    }
    return link;
}

static inline leaselock_lock *open_locks(const char *url)
{
    leaselock_lock *locks;
    check(leaselock_lock_open(url, NULL, &locks));
    return locks;
}

static inline void close_locks(leaselock_lock *locks)
{
    check(leaselock_lock_close(locks));
    leaselock_lock_free(locks);
}

#endif
