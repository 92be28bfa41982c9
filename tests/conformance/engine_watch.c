/* The watch slot, of engines that have one. Real time: what is watched for comes from another thread. */
#include <pthread.h>

#include "conformance/conformance.h"
#include "leaselock/sys/probes.h"
#include "util/clock.h"
#include "util/error.h"

enum { LONG_US = PATIENCE_MS * 1000 };

static leaselock_status watch(const leaselock_claim *held, const leaselock_call *by, int64_t microseconds)
{
    return suite_engine->watch(connection, held->resource, held->sequence, by, microseconds);
}

static int setup(void **state)
{
    engine_setup(state);
    leaselock_test_clock_stop();
    return 0;
}

static leaselock_claim grant_long(const char *name)
{
    leaselock_claim claim = claim_of(name, "c", 1);
    claim.ttl_ms = PATIENCE_MS * 2;
    return with_sequence(claim, obtain_one(claim).sequence);
}

TEST(what_is_not_held_is_not_watched)
{
    leaselock_claim held = grant_long("a"), other = with_sequence(held, held.sequence + 1),
                    none = claim_of("b", "c", 2);
    int64_t begin = real_clock();
    assert_ok(watch(&other, call(), LONG_US));
    assert_ok(watch(&none, call(), LONG_US));
    assert_kind(RELEASED, release_one(held));
    assert_ok(watch(&held, call(), LONG_US));
    assert_true(real_clock() - begin < PATIENCE_MS / 2);
}

typedef struct releaser {
    leaselock_connection *connection;
    leaselock_claim claim;
    leaselock_status status;
} releaser;

static void *release_soon(void *payload)
{
    releaser *of = payload;
    const leaselock_call own_call = {ll_clock_after(PATIENCE_MS), NULL};
    leaselock_outcome outcome;
    real_sleep(30);
    of->status = suite_engine->release(of->connection, &of->claim, 1, &own_call, &outcome);
    return NULL;
}

TEST(a_release_by_another_connection_ends_it)
{
    releaser of = {connect_engine(), grant_long("a"), LEASELOCK_INTERNAL};
    pthread_t thread;
    int64_t begin = real_clock();
    assert_int_equal(pthread_create(&thread, NULL, release_soon, &of), 0);
    assert_ok(watch(&of.claim, call(), LONG_US));
    pthread_join(thread, NULL);
    assert_ok(of.status);
    assert_true(real_clock() - begin < PATIENCE_MS / 2);
    disconnect_engine(of.connection);
}

static leaselock_status interrupt(const leaselock_call *of, int64_t microseconds)
{
    (void)of, (void)microseconds;
    return ll_error_set(LEASELOCK_INTERRUPTED, "interrupted by the test");
}

TEST(what_pause_says_comes_out)
{
    leaselock_claim held = grant_long("a");
    const leaselock_call interrupted = {ll_clock_after(PATIENCE_MS), interrupt};
    assert_refused(LEASELOCK_INTERRUPTED, watch(&held, &interrupted, LONG_US));
}

TEST(it_lasts_no_longer_than_asked)
{
    leaselock_claim held = grant_long("a");
    int64_t begin = real_clock();
    assert_ok(watch(&held, call(), 20000));
    assert_true(real_clock() - begin < PATIENCE_MS / 2);
}

int run_engine_watch(void)
{
#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, engine_teardown)
    const struct CMUnitTest tests[] = {
        WATCH_TEST(what_is_not_held_is_not_watched),
        WATCH_TEST(a_release_by_another_connection_ends_it),
        WATCH_TEST(what_pause_says_comes_out),
        WATCH_TEST(it_lasts_no_longer_than_asked),
    };
#undef WATCH_TEST
    return cmocka_run_group_tests_name("engine: watch", tests, NULL, NULL);
}
