/* Behind a pooler in transaction mode: every transaction may meet another session, and leaves nothing on it. */
#include <stdio.h>
#include <string.h>

#include "postgresql/background.h"

static PGconn *other; /* a client of the pooler, too: it meets the same sessions */

static int setup(void **state)
{
    (void)state;
    other = session();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    PQfinish(other);
    return 0;
}

enum { CLIENTS = 8, ROUNDS = 60 };

static atomic_int faults;

static void use(leaselock_connection *connection, const char *resource)
{
    leaselock_claim claims[3] = {claim_on(resource, "c", 30000), claim_on("shared-b", "c", 30000),
                                 claim_on("shared-a", "c", 30000)};
    leaselock_claim claim = claims[0];
    leaselock_outcome outcome, outcomes[3];
    const leaselock_engine *engine = &ll_engine_postgresql;
    bool ok = persist(engine->obtain, connection, &claim, 1, &outcome) &&
              outcome.kind == LEASELOCK_OUTCOME_GRANTED;
    claim.sequence = outcome.sequence;
    ok = ok && persist(engine->renew, connection, &claim, 1, &outcome) &&
         outcome.kind == LEASELOCK_OUTCOME_RENEWED;
    ok = ok && persist(engine->release, connection, &claim, 1, &outcome) &&
         outcome.kind == LEASELOCK_OUTCOME_RELEASED;
    claims[0] = claim_on(resource, "c", 30000);
    ok = ok && persist(engine->obtain, connection, claims, 3, outcomes);
    for (int i = 0; ok && i < 3; i++)
        claims[i].sequence = outcomes[i].sequence;
    if (ok && outcomes[0].kind == LEASELOCK_OUTCOME_GRANTED)
        ok = persist(engine->release, connection, claims, 3, outcomes) &&
             outcomes[2].kind == LEASELOCK_OUTCOME_RELEASED;
    if (!ok)
        atomic_fetch_add(&faults, 1);
}

typedef struct worker {
    pthread_t thread;
    leaselock_connection *connection;
    char resource[16];
} worker;

static void *work(void *argument)
{
    worker *of = argument;
    for (int i = 0; i < ROUNDS; i++)
        use(of->connection, of->resource);
    return NULL;
}

TEST(many_clients_share_few_sessions)
{
    worker workers[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        workers[i].connection = engine_connect();
        snprintf(workers[i].resource, sizeof workers[i].resource, "own-%d", i);
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(workers[i].thread, NULL);
        engine_close(workers[i].connection);
    }
    assert_int_equal(atomic_load(&faults), 0);
    assert_int_equal(number(other, "SELECT count(*) FROM leaselock_leases WHERE NOT released"), 0);
}

TEST(nothing_is_left_on_the_sessions)
{
    leaselock_connection *connection = engine_connect();
    for (int i = 0; i < 10; i++)
        use(connection, "own-0");
    engine_close(connection);
    for (int i = 0; i < 6; i++) { /* whichever of the sessions this is */
        assert_int_equal(number(other, "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'leaselock%%'"), 0);
        assert_string_equal(sql(other, "SHOW synchronous_commit"), "on");
        assert_string_equal(sql(other, "SHOW enable_seqscan"), "on");
        assert_int_equal(number(other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    }
}

TEST(repeatable_read_by_default_is_only_tried_again)
{
    sql(other,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET default_transaction_isolation = ''repeatable read''',"
        " current_database()); END $$");
    sql(other, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database() AND backend_type = 'client backend'");
    const leaselock_lock_options options = {.struct_size = sizeof options};
    leaselock_lock *lock = NULL;
    assert_ok(leaselock_lock_open(server(""), &options, &lock));
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "isolated", NULL, NULL, &lease));
    int64_t floor;
    assert_ok(leaselock_lock_raise_floor(lock, 1000, &floor));
    bool was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_true(was_ours);
    leaselock_lease_free(lease);
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "isolated", NULL, NULL, &lease));
    assert_int_equal(leaselock_lease_sequence(lease), 1001);
    leaselock_lease_free(lease);
    leaselock_lock_close(lock);
    leaselock_lock_free(lock);
}

int main(void)
{
#define POOLER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        POOLER_TEST(many_clients_share_few_sessions),
        POOLER_TEST(nothing_is_left_on_the_sessions),
        POOLER_TEST(repeatable_read_by_default_is_only_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
