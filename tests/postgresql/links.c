/* Connections that break, servers that stop, answers that get lost: the same claims find out what became of them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "leaselock/hooks.h"
#include "postgresql/background.h"
#include "postgresql/proxy.h"

static PGconn *observer;
static proxy wire;
static leaselock_lock *lock;

static leaselock_lock *open_lock(const char *url, int64_t operation_ms)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .client = "client",
                                            .ttl_ms = 30000, .operation_ms = operation_ms};
    leaselock_lock *new = NULL;
    assert_ok(leaselock_lock_open(url, &options, &new));
    return new;
}

static int setup(void **state)
{
    (void)state;
    observer = session();
    proxy_start(&wire);
    lock = open_lock(wire.url, PATIENCE_MS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_ok(leaselock_lock_close(lock));
    leaselock_lock_free(lock);
    PQfinish(observer);
    proxy_end(&wire);
    return 0;
}

static leaselock_lease *lease_on(const char *resource)
{
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, resource, NULL, NULL, &lease));
    return lease;
}

/*
 * Waits for those that are there now to be gone, by their processes: a keeper has a new connection within milliseconds.
 */
static void terminate_the_library(void)
{
    char processes[256];
    snprintf(processes, sizeof processes, "%s",
             sql(observer, "SELECT coalesce(string_agg(pid::text, ','), '0')"
                           " FROM pg_stat_activity WHERE application_name = 'libleaselock'"));
    sql(observer, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid IN (%s)", processes);
    assert_eventually(number(observer, "SELECT count(*) FROM pg_stat_activity WHERE pid IN (%s)", processes) == 0);
}

static long long sequence_of(const char *resource)
{
    return number(observer, "SELECT sequence FROM leaselock_leases WHERE resource = '%s'", resource);
}

/*
 * --- terminated, restarted
 * --------------------------------------------------------------------------------------------
 */

TEST(an_idle_connection_that_was_terminated_is_made_anew_unnoticed)
{
    leaselock_connection *connection = engine_connect();
    leaselock_claim claim = obtained(connection, new_resource(), "c", 30000);
    terminate_the_library();
    assert_kind(RENEWED, renew(connection, claim)); /* one call of the engine, no retry of the core's */
    terminate_the_library();
    assert_kind(RELEASED, release(connection, claim));
    engine_close(connection);
}

TEST(a_statement_that_is_terminated_is_sent_again)
{
    const char *resource = new_resource();
    PGconn *other = session();
    sql(other, "BEGIN; INSERT INTO leaselock_leases (resource) VALUES ('%s')", resource);
    leaselock_connection *connection = engine_connect();
    background late = {.claim = claim_on(resource, "late", 30000)};
    background_start(&late, background_obtain, connection);
    assert_eventually(number(observer, "SELECT count(*) FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid))",
                             PQbackendPID(other)) == 1);
    terminate_the_library();
    assert_status(LEASELOCK_UNAVAILABLE, background_join(&late));
    sql(other, "ROLLBACK");
    assert_kind(GRANTED, obtain(connection, late.claim));
    assert_int_equal(sequence_of(resource), 1);
    engine_close(connection);
    PQfinish(other);
}

TEST(a_restart_of_the_server_is_waited_out)
{
    need_own_server();
    leaselock_lease *lease = lease_on(new_resource());
    char command[1024];
    snprintf(command, sizeof command, "%s restart >/dev/null", server("_CONTROL"));
    assert_int_equal(system(command), 0);
    PQreset(observer);
    bool was_ours = false;
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_true(was_ours);
    leaselock_lease_free(lease);
}

TEST(a_server_that_is_gone_is_unavailable_and_nothing_else)
{
    need_own_server();
    leaselock_lock *hasty = open_lock(server(""), 300);
    leaselock_lease *lease = NULL, *none = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(hasty, new_resource(), NULL, NULL, &lease));
    char command[1024];
    snprintf(command, sizeof command, "%s stop >/dev/null", server("_CONTROL"));
    assert_int_equal(system(command), 0);
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_renew(hasty, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN);
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_obtain_with_no_wait(hasty, "other", NULL, NULL, &none));
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_list(hasty, NULL, &(leaselock_listing *){NULL}));
    snprintf(command, sizeof command, "%s start >/dev/null", server("_CONTROL"));
    assert_int_equal(system(command), 0);
    PQreset(observer);
    assert_eventually(leaselock_lock_renew(hasty, lease) == LEASELOCK_OK);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    leaselock_lease_free(lease);
    leaselock_lock_close(hasty);
    leaselock_lock_free(hasty);
}

/*
 * --- lost answers
 * -----------------------------------------------------------------------------------------------------
 */

