/*
 * Statements that are held after they have taken their snapshot and before they lock a row, while others change it: the
 * role that runs them is under a row policy that waits at a gate of the test.
 */
#include <stdio.h>
#include <string.h>

#include "postgresql/background.h"

enum { GATE = 7305, TTL_MS = 60000 };

static leaselock_connection *held, *free_to_go; /* with the policy, and without */
static PGconn *observer, *keeper;               /* the keeper has closed the gate */

/* Its URL with the role of the policy. */
static leaselock_connection *connect_as_held(void)
{
    char url[512];
    snprintf(url, sizeof url, "%s%soptions=-crole%%3Dheld", server(""), strchr(server(""), '?') ? "&" : "?");
    return engine_connect_to(url);
}

static int setup(void **state)
{
    (void)state;
    free_to_go = engine_connect();
    observer = session();
    keeper = session();
    /* each in a transaction of its own: together they could meet autovacuum in a deadlock */
    sql(observer, "CREATE ROLE held");
    sql(observer, "GRANT SELECT, INSERT, UPDATE ON leaselock_leases, leaselock_control, leaselock_migrations TO held");
    sql(observer,
        "CREATE FUNCTION pass_gate() RETURNS boolean LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN true; END'", GATE);
    sql(observer, "CREATE POLICY gate ON leaselock_leases TO held USING (pass_gate())");
    sql(observer, "ALTER TABLE leaselock_leases ENABLE ROW LEVEL SECURITY");
    held = connect_as_held();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(held);
    engine_close(free_to_go);
    PQfinish(keeper);
    sql(observer, "ALTER TABLE leaselock_leases DISABLE ROW LEVEL SECURITY");
    sql(observer, "DROP POLICY gate ON leaselock_leases");
    sql(observer, "DROP FUNCTION pass_gate()");
    sql(observer, "DROP OWNED BY held");
    sql(observer, "DROP ROLE held");
    PQfinish(observer);
    return 0;
}

/* One call for one lease, or for that and one beside it. */
typedef struct held_call {
    background background; /* the first member */
    engine_slot slot;
    size_t count;
    leaselock_claim claims[2];
    leaselock_outcome outcomes[2];
} held_call;

static leaselock_status run(background *of)
{
    held_call *call = (held_call *)of;
    return call->slot(of->connection, call->claims, call->count, call_of(of->time_ms), call->outcomes);
}

/* Returns when it has come to the gate. */
static void start(held_call *call)
{
    sql(keeper, "SELECT pg_advisory_lock(%d)", GATE);
    background_start(&call->background, run, held);
    assert_eventually(number(observer, "SELECT count(*) FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid))",
                             PQbackendPID(keeper)) == 1);
}

/* Opens the gate, and waits for the end. */
static void finish(held_call *call)
{
    sql(keeper, "SELECT pg_advisory_unlock(%d)", GATE);
    assert_ok(background_join(&call->background));
}

/* A row that was released, and the number it has. */
static leaselock_claim released(void)
{
    leaselock_claim claim = obtained(free_to_go, new_resource(), "former", TTL_MS);
    assert_kind(RELEASED, release(free_to_go, claim));
    return claim;
}

static held_call call_to_obtain(const char *resource, size_t count)
{
    held_call call = {.slot = ll_engine_postgresql.obtain, .count = count};
    call.claims[0] = claim_on(resource, "late", TTL_MS);
    call.claims[1] = claim_on(released().resource, "late", TTL_MS);
    return call;
}

static held_call call_of_a_holder(engine_slot slot, size_t count)
{
    held_call call = {.slot = slot, .count = count};
    for (int i = 0; i < 2; i++)
        call.claims[i] = obtained(free_to_go, new_resource(), "holder", TTL_MS);
    return call;
}

static leaselock_claim take_over(leaselock_claim lease)
{
    sql(observer, "UPDATE leaselock_leases SET expires_at = clock_timestamp() WHERE resource = '%s'", lease.resource);
    return obtained(free_to_go, lease.resource, "meanwhile", TTL_MS);
}

/*
 * --- obtain
 * -----------------------------------------------------------------------------------------------------------
 */

TEST(a_number_that_was_handed_out_meanwhile_does_not_come_again)
{
    for (size_t count = 1; count <= 2; count++) {
        leaselock_claim before = released();
        held_call late = call_to_obtain(before.resource, count);
        start(&late);
        release(free_to_go, obtained(free_to_go, before.resource, "meanwhile", TTL_MS));
        finish(&late);
        assert_kind(GRANTED, late.outcomes[0]);
        assert_int_equal(late.outcomes[0].sequence, before.sequence + 2);
    }
}

