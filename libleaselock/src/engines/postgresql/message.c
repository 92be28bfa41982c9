#include "engines/postgresql/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "util/clock.h"
#include "util/error.h"

/* GRACE: how long a cancelled statement, or what is sent at an end, may take before the link is given up. */
enum { SLICE_MS = 25, GRACE_MS = 5000, CANCEL_AGAIN_MS = 1000 };

void ll_pg_reply_clear(ll_pg_reply *reply)
{
    pq.PQclear(reply->result);
    pq.PQclear(reply->failure);
    memset(reply, 0, sizeof *reply);
}

int64_t ll_pg_answer_until(const leaselock_call *call)
{
    int64_t soon_ms = ll_clock_after(LEASELOCK_OPERATION_DEFAULT_MS);
    return call->until_ms > soon_ms ? call->until_ms : soon_ms;
}

/* Until the socket is ready, or a reason to give up. */
static leaselock_status wait_for(leaselock_connection *connection, const ll_pg_message *message, short events)
{
    for (;;) {
        struct pollfd socket = {.fd = pq.PQsocket(connection->link), .events = events};
        int64_t now_ms = ll_clock_boot(), left_ms = message->until_ms - now_ms;
        int ready = poll(&socket, 1, left_ms < 0 ? 0 : left_ms < SLICE_MS ? (int)left_ms : SLICE_MS);
        if (ready > 0)
            return LEASELOCK_OK;
        if (ready < 0 && errno != EINTR)
            return ll_error_set(LEASELOCK_IO, "cannot wait for PostgreSQL's socket");
        if (left_ms <= 0)
            return ll_error_set(LEASELOCK_UNAVAILABLE, "PostgreSQL did not answer in time");
        if (message->call && now_ms >= message->asked_from_ms) {
            leaselock_status status = message->call->pause(message->call, 0);
            if (status != LEASELOCK_OK)
                return status;
        }
    }
}

/* Sends it all; the failure of a link that breaks meanwhile is found by who reads. */
static leaselock_status flush(leaselock_connection *connection, const ll_pg_message *message)
{
    while (pq.PQflush(connection->link) > 0) {
        leaselock_status status = wait_for(connection, message, POLLIN | POLLOUT);
        if (status != LEASELOCK_OK) { /* half a message cannot be taken back */
            ll_pg_drop_link(connection);
            return status;
        }
        if (!pq.PQconsumeInput(connection->link))
            break;
    }
    return LEASELOCK_OK;
}

static void cancel(PGconn *link)
{
    char reason[256];
    PGcancel *request = pq.PQgetCancel(link);
    if (request)
        pq.PQcancel(request, reason, sizeof reason); /* it can only come too late, and then there is an answer */
    pq.PQfreeCancel(request);
}

/* Cancels, asking nobody any more, until the socket has something to say; false: it had not in time. */
static bool cancel_and_wait(leaselock_connection *connection)
{
    ll_pg_message patience = {.call = NULL};
    for (int64_t end_ms = ll_clock_after(GRACE_MS); ll_clock_boot() < end_ms;) {
        cancel(connection->link);
        patience.until_ms = ll_clock_after(CANCEL_AGAIN_MS);
        if (wait_for(connection, &patience, POLLIN) == LEASELOCK_OK)
            return true;
    }
    return false;
}

static void refuse_copy(PGconn *link, ExecStatusType kind)
{
    if (kind == PGRES_COPY_IN)
        pq.PQputCopyEnd(link, "COPY from the client has nobody to send its rows here");
    else
        cancel(link);
}

static void take(PGconn *link, PGresult *result, ll_pg_reply *reply)
{
    ExecStatusType kind = pq.PQresultStatus(result);
    if (kind == PGRES_COPY_IN || kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH) {
        refuse_copy(link, kind);
        reply->copied = true;
        pq.PQclear(result);
    } else if (kind == PGRES_FATAL_ERROR || kind == PGRES_BAD_RESPONSE) {
        pq.PQclear(reply->failure ? result : NULL);
        reply->failure = reply->failure ? reply->failure : result;
    } else {
        reply->statements += kind != PGRES_EMPTY_QUERY;
        pq.PQclear(reply->result);
        reply->result = result;
    }
}