/* Lets the library's next answer get lost, and the wire work again once it was. */
typedef struct loss {
    pthread_t thread;
    bool cut;
} loss;

static void *lose(void *argument)
{
    loss *of = argument;
    int64_t give_up_ms = real_clock() + PATIENCE_MS;
    while (atomic_load(&wire.swallowed) == 0 && real_clock() < give_up_ms)
        real_sleep(1);
    real_sleep(of->cut ? 0 : 200);
    atomic_store(&wire.swallow, false);
    return NULL;
}

static void lose_next_answer(loss *of, bool cut)
{
    of->cut = cut;
    atomic_store(&wire.swallowed, 0);
    atomic_store(&wire.cut, cut);
    atomic_store(&wire.swallow, true);
    assert_int_equal(pthread_create(&of->thread, NULL, lose, of), 0);
}

TEST(a_grant_whose_answer_was_lost_is_found_again)
{
    const char *resource = new_resource();
    leaselock_lease_free(lease_on(new_resource())); /* the statements are prepared */
    loss of;
    lose_next_answer(&of, true);
    leaselock_lease *lease = lease_on(resource);
    pthread_join(of.thread, NULL);
    assert_true(atomic_load(&wire.swallowed) > 0);
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    assert_int_equal(sequence_of(resource), 1); /* granted once */
    assert_true(leaselock_lease_valid(lease));
    leaselock_lease_free(lease);
}

TEST(a_renewal_and_a_release_whose_answers_were_lost_tell_the_truth)
{
    leaselock_lease *lease = lease_on(new_resource());
    loss of;
    lose_next_answer(&of, true);
    assert_ok(leaselock_lock_renew(lock, lease));
    pthread_join(of.thread, NULL);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    lose_next_answer(&of, true);
    bool was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    pthread_join(of.thread, NULL);
    assert_true(was_ours);
    leaselock_lease_free(lease);
}

TEST(a_release_whose_answer_was_lost_and_that_was_overtaken_is_not_ours)
{
    leaselock_connection *connection = engine_connect_to(wire.url);
    leaselock_claim claim = obtained(connection, new_resource(), "c", 30000);
    atomic_store(&wire.cut, true);
    atomic_store(&wire.swallow, true);
    leaselock_outcome outcome;
    assert_refused(LEASELOCK_UNAVAILABLE,
                   ll_engine_postgresql.release(connection, &claim, 1, patient_call(), &outcome));
    atomic_store(&wire.swallow, false);
    leaselock_connection *rival = engine_connect();
    obtained(rival, claim.resource, "rival", 30000);
    assert_kind(NOT_OURS, release(connection, claim));
    engine_close(rival);
    engine_close(connection);
}

TEST(an_answer_that_comes_too_late_is_never_taken_for_the_next)
{
    leaselock_connection *connection = engine_connect_to(wire.url);
    leaselock_claim first = obtained(connection, new_resource(), "c", 30000);
    leaselock_claim second = obtained(connection, new_resource(), "c", 30000);
    atomic_store(&wire.swallow, true);
    leaselock_outcome outcome;
    int64_t start = real_clock();
    assert_refused(LEASELOCK_UNAVAILABLE,
                   ll_engine_postgresql.release(connection, &first, 1, call_of(300), &outcome));
    assert_true(real_clock() - start >= 250 && real_clock() - start < 3000);
    atomic_store(&wire.swallow, false);
    int before = atomic_load(&wire.connections);
    outcome = renew(connection, second);
    assert_kind(RENEWED, outcome);
    assert_int_equal(outcome.sequence, second.sequence);
    assert_true(atomic_load(&wire.connections) > before); /* on a connection that has no answers left */
    engine_close(connection);
}

/* The first try of an acquisition sits in the server with the row in its hands: that is not a holder. */
TEST(a_retry_does_not_take_its_own_first_try_for_a_rival)
{
    leaselock_connection *connection = engine_connect_to(wire.url);
    leaselock_claim former = obtained(connection, new_resource(), "former", 30000);
    assert_kind(RELEASED, release(connection, former));
    leaselock_claim claim = claim_on(former.resource, "c", 30000);
    atomic_store(&wire.swallow, true);
    leaselock_outcome outcome;
    atomic_store(&wire.cut, true);
    sql(observer, "BEGIN; SELECT 1 FROM leaselock_leases WHERE resource = '%s' FOR UPDATE", claim.resource);
    assert_refused(LEASELOCK_UNAVAILABLE, ll_engine_postgresql.obtain(connection, &claim, 1, patient_call(), &outcome));
    atomic_store(&wire.swallow, false);
    assert_refused(LEASELOCK_UNAVAILABLE, ll_engine_postgresql.obtain(connection, &claim, 1, patient_call(), &outcome));
    sql(observer, "COMMIT");
    assert_kind(GRANTED, obtain(connection, claim));
    engine_close(connection);
}