TEST(a_floor_that_was_raised_meanwhile_is_below_the_number)
{
    for (size_t count = 1; count <= 2; count++) {
        held_call late = call_to_obtain(released().resource, count);
        int64_t floor = 1000 * (int64_t)count;
        start(&late);
        assert_ok(ll_engine_postgresql.raise_floor(free_to_go, floor, patient_call(), &floor));
        finish(&late);
        assert_kind(GRANTED, late.outcomes[0]);
        assert_int_equal(late.outcomes[0].sequence, floor + 1);
    }
}

TEST(what_was_granted_meanwhile_is_busy)
{
    for (size_t count = 1; count <= 2; count++) {
        leaselock_claim before = released();
        held_call late = call_to_obtain(before.resource, count);
        start(&late);
        leaselock_claim lease = obtained(free_to_go, before.resource, "meanwhile", TTL_MS);
        finish(&late);
        assert_kind(BUSY, late.outcomes[0]);
        assert_string_equal(late.outcomes[0].client, "meanwhile");
        assert_kind(NONE, late.outcomes[1]);
        assert_kind(RENEWED, renew(free_to_go, lease));
    }
}

TEST(a_grant_that_was_made_and_released_meanwhile_is_spent)
{
    for (size_t count = 1; count <= 2; count++) {
        held_call late = call_to_obtain(released().resource, count);
        leaselock_claim earlier = late.claims[0];
        start(&late);
        earlier.sequence = obtain(free_to_go, earlier).sequence;
        assert_kind(RELEASED, release(free_to_go, earlier));
        finish(&late);
        assert_kind(SPENT, late.outcomes[0]);
    }
}

/*
 * --- time
 * -------------------------------------------------------------------------------------------------------------
 */

/* The whole ttl counts from after the gate was opened, and no answer says more. */
static void check_time(held_call *call)
{
    char opened[64];
    start(call);
    snprintf(opened, sizeof opened, "%s", sql(observer, "SELECT clock_timestamp()"));
    finish(call);
    for (size_t i = 0; i < call->count; i++) {
        assert_true(call->outcomes[i].kind == LEASELOCK_OUTCOME_GRANTED ||
                    call->outcomes[i].kind == LEASELOCK_OUTCOME_RENEWED);
        assert_int_equal(number(observer, "SELECT count(*) FROM leaselock_leases WHERE resource = '%s'"
                                          " AND expires_at >= '%s'::timestamptz + interval '%d ms'",
                                call->claims[i].resource, opened, TTL_MS), 1);
        assert_true(call->outcomes[i].remaining_ms <= TTL_MS);
    }
}

TEST(a_grants_time_begins_when_its_row_is_locked)
{
    for (size_t count = 1; count <= 2; count++) {
        held_call late = call_to_obtain(released().resource, count);
        check_time(&late);
    }
}

TEST(a_renewals_time_begins_when_its_row_is_locked)
{
    for (size_t count = 1; count <= 2; count++) {
        held_call late = call_of_a_holder(ll_engine_postgresql.renew, count);
        check_time(&late);
    }
}

/*
 * --- renew and release
 * ------------------------------------------------------------------------------------------------
 */

TEST(a_renewal_finds_what_was_taken_or_released_meanwhile)
{
    for (size_t count = 1; count <= 2; count++) {
        held_call late = call_of_a_holder(ll_engine_postgresql.renew, count);
        start(&late);
        leaselock_claim successor = take_over(late.claims[0]);
        finish(&late);
        assert_kind(LOST, late.outcomes[0]);
        assert_string_equal(late.outcomes[0].client, "meanwhile");
        assert_kind(RENEWED, renew(free_to_go, successor));

        late = call_of_a_holder(ll_engine_postgresql.renew, count);
        start(&late);
        assert_kind(RELEASED, release(free_to_go, late.claims[0]));
        finish(&late);
        assert_kind(LOST, late.outcomes[0]);
        assert_kind(GRANTED, obtain(free_to_go, claim_on(late.claims[0].resource, "next", TTL_MS)));
    }
}

TEST(a_release_leaves_what_was_taken_meanwhile)
{
    for (size_t count = 1; count <= 2; count++) {
        held_call late = call_of_a_holder(ll_engine_postgresql.release, count);
        start(&late);
        leaselock_claim successor = take_over(late.claims[0]);
        finish(&late);
        assert_kind(NOT_OURS, late.outcomes[0]);
        assert_kind(RENEWED, renew(free_to_go, successor));
    }
}

int main(void)
{
#define HELD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        HELD_TEST(a_number_that_was_handed_out_meanwhile_does_not_come_again),
        HELD_TEST(a_floor_that_was_raised_meanwhile_is_below_the_number),
        HELD_TEST(what_was_granted_meanwhile_is_busy),
        HELD_TEST(a_grant_that_was_made_and_released_meanwhile_is_spent),
        HELD_TEST(a_grants_time_begins_when_its_row_is_locked),
        HELD_TEST(a_renewals_time_begins_when_its_row_is_locked),
        HELD_TEST(a_renewal_finds_what_was_taken_or_released_meanwhile),
        HELD_TEST(a_release_leaves_what_was_taken_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
