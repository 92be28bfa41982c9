/*
 * Many clients at once: the order of the numbers is the order of the grants, nothing deadlocks, and little is left
 * behind.
 */
#include <stdio.h>
#include <string.h>

#include "postgresql/background.h"
#include "util/random.h"

static PGconn *observer;

static int setup(void **state)
{
    (void)state;
    observer = session();
    engine_close(engine_connect());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    PQfinish(observer);
    return 0;
}

/*
 * --- one resource, many clients
 * ------------------------------------------------------------------------------------------
 */

enum { CLIENTS = 8, CONTENDED_MS = 5000 };

static atomic_int holders;         /* of the one resource, by what the clients believe */
static atomic_llong last_sequence; /* of the grant before, written while holding */
static atomic_int faults, grants;

static void hold_a_moment(int64_t sequence)
{
    if (atomic_fetch_add(&holders, 1) != 0)
        atomic_fetch_add(&faults, 1); /* two at once */
    if (atomic_exchange(&last_sequence, sequence) >= sequence)
        atomic_fetch_add(&faults, 1); /* a number that came before a smaller one */
    atomic_fetch_add(&grants, 1);
    atomic_fetch_sub(&holders, 1);
}

static void *contend(void *argument)
{
    leaselock_connection *connection = argument;
    for (int64_t end = real_clock() + CONTENDED_MS; real_clock() < end;) {
        char id[LEASELOCK_ACQUISITION_LENGTH + 1];
        if (ll_random_acquisition(id) != LEASELOCK_OK)
            break;
        leaselock_claim claim = {"contended", "client", id, 0, 60000};
        leaselock_outcome outcome;
        if (!persist(ll_engine_postgresql.obtain, connection, &claim, 1, &outcome))
            atomic_fetch_add(&faults, 1);
        else if (outcome.kind == LEASELOCK_OUTCOME_GRANTED) {
            hold_a_moment(outcome.sequence);
            claim.sequence = outcome.sequence;
            if (!persist(ll_engine_postgresql.release, connection, &claim, 1, &outcome) ||
                outcome.kind != LEASELOCK_OUTCOME_RELEASED)
                atomic_fetch_add(&faults, 1);
        }
    }
    return NULL;
}

/* With connections that are cut off all the time: each lost answer has to find its own grant again. */
TEST(number_order_is_grant_order_whatever_is_cut_off)
{
    pthread_t threads[CLIENTS];
    leaselock_connection *connections[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        connections[i] = engine_connect();
        assert_int_equal(pthread_create(&threads[i], NULL, contend, connections[i]), 0);
    }
    for (int64_t end = real_clock() + CONTENDED_MS - 500; real_clock() < end; real_sleep(50))
        sql(observer, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'libleaselock'"
                      " ORDER BY random() LIMIT 1");
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        engine_close(connections[i]);
    }
    assert_int_equal(atomic_load(&faults), 0);
    assert_true(atomic_load(&grants) > 50);
    /* every number was somebody's: none was drawn in vain */
    assert_int_equal(number(observer, "SELECT sequence FROM leaselock_leases WHERE resource = 'contended'"),
                     atomic_load(&grants));
    print_message("%d grants to %d clients\n", atomic_load(&grants), CLIENTS);
}

/*
 * --- several resources, in every order
 * ------------------------------------------------------------------------------------
 */

enum { MANY = 6, MIXED_MS = 3000 };

/* One client of all six; each call names them in another order. */
static void *mix(void *argument)
{
    leaselock_connection *connection = argument;
    static const char *const names[MANY] = {"m0", "m1", "m2", "m3", "m4", "m5"};
    for (int64_t end = real_clock() + MIXED_MS; real_clock() < end;) {
        char id[LEASELOCK_ACQUISITION_LENGTH + 1];
        leaselock_claim claims[MANY];
        leaselock_outcome outcomes[MANY];
        if (ll_random_acquisition(id) != LEASELOCK_OK)
            break;
        int turn = (int)ll_random_between(0, MANY - 1), step = ll_random_between(0, 1) ? 1 : MANY - 1;
        for (int i = 0; i < MANY; i++)
            claims[i] = (leaselock_claim){names[(turn + i * step) % MANY], "client", id, 0, 60000};
        bool ok = persist(ll_engine_postgresql.obtain, connection, claims, MANY, outcomes);
        size_t granted = 0;
        for (int i = 0; i < MANY && ok; i++) {
            granted += outcomes[i].kind == LEASELOCK_OUTCOME_GRANTED;
            claims[i].sequence = outcomes[i].sequence;
        }
        if (!ok || (granted != 0 && granted != MANY))
            atomic_fetch_add(&faults, 1);
        if (granted != MANY)
            continue;
        atomic_fetch_add(&grants, 1);
        if (!persist(ll_engine_postgresql.renew, connection, claims, MANY, outcomes) ||
            !persist(ll_engine_postgresql.release, connection, claims, MANY, outcomes))
            atomic_fetch_add(&faults, 1);
    }
    return NULL;
}

