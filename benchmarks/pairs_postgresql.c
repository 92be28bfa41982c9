/*
 * obtain + release through the library beside the floor, which is the engine's own grant and release by hand through libpq, each
 * a round trip; beside SELECT 1, what a round trip costs; and beside pg_try_advisory_lock + pg_advisory_unlock. One thread, one
 * resource and two connections for each of CONNECTIONS, of which one is used at a time. Prints library, floor, select, advisory.
 *
 *   bench_pairs_postgresql URL ROUNDS CONNECTIONS
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "engines/postgresql/statements.h"
#include "postgresql.h"

enum { WORKERS_MAX = 64 };
enum { LIBRARY, FLOOR, SELECT, ADVISORY, WORKS };

typedef struct worker {
    pthread_t thread;
    int number;
    char own_resource[32], floor_resource[32];
    leaselock_lock *locks;
    PGconn *link;
    long sequence; /* of the floor's last grant: counted, as it would be read */
    atomic_long counts[WORKS];
} worker;

static worker workers[WORKERS_MAX];
static atomic_int work; /* WORKS: it is over */

static void prepare(PGconn *link, const char *name, const char *sql)
{
    PQclear(checked(link, PQprepare(link, name, sql, 0, NULL)));
}

static void run(PGconn *link, const char *name, int count, const char *const *values)
{
    PGresult *result = checked(link, PQexecPrepared(link, name, count, values, NULL, NULL, 1));
    if (PQntuples(result) != 1)
        exit(2);
    PQclear(result);
}

static void prepare_all(PGconn *link)
{
    char *sql[LL_PG_STATEMENTS] = {0};
    check(ll_pg_make_statements("public", sql));
    PQclear(checked(link, PQexec(link, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off")));
    prepare(link, "select", "SELECT 1");
    prepare(link, "lock", "SELECT pg_try_advisory_lock($1::bigint)");
    prepare(link, "unlock", "SELECT pg_advisory_unlock($1::bigint)");
    prepare(link, "add", sql[LL_SQL_ADD_ONE]);
    prepare(link, "grant", sql[LL_SQL_GRANT_ONE]);
    prepare(link, "release", sql[LL_SQL_RELEASE_ONE]);
    ll_pg_free_statements(sql);
}

static void start_worker(worker *of, const char *url, int number)
{
    of->number = number;
    of->locks = open_locks(url);
    of->link = connect_by_hand(url);
    prepare_all(of->link);
    snprintf(of->own_resource, sizeof of->own_resource, "library-%d", number);
    pair(of->locks, of->own_resource);
    snprintf(of->floor_resource, sizeof of->floor_resource, "floor-%d-%d", (int)getpid(), number); /* from sequence 0 on */
    const char *add[] = {of->floor_resource};
    PQclear(checked(of->link, PQexecPrepared(of->link, "add", 1, add, NULL, NULL, 0)));
}

static void pair_by_hand(worker *of)
{
    char acquisition[33], sequence[24];
    snprintf(acquisition, sizeof acquisition, "%032lx", 2 * of->sequence + 1);
    snprintf(sequence, sizeof sequence, "%ld", ++of->sequence);
    const char *obtain[] = {of->floor_resource, acquisition, "c", "30000"};
    const char *release[] = {of->floor_resource, acquisition, "c", sequence};
    run(of->link, "grant", 4, obtain);
    run(of->link, "release", 4, release);
}

static void lock_advisory(worker *of)
{
    char key[24];
    snprintf(key, sizeof key, "%d", of->number);
    const char *values[] = {key};
    run(of->link, "lock", 1, values);
    run(of->link, "unlock", 1, values);
}

static void *body(void *argument)
{
    worker *of = argument;
    for (int now; (now = atomic_load(&work)) != WORKS; atomic_fetch_add(&of->counts[now], 1)) {
        if (now == LIBRARY)
            pair(of->locks, of->own_resource);
        else if (now == FLOOR)
            pair_by_hand(of);
        else if (now == ADVISORY)
            lock_advisory(of);
        else
            run(of->link, "select", 0, NULL);
    }
    return NULL;
}

static long sum(int connections, int of)
{
    long all = 0;
    for (int i = 0; i < connections; i++)
        all += atomic_load(&workers[i].counts[of]);
    return all;
}

static double rate(int connections, int of)
{
    atomic_store(&work, of);
    long before = sum(connections, of);
    double start = seconds();
    while (seconds() - start < SLICE_SECONDS)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    return (double)(sum(connections, of) - before) / (seconds() - start);
}

int main(int count, char **arguments)
{
    int connections = count == 4 ? atoi(arguments[3]) : 0;
    if (connections < 1 || connections > WORKERS_MAX)
        return 64;
    for (int i = 0; i < connections; i++)
        start_worker(&workers[i], arguments[1], i);
    for (int i = 0; i < connections; i++)
        pthread_create(&workers[i].thread, NULL, body, &workers[i]);
    for (int round = atoi(arguments[2]); round > 0; round--) {
        for (int of = 0; of < WORKS; of++)
            printf("%.1f ", rate(connections, of));
        printf("\n");
    }
    atomic_store(&work, WORKS);
    for (int i = 0; i < connections; i++) {
        pthread_join(workers[i].thread, NULL);
        close_locks(workers[i].locks);
        PQfinish(workers[i].link);
    }
    return 0;
}
