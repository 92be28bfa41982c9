#include "postgresql/database.h"

#include <stdatomic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/runner.h"
#include "util/clock.h"
#include "util/random.h"
#include "util/wait.h"

enum { TEXT_MAX = 4096 };

const char *server(const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "LEASELOCK_TEST_POSTGRESQL%s", suffix);
    const char *value = getenv(name);
    if (!value || !value[0])
        fail_msg("%s is not set: run this by tests/postgresql/server.py", name);
    return value;
}

void need_own_server(void)
{
    const char *data = getenv("LEASELOCK_TEST_POSTGRESQL_DATA");
    if (data && data[0])
        return;
    print_message("skipped: the server was given, and is not to be stopped\n");
    skip();
}

/*
 * --- sessions ------------------------------------------------------------------------------------------------------
 */

PGconn *session(void)
{
    PGconn *new = PQconnectdb(server(""));
    if (PQstatus(new) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(new));
    PQclear(PQexec(new, "SET client_min_messages = error"));
    return new;
}

static PGresult *execute(PGconn *in, const char *format, va_list arguments)
{
    char text[TEXT_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    return PQexec(in, text);
}

static const char *value_of(PGresult *result)
{
    static char value[256];
    snprintf(value, sizeof value, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    return value;
}

static const char *sqlstate_of(PGresult *result)
{
    static char code[6];
    const char *found = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(code, sizeof code, "%s", found ? found : "00000");
    return code;
}

const char *sql(PGconn *in, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PGresult *result = execute(in, format, arguments);
    va_end(arguments);
    if (strcmp(sqlstate_of(result), "00000") != 0 || PQstatus(in) != CONNECTION_OK)
        fail_msg("%s: %s", format, PQerrorMessage(in));
    const char *value = value_of(result);
    PQclear(result);
    return value;
}

long long number(PGconn *in, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PGresult *result = execute(in, format, arguments);
    va_end(arguments);
    if (PQntuples(result) != 1)
        fail_msg("%s: %s", format, PQerrorMessage(in));
    long long value = atoll(value_of(result));
    PQclear(result);
    return value;
}

const char *sqlstate(PGconn *in, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PGresult *result = execute(in, format, arguments);
    va_end(arguments);
    const char *code = sqlstate_of(result);
    PQclear(result);
    return code;
}

void send_sql(PGconn *in, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!PQsendQuery(in, text))
        fail_msg("%s", PQerrorMessage(in));
}

bool has_answered(PGconn *in)
{
    PQconsumeInput(in);
    return !PQisBusy(in);
}

const char *answer(PGconn *in)
{
    const char *code = "00000";
    for (PGresult *result; (result = PQgetResult(in)); PQclear(result))
        if (strcmp(code, "00000") == 0)
            code = sqlstate_of(result);
    return code;
}

void wait_until_blocked(PGconn *observer, PGconn *blocked)
{
    assert_eventually(number(observer, "SELECT cardinality(pg_blocking_pids(%d))", PQbackendPID(blocked)) > 0);
}

/*
 * --- the engine ------------------------------------------------------------------------------------------------------
 */

static leaselock_status pause_call(const leaselock_call *of, int64_t microseconds)
{
    (void)of;
    ll_word nobody = 0;
    return ll_sleep(&nobody, 0, microseconds);
}

const leaselock_call *call_of(int64_t ms)
{
    static _Thread_local leaselock_call call;
    call.until_ms = ll_clock_after(ms);
    call.pause = pause_call;
    return &call;
}

const leaselock_call *patient_call(void)
{
    return call_of(PATIENCE_MS);
}

leaselock_status engine_try_connect(const char *url, leaselock_connection **out)
{
    const leaselock_engine *engine = &ll_engine_postgresql;
    leaselock_connection *new = NULL;
    leaselock_status status = engine->open(url, patient_call(), &new);
    if (status == LEASELOCK_OK)
        status = ll_runner_install(engine->installation, new, "leaselock_migrations", engine->schema, patient_call());
    if (status == LEASELOCK_OK)
        status = engine->start(new, patient_call());
    if (status == LEASELOCK_OK)
        *out = new;
    else
        engine->close(new);
    return status;
}

leaselock_connection *engine_connect_to(const char *url)
{
    leaselock_connection *new = NULL;
    assert_ok(engine_try_connect(url, &new));
    return new;
}

leaselock_connection *engine_connect(void)
{
    return engine_connect_to(server(""));
}

void engine_close(leaselock_connection *connection)
{
    ll_engine_postgresql.close(connection);
}

const char *new_resource(void)
{
    static char names[64][16];
    static atomic_uint used;
    unsigned number = ++used;
    char *name = names[number % 64];
    snprintf(name, sizeof names[0], "r%05u", number);
    return name;
}

leaselock_claim claim_on(const char *resource, const char *client, int64_t ttl_ms)
{
    static char ids[1024][LEASELOCK_ACQUISITION_LENGTH + 1];
    static atomic_uint used; /* by several threads */
    char *id = ids[used++ % 1024];
    assert_ok(ll_random_acquisition(id));
    leaselock_claim claim = {resource, client, id, 0, ttl_ms};
    return claim;
}

leaselock_outcome obtain(leaselock_connection *connection, leaselock_claim claim)
{
    leaselock_outcome outcome;
    assert_ok(ll_engine_postgresql.obtain(connection, &claim, 1, patient_call(), &outcome));
    return outcome;
}

leaselock_outcome renew(leaselock_connection *connection, leaselock_claim claim)
{
    leaselock_outcome outcome;
    assert_ok(ll_engine_postgresql.renew(connection, &claim, 1, patient_call(), &outcome));
    return outcome;
}

leaselock_outcome release(leaselock_connection *connection, leaselock_claim claim)
{
    leaselock_outcome outcome;
    assert_ok(ll_engine_postgresql.release(connection, &claim, 1, patient_call(), &outcome));
    return outcome;
}

leaselock_claim obtained(leaselock_connection *connection, const char *resource, const char *client, int64_t ttl_ms)
{
    leaselock_claim claim = claim_on(resource, client, ttl_ms);
    leaselock_outcome outcome = obtain(connection, claim);
    assert_kind(GRANTED, outcome);
    claim.sequence = outcome.sequence;
    return claim;
}

bool persist(engine_slot of, leaselock_connection *connection, const leaselock_claim *claims, size_t count,
             leaselock_outcome *outcomes)
{
    leaselock_status status;
    int64_t give_up_ms = real_clock() + PATIENCE_MS;
    while ((status = of(connection, claims, count, patient_call(), outcomes)) == LEASELOCK_UNAVAILABLE &&
           real_clock() < give_up_ms)
        real_sleep(1);
    if (status != LEASELOCK_OK)
        print_error("%s\n", leaselock_error_last()->message);
    return status == LEASELOCK_OK;
}
