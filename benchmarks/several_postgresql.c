/*
 * Several resources in one obtain, at the engine's table, beside one. Prints first the round trips of an obtain, a renewal and a
 * release, of one and of several; then how many resources are obtained per second that is spent obtaining, by several and by one.
 *
 *   bench_several_postgresql URL ROUNDS COUNT
 */
#include "engines/postgresql/postgresql.h"
#include "postgresql.h"
#include "util/clock.h"
#include "util/random.h"

enum { COUNT_MAX = 1000, WARM_UP = 20, TIME_MS = 60000 };

extern const leaselock_engine ll_engine_postgresql;

typedef leaselock_status (*slot)(leaselock_connection *, const leaselock_claim *, size_t, const leaselock_call *,
                                 leaselock_outcome *);

static leaselock_connection *connection;
static char names[COUNT_MAX][32];
static leaselock_claim claims[COUNT_MAX];

static leaselock_status pause_call(const leaselock_call *call, int64_t microseconds)
{
    (void)call;
    (void)microseconds;
    return LEASELOCK_OK;
}

static void run(slot of, size_t count, leaselock_outcome_kind expected)
{
    static leaselock_outcome outcomes[COUNT_MAX];
    leaselock_call call = {.until_ms = ll_clock_after(TIME_MS), .pause = pause_call};
    check(of(connection, claims, count, &call, outcomes));
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].kind != expected)
            exit(2);
        claims[i].sequence = outcomes[i].sequence;
    }
}

static void obtain(size_t count)
{
    static char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
    check(ll_random_acquisition(acquisition));
    for (size_t i = 0; i < count; i++)
        claims[i] = (leaselock_claim){names[i], "c", acquisition, 0, 30000};
    run(ll_engine_postgresql.obtain, count, LEASELOCK_OUTCOME_GRANTED);
}

static void renew(size_t count)
{
    run(ll_engine_postgresql.renew, count, LEASELOCK_OUTCOME_RENEWED);
}

static void release(size_t count)
{
    run(ll_engine_postgresql.release, count, LEASELOCK_OUTCOME_RELEASED);
}

/* A round trip is a Sync that libpq was seen to send. */
static int trips_of(void (*of)(size_t), size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *trace = open_memstream(&text, &size);
    PQtrace(connection->link, trace);
    of(count);
    PQuntrace(connection->link);
    fclose(trace);
    int trips = 0;
    for (const char *at = text; (at = strstr(at, "Sync")); at++)
        trips++;
    free(text);
    return trips;
}

static void report_trips(size_t count)
{
    for (int i = 0; i < WARM_UP; i++) { /* statements are prepared, rows made */
        obtain(count);
        renew(count);
        release(count);
    }
    int obtained = trips_of(obtain, count), renewed = trips_of(renew, count);
    printf("%d %d %d ", obtained, renewed, trips_of(release, count));
}

static double rate(size_t count)
{
    double start = seconds(), obtaining = 0;
    long obtained = 0;
    for (double before; (before = seconds()) - start < SLICE_SECONDS; obtained += (long)count) {
        obtain(count);
        obtaining += seconds() - before;
        release(count);
    }
    return (double)obtained / obtaining;
}

int main(int count, char **arguments)
{
    size_t several = count == 4 ? strtoul(arguments[3], NULL, 10) : 0;
    if (several < 1 || several > COUNT_MAX)
        return 64;
    close_locks(open_locks(arguments[1])); /* makes the tables */
    leaselock_call call = {.until_ms = ll_clock_after(TIME_MS), .pause = pause_call};
    check(ll_engine_postgresql.open(arguments[1], &call, &connection));
    for (size_t i = 0; i < several; i++)
        snprintf(names[i], sizeof names[i], "several-%zu", i);
    report_trips(1);
    report_trips(several);
    printf("\n");
    for (int round = atoi(arguments[2]); round > 0; round--) {
        double of_several = rate(several);
        printf("%.1f %.1f\n", of_several, rate(1));
    }
    ll_engine_postgresql.close(connection);
    return 0;
}
