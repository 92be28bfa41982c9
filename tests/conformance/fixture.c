#include "conformance/conformance.h"

#include <stdio.h>
#include <string.h>

#include "leaselock/sys/probes.h"
#include "migrate/runner.h"
#include "util/clock.h"
#include "util/wait.h"

leaselock_connection *connection;
leaselock_lock *lock;

static int test_number;

/*
 * --- time ----------------------------------------------------------------------------------------------------------
 */

static void begin_test_time(void)
{
    if (suite_engine->follows_probes)
        leaselock_test_clock_start(ll_clock_boot(), ll_clock_wall());
}

void pass_time(int64_t ms)
{
    if (ll_clock_is_test())
        leaselock_test_clock_advance(ms);
    else
        real_sleep(ms);
}

void assert_about(int64_t value, int64_t expected)
{
    enum { SLOWEST_MS = 500 };
    if (ll_clock_is_test())
        assert_int_equal(value, expected);
    else
        assert_true(value <= expected && value > expected - SLOWEST_MS);
}

static leaselock_status pause_call(const leaselock_call *of, int64_t microseconds)
{
    (void)of;
    ll_word nobody = 0;
    return ll_pause(&nobody, 0, microseconds);
}

const leaselock_call *call(void)
{
    static leaselock_call current;
    current.until_ms = ll_clock_after(PATIENCE_MS);
    current.pause = pause_call;
    return &current;
}

/*
 * --- names ---------------------------------------------------------------------------------------------------------
 */

/* Strings that live until the test is over. */
static char names[256][LEASELOCK_ID_MAX + 1];
static size_t names_used;

static char *new_name(void)
{
    assert_true(names_used < sizeof names / sizeof *names);
    return names[names_used++];
}

const char *resource(const char *name)
{
    char *text = new_name();
    snprintf(text, LEASELOCK_ID_MAX + 1, "%d/%s", test_number, name);
    return text;
}

const char *acquisition(int number)
{
    char *text = new_name();
    snprintf(text, LEASELOCK_ID_MAX + 1, "%016x%016x", (unsigned)test_number, (unsigned)number);
    return text;
}

leaselock_claim claim_of(const char *name, const char *client, int acquisition_number)
{
    leaselock_claim claim = {resource(name), client, acquisition(acquisition_number), 0, TTL_MS};
    return claim;
}

leaselock_claim with_sequence(leaselock_claim claim, int64_t sequence)
{
    claim.sequence = sequence;
    return claim;
}

/*
 * --- the engine ----------------------------------------------------------------------------------------------------
 */

leaselock_connection *connect_engine(void)
{
    leaselock_connection *new = NULL;
    assert_ok(suite_engine->open(suite_url, call(), &new));
    if (suite_engine->schema)
        assert_ok(
            ll_runner_install(suite_engine->installation, new, "leaselock_migrations", suite_engine->schema, call()));
    assert_ok(suite_engine->start(new, call()));
    return new;
}

void disconnect_engine(leaselock_connection *old)
{
    suite_engine->close(old);
}

int engine_setup(void **state)
{
    (void)state;
    test_number++;
    names_used = 0;
    begin_test_time();
    connection = connect_engine();
    return 0;
}

int engine_teardown(void **state)
{
    (void)state;
    disconnect_engine(connection);
    connection = NULL;
    leaselock_test_clock_stop();
    return 0;
}

leaselock_outcome obtain_one(leaselock_claim claim)
{
    leaselock_outcome outcome;
    assert_ok(suite_engine->obtain(connection, &claim, 1, call(), &outcome));
    return outcome;
}

leaselock_outcome renew_one(leaselock_claim claim)
{
    leaselock_outcome outcome;
    assert_ok(suite_engine->renew(connection, &claim, 1, call(), &outcome));
    return outcome;
}

leaselock_outcome release_one(leaselock_claim claim)
{
    leaselock_outcome outcome;
    assert_ok(suite_engine->release(connection, &claim, 1, call(), &outcome));
    return outcome;
}

leaselock_claim grant(const char *name, const char *client, int acquisition_number)
{
    leaselock_claim claim = claim_of(name, client, acquisition_number);
    leaselock_outcome outcome = obtain_one(claim);
    assert_kind(GRANTED, outcome);
    return with_sequence(claim, outcome.sequence);
}

typedef struct text {
    char own_prefix[16];
    size_t used;
    char lines[16384];
} text;

static leaselock_status add_line(const leaselock_row *row, void *payload)
{
    text *to = payload;
    if (strncmp(row->resource, to->own_prefix, strlen(to->own_prefix)) != 0)
        return LEASELOCK_OK;
    int length = snprintf(to->lines + to->used, sizeof to->lines - to->used, "%s %s %lld %lld %lld %lld %d\n",
                          row->resource, row->client, (long long)row->sequence, (long long)row->ttl_ms,
                          ll_clock_is_test() ? (long long)row->remaining_ms : row->remaining_ms > 0,
                          (long long)row->expires_at_ms, row->released);
    to->used += (size_t)length;
    return to->used < sizeof to->lines ? LEASELOCK_OK : LEASELOCK_INTERNAL;
}

const char *snapshot(void)
{
    static text snapshots[2]; /* so that two can be compared */
    static int turn;
    text *new = &snapshots[turn++ % 2];
    memset(new, 0, sizeof *new);
    snprintf(new->own_prefix, sizeof new->own_prefix, "%d/", test_number);
    leaselock_connection *reader = connection ? connection : connect_engine();
    assert_ok(suite_engine->list(reader, NULL, call(), add_line, new));
    if (reader != connection)
        disconnect_engine(reader);
    return new->lines;
}

/*
 * --- the API -------------------------------------------------------------------------------------------------------
 */

leaselock_lock *open_lock(void)
{
    leaselock_lock *new = NULL;
    assert_ok(leaselock_lock_open(suite_url, NULL, &new));
    return new;
}

void close_lock(leaselock_lock *old)
{
    assert_ok(leaselock_lock_close(old));
    leaselock_lock_free(old);
}

int lock_setup_real_time(void **state)
{
    (void)state;
    test_number++;
    names_used = 0;
    lock = open_lock();
    return 0;
}

int lock_setup(void **state)
{
    begin_test_time();
    return lock_setup_real_time(state);
}

int lock_teardown(void **state)
{
    (void)state;
    if (lock)
        close_lock(lock);
    lock = NULL;
    leaselock_test_clock_stop();
    return 0;
}

leaselock_lease *obtain_now(leaselock_lock *from, const char *name, const char *client, int64_t ttl_ms)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = ttl_ms};
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(from, resource(name), client, &options, &lease));
    return lease;
}

void release_now(leaselock_lease *lease)
{
    bool was_ours = false;
    assert_ok(leaselock_lock_release(leaselock_lease_lock(lease), lease, &was_ours));
    assert_true(was_ours);
    leaselock_lease_free(lease);
}
