/*
 * Sending statements and waiting for their results. The socket never blocks: every wait is cut into slices, after each
 * of which an interrupt, a close or the end of the call's time is seen. Whoever gives up drops the link.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "engines/postgresql/postgresql.h"
#include "util/clock.h"
#include "util/error.h"

enum { SLICE_MS = 25 };

/* What an exchange waits for: every step brings one result. */
typedef struct ll_pg_step {
    ll_pg_request *request;
    bool prepares;
} ll_pg_step;

typedef struct ll_pg_steps {
    ll_pg_step all[2 * LL_PG_REQUESTS_MAX];
    size_t count, done;
    PGresult *failure; /* the first one */
} ll_pg_steps;

int64_t ll_pg_integer(const PGresult *result, int row, int column)
{
    const unsigned char *bytes = (const unsigned char *)pq.PQgetvalue(result, row, column);
    int length = pq.PQgetlength(result, row, column);
    if (length == 0)
        return 0;
    uint64_t value = bytes[0] & 0x80 && length > 1 ? UINT64_MAX : 0;
    for (int i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

static leaselock_status give_up(leaselock_connection *connection, leaselock_status status)
{
    ll_pg_drop_link(connection);
    return status;
}

leaselock_status ll_pg_wait(leaselock_connection *connection, const leaselock_call *call, int64_t until_ms,
                            short events)
{
    for (;;) {
        struct pollfd socket = {.fd = pq.PQsocket(connection->link), .events = events};
        int64_t left_ms = until_ms - ll_clock_boot();
        if (left_ms <= 0)
            return give_up(connection, ll_error_set(LEASELOCK_UNAVAILABLE, "PostgreSQL did not answer in time"));
        int ready = poll(&socket, 1, left_ms < SLICE_MS ? (int)left_ms : SLICE_MS);
        if (ready > 0)
            return LEASELOCK_OK;
        if (ready < 0 && errno != EINTR)
            return give_up(connection, ll_error_set(LEASELOCK_IO, "cannot wait for PostgreSQL's socket"));
        leaselock_status status = call->pause(call, 0);
        if (status != LEASELOCK_OK)
            return give_up(connection, status);
    }
}

static leaselock_status flush(leaselock_connection *connection, const leaselock_call *call, const char *doing)
{
    int left;
    while ((left = pq.PQflush(connection->link)) > 0) {
        leaselock_status status = ll_pg_wait(connection, call, call->until_ms, POLLIN | POLLOUT);
        if (status != LEASELOCK_OK)
            return status;
        if (!pq.PQconsumeInput(connection->link))
            return ll_pg_fail_link(connection, doing);
    }
    return left == 0 ? LEASELOCK_OK : ll_pg_fail_link(connection, doing);
}

/* The next result, NULL at the end of one statement's. */
static leaselock_status next_result(leaselock_connection *connection, const leaselock_call *call, const char *doing,
                                    PGresult **result)
{
    while (pq.PQisBusy(connection->link)) {
        leaselock_status status = ll_pg_wait(connection, call, call->until_ms, POLLIN);
        if (status != LEASELOCK_OK)
            return status;
        if (!pq.PQconsumeInput(connection->link))
            return ll_pg_fail_link(connection, doing);
    }
    *result = pq.PQgetResult(connection->link);
    if (!*result && pq.PQstatus(connection->link) != CONNECTION_OK)
        return ll_pg_fail_link(connection, doing);
    return LEASELOCK_OK;
}

static void add_step(ll_pg_steps *steps, ll_pg_request *request, bool prepares)
{
    ll_pg_step step = {request, prepares};
    steps->all[steps->count++] = step;
}

/* Queues one statement; on a session of our own it is prepared when it comes for the first time. */
static bool queue(leaselock_connection *connection, ll_pg_request *request, ll_pg_steps *steps)
{
    const char *text = request->id == LL_SQL_TEXT ? request->text : connection->sql[request->id];
    PGconn *link = connection->link;
    if (request->id == LL_SQL_TEXT || !connection->direct) {
        add_step(steps, request, false);
        return pq.PQsendQueryParams(link, text, request->value_count, NULL, request->values, NULL, NULL, 1);
    }
    char name[16];
    snprintf(name, sizeof name, "leaselock%d", request->id);
    if (!connection->prepared[request->id]) {
        add_step(steps, request, true);
        if (!pq.PQsendPrepare(link, name, text, 0, NULL))
            return false;
    }
    add_step(steps, request, false);
    return pq.PQsendQueryPrepared(link, name, request->value_count, request->values, NULL, NULL, 1);
}

/* Takes one result over. */
static void take_result(leaselock_connection *connection, ll_pg_steps *steps, PGresult *result)
{
    ExecStatusType kind = pq.PQresultStatus(result);
    ll_pg_step *step = steps->done < steps->count ? &steps->all[steps->done++] : NULL;
    if (kind == PGRES_FATAL_ERROR && !steps->failure) {
        steps->failure = result;
        return;
    }
    if (step && step->prepares && kind == PGRES_COMMAND_OK)
        connection->prepared[step->request->id] = true;
    if (step && !step->prepares && (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK))
        step->request->result = result;
    else
        pq.PQclear(result);
}

/* Reads on until the server is ready for the next exchange. */
static leaselock_status receive(leaselock_connection *connection, const leaselock_call *call, ll_pg_steps *steps,
                                const char *doing)
{
    for (;;) {
        PGresult *result;
        leaselock_status status = next_result(connection, call, doing, &result);
        if (status != LEASELOCK_OK)
            return status;
        if (!result)
            continue;
        if (pq.PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            pq.PQclear(result);
            return LEASELOCK_OK;
        }
        take_result(connection, steps, result);
    }
}

leaselock_status ll_pg_exchange(leaselock_connection *connection, const leaselock_call *call, ll_pg_request *requests,
                                size_t count, const char *doing, int64_t *asked_ms)
{
    ll_pg_steps steps = {.count = 0};
    leaselock_status status = ll_pg_ensure_link(connection, call);
    if (status != LEASELOCK_OK)
        return status;
    if (asked_ms)
        *asked_ms = ll_clock_boot();
    bool queued = true;
    for (size_t i = 0; i < count && queued; i++)
        queued = queue(connection, &requests[i], &steps);
    if (!queued || !pq.PQpipelineSync(connection->link))
        return ll_pg_fail_link(connection, doing);
    status = flush(connection, call, doing);
    if (status == LEASELOCK_OK)
        status = receive(connection, call, &steps, doing);
    /* What the server said before it hung up is the better reason. */
    if (steps.failure && (status == LEASELOCK_OK || status == LEASELOCK_UNAVAILABLE))
        status = ll_pg_fail(connection, steps.failure, doing);
    pq.PQclear(steps.failure);
    return status;
}

void ll_pg_clear(ll_pg_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pq.PQclear(requests[i].result);
        requests[i].result = NULL;
    }
}

/* Several statements in one text are possible outside of pipeline mode only. */
leaselock_status ll_pg_run_script(leaselock_connection *connection, const leaselock_call *call, const char *sql,
                                  const char *doing)
{
    leaselock_status status = ll_pg_ensure_link(connection, call);
    if (status != LEASELOCK_OK)
        return status;
    if (!pq.PQexitPipelineMode(connection->link) || !pq.PQsendQuery(connection->link, sql))
        return ll_pg_fail_link(connection, doing);
    ll_pg_steps steps = {.count = 0};
    status = flush(connection, call, doing);
    PGresult *result = NULL;
    while (status == LEASELOCK_OK && (status = next_result(connection, call, doing, &result)) == LEASELOCK_OK && result)
        take_result(connection, &steps, result);
    if (status == LEASELOCK_OK && !pq.PQenterPipelineMode(connection->link))
        status = ll_pg_fail_link(connection, doing);
    if (steps.failure && (status == LEASELOCK_OK || status == LEASELOCK_UNAVAILABLE))
        status = ll_pg_fail(connection, steps.failure, doing);
    pq.PQclear(steps.failure);
    return status;
}