/* Rows that were copied to us before the cancel was heard. True: there is something else to read. */
static bool skip_copied(PGconn *link)
{
    char *row = NULL;
    int length;
    while ((length = pq.PQgetCopyData(link, &row, 1)) > 0)
        pq.PQfreemem(row);
    return length != 0;
}

/* Reads to the end. */
static leaselock_status receive(leaselock_connection *connection, const ll_pg_message *message, ll_pg_reply *reply)
{
    leaselock_status gave_up = LEASELOCK_OK;
    leaselock_error reason;
    bool copying = false;
    for (;;) {
        while (copying ? !skip_copied(connection->link) : pq.PQisBusy(connection->link)) {
            leaselock_status status = gave_up == LEASELOCK_OK ? wait_for(connection, message, POLLIN) : LEASELOCK_OK;
            if (status != LEASELOCK_OK) {
                gave_up = status;
                reply->timed_out = ll_clock_boot() >= message->until_ms;
                ll_error_save(&reason);
            }
            if (gave_up != LEASELOCK_OK && !cancel_and_wait(connection)) {
                ll_pg_drop_link(connection);
                return ll_error_restore(&reason);
            }
            if (!pq.PQconsumeInput(connection->link))
                break;
        }
        PGresult *result = pq.PQgetResult(connection->link);
        if (!result)
            return gave_up == LEASELOCK_OK ? LEASELOCK_OK : ll_error_restore(&reason);
        copying = pq.PQresultStatus(result) == PGRES_COPY_OUT;
        take(connection->link, result, reply);
    }
}

leaselock_status ll_pg_send(leaselock_connection *connection, const ll_pg_message *message, ll_pg_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    PGconn *link = connection->link;
    int sent = message->value_count > 0 ? pq.PQsendQueryParams(link, message->text, message->value_count, NULL,
                                                               message->values, NULL, NULL, 0)
                                        : pq.PQsendQuery(link, message->text);
    if (!sent)
        return ll_pg_fail_link(connection, "send a statement");
    leaselock_status status = flush(connection, message);
    return status == LEASELOCK_OK ? receive(connection, message, reply) : status;
}

static leaselock_status ask(leaselock_connection *connection, ll_pg_message *message, const char *doing,
                            PGresult **result)
{
    ll_pg_reply reply;
    for (int i = 0; i < LL_PG_PARAMETERS_MAX && message->values[i]; i++)
        message->value_count++;
    leaselock_status status = ll_pg_send(connection, message, &reply);
    if (status == LEASELOCK_OK && reply.failure)
        status = ll_pg_refused(connection, reply.failure, doing);
    if (status == LEASELOCK_OK && result) {
        *result = reply.result;
        reply.result = NULL;
    }
    ll_pg_reply_clear(&reply);
    return status;
}

leaselock_status ll_pg_ask(leaselock_connection *connection, const leaselock_call *call, const char *text,
                           const char *const values[LL_PG_PARAMETERS_MAX], const char *doing, PGresult **result)
{
    ll_pg_message message = {.text = text, .call = call, .until_ms = ll_pg_answer_until(call)};
    memcpy(message.values, values, sizeof message.values);
    return ask(connection, &message, doing, result);
}

leaselock_status ll_pg_tell(leaselock_connection *connection, const leaselock_call *call, const char *text,
                            const char *doing)
{
    ll_pg_message message = {.text = text, .call = call, .until_ms = ll_pg_answer_until(call)};
    return ask(connection, &message, doing, NULL);
}

void ll_pg_tell_finally(leaselock_connection *connection, const char *text)
{
    leaselock_error before;
    ll_error_save(&before);
    ll_pg_message message = {.text = text, .until_ms = ll_clock_after(GRACE_MS)};
    if (connection->link && ask(connection, &message, "end what was begun", NULL) != LEASELOCK_OK)
        ll_pg_drop_link(connection);
    ll_error_restore(&before);
}