TEST(grants_of_several_are_whole_and_nothing_deadlocks)
{
    pthread_t threads[CLIENTS];
    leaselock_connection *connections[CLIENTS];
    atomic_store(&faults, 0);
    atomic_store(&grants, 0);
    for (int i = 0; i < CLIENTS; i++) {
        connections[i] = engine_connect();
        assert_int_equal(pthread_create(&threads[i], NULL, mix, connections[i]), 0);
    }
    int64_t floor = 0;
    leaselock_connection *raiser = engine_connect();
    for (int64_t end = real_clock() + MIXED_MS - 200; real_clock() < end; real_sleep(20))
        assert_ok(ll_engine_postgresql.raise_floor(raiser, floor + 7, patient_call(), &floor));
    engine_close(raiser);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        engine_close(connections[i]);
    }
    assert_int_equal(atomic_load(&faults), 0);
    assert_true(atomic_load(&grants) > 10);
    assert_int_equal(number(observer, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), 0);
    print_message("%d grants of %d resources\n", atomic_load(&grants), MANY);
}

/*
 * --- what is left
 * ----------------------------------------------------------------------------------------------------------
 */

static void run_pairs(leaselock_connection *connection, const char *resource, int pairs)
{
    for (int i = 0; i < pairs; i++) {
        leaselock_claim claim = obtained(connection, resource, "c", 30000);
        if (i % 8 == 0)
            assert_kind(RENEWED, renew(connection, claim));
        assert_kind(RELEASED, release(connection, claim));
    }
}

static void run_pairs_of_several(leaselock_connection *connection, const char *const resources[MANY], int pairs)
{
    for (int i = 0; i < pairs; i++) {
        leaselock_claim claims[MANY];
        leaselock_outcome outcomes[MANY];
        for (int k = 0; k < MANY; k++)
            claims[k] = claim_on(resources[k], "c", 30000);
        assert_ok(ll_engine_postgresql.obtain(connection, claims, MANY, patient_call(), outcomes));
        for (int k = 0; k < MANY; k++)
            claims[k].sequence = outcomes[k].sequence;
        assert_ok(ll_engine_postgresql.renew(connection, claims, MANY, patient_call(), outcomes));
        assert_ok(ll_engine_postgresql.release(connection, claims, MANY, patient_call(), outcomes));
        assert_kind(RELEASED, outcomes[0]);
    }
}

static long long size_of_leases(void)
{
    return number(observer, "SELECT pg_total_relation_size('leaselock_leases')");
}

/*
 * Without any vacuum (the server's autovacuum is off): what an update leaves is cleared away by the next ones, indexes
 * included, so that the two hundred thousandth pair needs no more room than the hundredth. An update that is not HOT
 * leaves some 30 bytes behind: 150 KB here.
 */
TEST(pairs_leave_nothing_behind)
{
    enum { WARM_UP = 100, PAIRS = 6000, FULL = 500, PAGE = 8192 };
    const char *resource = new_resource(), *several[MANY];
    for (int i = 0; i < MANY; i++)
        several[i] = new_resource();
    leaselock_connection *connection = engine_connect();
    run_pairs(connection, resource, WARM_UP);
    run_pairs_of_several(connection, several, WARM_UP);
    sql(observer, "INSERT INTO leaselock_leases (resource) SELECT 'full' || n FROM generate_series(1, %d) AS n", FULL);
    sql(observer, "VACUUM FULL leaselock_leases"); /* no room that the tests before have left */
    long long before = size_of_leases();
    run_pairs(connection, resource, PAIRS);
    long long after_one = size_of_leases();
    run_pairs_of_several(connection, several, PAIRS / MANY);
    long long after_several = size_of_leases();
    for (int i = 1; i <= FULL; i++) { /* pages that are full of rows have room for their next versions */
        char name[16];
        snprintf(name, sizeof name, "full%d", i);
        run_pairs(connection, name, 1);
    }
    long long after_full = size_of_leases();
    engine_close(connection);
    print_message("%lld bytes, then %lld, %lld, %lld\n", before, after_one, after_several, after_full);
    assert_true(after_one <= before + PAGE);
    assert_true(after_several <= after_one + PAGE);
    assert_int_equal(after_full, after_several);
}

int main(void)
{
#define LOAD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        LOAD_TEST(number_order_is_grant_order_whatever_is_cut_off),
        LOAD_TEST(grants_of_several_are_whole_and_nothing_deadlocks),
        LOAD_TEST(pairs_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