/*
 * --- interrupts
 * -------------------------------------------------------------------------------------------------------
 */

static int64_t hook_at_ms;

static int interrupt_later(void *payload)
{
    (void)payload;
    return real_clock() >= hook_at_ms;
}

static void assert_interrupted(leaselock_status status)
{
    assert_int_equal(status, LEASELOCK_INTERRUPTED);
    assert_true(real_clock() - hook_at_ms < 400); /* 100 ms, on a machine that has other things to do */
}

TEST(an_interrupt_ends_the_wait_for_an_answer)
{
    leaselock_lease *lease = lease_on(new_resource());
    atomic_store(&wire.swallow, true);
    leaselock_interrupt_hook before = leaselock_interrupt_hook_swap((leaselock_interrupt_hook){interrupt_later, NULL});
    hook_at_ms = real_clock() + 200;
    assert_interrupted(leaselock_lock_renew(lock, lease));
    hook_at_ms = real_clock() + 200; /* now it is connecting to a server that says nothing */
    assert_interrupted(leaselock_lock_renew(lock, lease));
    leaselock_interrupt_hook_swap(before);
    atomic_store(&wire.swallow, false);
    assert_ok(leaselock_lock_renew(lock, lease));
    leaselock_lease_free(lease);
}

static void *close_soon(void *argument)
{
    real_sleep(200);
    (void)leaselock_lock_close(argument);
    return NULL;
}

TEST(a_close_ends_the_wait_for_an_answer)
{
    leaselock_lock *short_lived = open_lock(wire.url, PATIENCE_MS);
    atomic_store(&wire.swallow, true);
    pthread_t closing;
    assert_int_equal(pthread_create(&closing, NULL, close_soon, short_lived), 0);
    leaselock_lease *none = NULL;
    int64_t start = real_clock();
    assert_status(LEASELOCK_CLOSED, leaselock_lock_obtain_with_no_wait(short_lived, "r", NULL, NULL, &none));
    assert_true(real_clock() - start < 2000);
    pthread_join(closing, NULL);
    atomic_store(&wire.swallow, false);
    leaselock_lock_free(short_lived);
}

/*
 * --- the keeper
 * -------------------------------------------------------------------------------------------------------
 */

TEST(the_keeper_survives_lost_connections)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = 1500};
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, new_resource(), NULL, &options, &lease));
    assert_ok(leaselock_lease_keep(lease));
    for (int64_t end = real_clock() + 4000; real_clock() < end; real_sleep(300)) {
        terminate_the_library();
        assert_true(leaselock_lease_valid(lease));
    }
    leaselock_lease_free(lease);
}

TEST(a_read_only_server_is_unknown_to_the_keeper_and_not_a_loss)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = 3000};
    leaselock_lease *lease = NULL;
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, new_resource(), NULL, &options, &lease));
    sql(observer,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET default_transaction_read_only = on', current_database());"
        " END $$");
    assert_ok(leaselock_lease_keep(lease));
    terminate_the_library();
    assert_eventually(leaselock_lease_state(lease) == LEASELOCK_STATE_UNKNOWN);
    assert_true(leaselock_lease_valid(lease));
    sql(observer, "SET default_transaction_read_only = off");
    sql(observer,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I RESET default_transaction_read_only', current_database());"
        " END $$");
    terminate_the_library();
    assert_eventually(leaselock_lease_state(lease) == LEASELOCK_STATE_HELD);
    leaselock_lease_free(lease);
}

int main(void)
{
#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        LINK_TEST(an_idle_connection_that_was_terminated_is_made_anew_unnoticed),
        LINK_TEST(a_statement_that_is_terminated_is_sent_again),
        LINK_TEST(a_restart_of_the_server_is_waited_out),
        LINK_TEST(a_server_that_is_gone_is_unavailable_and_nothing_else),
        LINK_TEST(a_grant_whose_answer_was_lost_is_found_again),
        LINK_TEST(a_renewal_and_a_release_whose_answers_were_lost_tell_the_truth),
        LINK_TEST(a_release_whose_answer_was_lost_and_that_was_overtaken_is_not_ours),
        LINK_TEST(an_answer_that_comes_too_late_is_never_taken_for_the_next),
        LINK_TEST(a_retry_does_not_take_its_own_first_try_for_a_rival),
        LINK_TEST(an_interrupt_ends_the_wait_for_an_answer),
        LINK_TEST(a_close_ends_the_wait_for_an_answer),
        LINK_TEST(the_keeper_survives_lost_connections),
        LINK_TEST(a_read_only_server_is_unknown_to_the_keeper_and_not_a_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
