/* How a grant must be written: every form of the statements that was seen to go wrong is a test here. */
#include <string.h>

#include "postgresql/background.h"

static leaselock_connection *first, *second;
static PGconn *other, *observer;

static int setup(void **state)
{
    (void)state;
    first = engine_connect();
    second = engine_connect();
    other = session();
    observer = session();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(first);
    engine_close(second);
    PQfinish(other);
    PQfinish(observer);
    return 0;
}

static leaselock_claim released(const char *resource)
{
    leaselock_claim claim = obtained(first, resource, "former", 30000);
    assert_kind(RELEASED, release(first, claim));
    return claim;
}

/* All of a row, its version included. */
static void picture(const char *resource, char text[512])
{
    snprintf(text, 512, "%s", sql(observer, "SELECT l::text || ' ' || ctid::text || ' ' || xmax::text"
                                            " FROM leaselock_leases AS l WHERE resource = '%s'", resource));
}

/*
 * --- one resource ----------------------------------------------------------------------------------------------------
 */

TEST(a_row_that_somebody_has_locked_is_busy_at_once)
{
    leaselock_claim before = released(new_resource());
    sql(other, "BEGIN; SELECT 1 FROM leaselock_leases WHERE resource = '%s' FOR UPDATE", before.resource);
    int64_t start = real_clock();
    leaselock_outcome outcome = obtain(first, claim_on(before.resource, "eager", 30000));
    assert_kind(BUSY, outcome);
    assert_string_equal(outcome.client, "former");
    assert_int_equal(outcome.sequence, before.sequence);
    assert_int_equal(outcome.remaining_ms, 0);
    assert_true(real_clock() - start < 2000);
    sql(other, "COMMIT");
    assert_kind(GRANTED, obtain(first, claim_on(before.resource, "eager", 30000)));
}

TEST(a_contended_try_locks_and_writes_nothing)
{
    leaselock_claim held = obtained(first, new_resource(), "holder", 30000);
    char before[512], after[512];
    picture(held.resource, before);
    for (int i = 0; i < 20; i++)
        assert_kind(BUSY, obtain(second, claim_on(held.resource, "other", 30000)));
    picture(held.resource, after);
    assert_string_equal(before, after);
}

TEST(the_time_of_a_grant_begins_when_the_row_is_won)
{
    const char *resource = new_resource();
    sql(other, "BEGIN; INSERT INTO leaselock_leases (resource) VALUES ('%s')", resource);
    background late = {.claim = claim_on(resource, "late", 500)};
    background_start(&late, background_obtain, first);
    assert_eventually(number(observer, "SELECT count(*) FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid))",
                             PQbackendPID(other)) == 1);
    real_sleep(600); /* longer than the ttl */
    sql(other, "ROLLBACK");
    assert_ok(background_join(&late));
    assert_kind(GRANTED, late.outcome);
    assert_true(late.outcome.remaining_ms > 250 && late.outcome.remaining_ms <= 500);
    assert_int_equal(late.outcome.sequence, 1);
}

/* A server whose clock went back, or a ttl that somebody made longer. */
TEST(a_renewal_never_shortens)
{
    leaselock_claim claims[] = {obtained(first, new_resource(), "c", 30000),
                                obtained(first, new_resource(), "c", 30000)};
    leaselock_outcome outcomes[2];
    for (size_t count = 1; count <= 2; count++) {
        sql(observer,
            "UPDATE leaselock_leases SET expires_at = clock_timestamp() + interval '1 hour'"
            " WHERE resource IN ('%s', '%s')",
            claims[0].resource, claims[1].resource);
        assert_ok(ll_engine_postgresql.renew(first, claims, count, patient_call(), outcomes));
        for (size_t i = 0; i < count; i++)
            assert_true(outcomes[i].remaining_ms > 30 * 60000);
    }
}

TEST(a_late_duplicate_does_not_revive_what_was_released)
{
    leaselock_claim claim = obtained(first, new_resource(), "c", 30000);
    assert_kind(RELEASED, release(first, claim));
    leaselock_outcome outcome = obtain(second, claim);
    assert_kind(SPENT, outcome);
    outcome = obtain(first, claim_on(claim.resource, "next", 30000));
    assert_kind(GRANTED, outcome);
    assert_int_equal(outcome.sequence, claim.sequence + 1);
}

TEST(numbers_need_more_than_32_bits)
{
    leaselock_claim claim = obtained(first, new_resource(), "c", 30000);
    sql(observer, "UPDATE leaselock_leases SET sequence = 4611686018427387905 WHERE resource = '%s'", claim.resource);
    claim.sequence = 4611686018427387905;
    assert_kind(RENEWED, renew(first, claim));
    assert_kind(RELEASED, release(first, claim));
    assert_int_equal(obtain(first, claim_on(claim.resource, "c", 30000)).sequence, 4611686018427387906);
}

/*
 * --- several -------------------------------------------------------------------------------------------------------
 */

enum { SEVERAL = 3 };

static void three_claims(leaselock_claim claims[SEVERAL])
{
    for (int i = 0; i < SEVERAL; i++)
        claims[SEVERAL - 1 - i] = claim_on(new_resource(), "many", 30000); /* not sorted */
}

static void obtain_three(const leaselock_claim claims[SEVERAL], leaselock_outcome outcomes[SEVERAL])
{
    assert_ok(ll_engine_postgresql.obtain(first, claims, SEVERAL, patient_call(), outcomes));
}

TEST(several_are_granted_together)
{
    leaselock_claim claims[SEVERAL];
    leaselock_outcome outcomes[SEVERAL];
    three_claims(claims);
    released(claims[1].resource); /* one row is there, two are not */
    obtain_three(claims, outcomes);
    for (int i = 0; i < SEVERAL; i++) {
        assert_kind(GRANTED, outcomes[i]);
        assert_int_equal(outcomes[i].sequence, i == 1 ? 2 : 1);
    }
    obtain_three(claims, outcomes); /* the same again: the same grants */
    for (int i = 0; i < SEVERAL; i++) {
        assert_kind(GRANTED, outcomes[i]);
        assert_int_equal(outcomes[i].sequence, i == 1 ? 2 : 1);
    }
}

static void check_nothing_was_granted(const leaselock_claim claims[SEVERAL])
{
    for (int i = 0; i < SEVERAL; i++)
        assert_int_equal(number(observer, "SELECT count(*) FROM leaselock_leases WHERE resource = '%s'"
                                          " AND client = 'many'", claims[i].resource), 0);
}

TEST(one_that_is_held_keeps_all_of_them_back)
{
    leaselock_claim claims[SEVERAL];
    leaselock_outcome outcomes[SEVERAL];
    char before[512], after[512];
    three_claims(claims);
    released(claims[0].resource);
    obtained(second, claims[1].resource, "holder", 30000);
    picture(claims[0].resource, before);
    obtain_three(claims, outcomes);
    assert_kind(NONE, outcomes[0]);
    assert_kind(BUSY, outcomes[1]);
    assert_string_equal(outcomes[1].client, "holder");
    assert_kind(NONE, outcomes[2]);
    picture(claims[0].resource, after);
    assert_string_equal(before, after); /* not even locked */
    check_nothing_was_granted(claims);
}

/* It is this acquisition's, and over: the others are not granted beside it. */
TEST(one_that_is_spent_keeps_all_of_them_back)
{
    leaselock_claim claims[SEVERAL];
    leaselock_outcome outcomes[SEVERAL];
    three_claims(claims);
    released(claims[0].resource);
    released(claims[2].resource);
    claims[1] = released(claims[1].resource);
    obtain_three(claims, outcomes);
    assert_kind(NONE, outcomes[0]);
    assert_kind(SPENT, outcomes[1]);
    assert_kind(NONE, outcomes[2]);
    check_nothing_was_granted(claims);
}

TEST(one_that_is_locked_keeps_all_of_them_back)
{
    leaselock_claim claims[SEVERAL];
    leaselock_outcome outcomes[SEVERAL];
    three_claims(claims);
    for (int i = 0; i < SEVERAL; i++)
        released(claims[i].resource);
    sql(other, "BEGIN; SELECT 1 FROM leaselock_leases WHERE resource = '%s' FOR UPDATE", claims[1].resource);
    obtain_three(claims, outcomes);
    assert_kind(NONE, outcomes[0]);
    assert_kind(BUSY, outcomes[1]);
    assert_string_equal(outcomes[1].client, "former");
    assert_kind(NONE, outcomes[2]);
    check_nothing_was_granted(claims);
    sql(other, "SELECT 1 FROM leaselock_leases WHERE resource IN ('%s', '%s') FOR UPDATE", claims[0].resource,
        claims[2].resource);
    obtain_three(claims, outcomes);
    for (int i = 0; i < SEVERAL; i++)
        assert_kind(BUSY, outcomes[i]);
    sql(other, "COMMIT");
    obtain_three(claims, outcomes);
    assert_kind(GRANTED, outcomes[1]);
}

TEST(a_locked_row_does_not_hold_up_the_renewal_of_the_others)
{
    leaselock_claim claims[SEVERAL];
    leaselock_outcome outcomes[SEVERAL];
    three_claims(claims);
    for (int i = 0; i < SEVERAL; i++)
        claims[i] = obtained(first, claims[i].resource, "keeper", 30000);
    sql(other, "BEGIN; SELECT 1 FROM leaselock_leases WHERE resource = '%s' FOR UPDATE", claims[1].resource);
    assert_ok(ll_engine_postgresql.renew(first, claims, SEVERAL, call_of(2000), outcomes));
    assert_kind(RENEWED, outcomes[0]);
    assert_kind(UNKNOWN, outcomes[1]);
    assert_kind(RENEWED, outcomes[2]);
    leaselock_outcome alone;
    assert_refused(LEASELOCK_UNAVAILABLE,
                   ll_engine_postgresql.renew(first, &claims[1], 1, call_of(2000), &alone)); /* try again: not LOST */
    /* said at once, not waited for */
    assert_non_null(strstr(leaselock_error_last()->message, "locked by a transaction"));
    sql(other, "COMMIT");
    assert_kind(RENEWED, renew(first, claims[1]));
}

TEST(several_are_released_each_by_itself)
{
    leaselock_claim claims[SEVERAL];
    leaselock_outcome outcomes[SEVERAL];
    three_claims(claims);
    for (int i = 0; i < SEVERAL; i++)
        claims[i] = obtained(first, claims[i].resource, "holder", 30000);
    claims[2].sequence++;
    for (int round = 0; round < 2; round++) { /* and once more */
        assert_ok(ll_engine_postgresql.release(first, claims, SEVERAL, patient_call(), outcomes));
        assert_kind(RELEASED, outcomes[0]);
        assert_kind(RELEASED, outcomes[1]);
        assert_kind(NOT_OURS, outcomes[2]);
    }
}

/* Hostile names travel in arrays as they do alone. */
TEST(names_are_taken_as_they_are)
{
    static const char *const names[] = {"a\"b", "a\\b", "a,b", "{a}", "NULL", " a ", "a'b", "ünï€", "a\nb"};
    enum { NAMES = sizeof names / sizeof *names };
    leaselock_claim claims[NAMES];
    leaselock_outcome outcomes[NAMES];
    for (int i = 0; i < NAMES; i++)
        claims[i] = claim_on(names[i], names[NAMES - 1 - i], 30000);
    assert_ok(ll_engine_postgresql.obtain(first, claims, NAMES, patient_call(), outcomes));
    for (int i = 0; i < NAMES; i++) {
        assert_kind(GRANTED, outcomes[i]);
        assert_string_equal(outcomes[i].client, names[NAMES - 1 - i]);
        leaselock_outcome alone = obtain(second, claim_on(names[i], "other", 30000));
        assert_kind(BUSY, alone);
        assert_string_equal(alone.client, names[NAMES - 1 - i]);
    }
}

/*
 * --- the floor ------------------------------------------------------------------------------------------------------
 */

static void wait_until_it_blocks(PGconn *blocking)
{
    assert_eventually(number(observer, "SELECT count(*) FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid))",
                             PQbackendPID(blocking)) == 1);
}

static const char *second_resource;

/* The claim, and after it one on second_resource. */
static leaselock_status obtain_two(background *of)
{
    leaselock_claim claims[] = {of->claim, claim_on(second_resource, "late", 30000)};
    leaselock_outcome outcomes[2];
    leaselock_status status = ll_engine_postgresql.obtain(of->connection, claims, 2, call_of(of->time_ms), outcomes);
    of->outcome = outcomes[0];
    return status;
}

TEST(a_floor_that_is_being_raised_holds_up_a_first_grant)
{
    leaselock_status (*const ways[])(background *) = {background_obtain, obtain_two};
    for (size_t i = 0; i < 2; i++) {
        background late = {.claim = claim_on(new_resource(), "late", 30000)};
        second_resource = new_resource();
        sql(other, "BEGIN; UPDATE leaselock_control SET floor = floor + 1000");
        long long floor = number(other, "SELECT floor FROM leaselock_control");
        background_start(&late, ways[i], first);
        wait_until_it_blocks(other);
        sql(other, "COMMIT");
        assert_ok(background_join(&late));
        assert_kind(GRANTED, late.outcome);
        assert_int_equal(late.outcome.sequence, floor + 1);
    }
}

/* Two that add the same resources would wait for each other, did they not do it in one order. */
TEST(new_resources_are_added_in_one_order)
{
    const char *low = new_resource(), *high = new_resource();
    background late = {.claim = claim_on(high, "late", 30000)};
    sql(other, "BEGIN; INSERT INTO leaselock_leases (resource) VALUES ('%s')", low);
    second_resource = low;
    background_start(&late, obtain_two, first);
    wait_until_it_blocks(other);
    sql(observer, "SET lock_timeout = 2000");
    assert_string_equal(sqlstate(observer, "INSERT INTO leaselock_leases (resource) VALUES ('%s') ON CONFLICT DO NOTHING",
                                 high), "00000");
    sql(other, "COMMIT");
    assert_ok(background_join(&late));
    assert_kind(GRANTED, late.outcome);
}

/* What is granted after it has returned is above the floor, so it cannot pass by a row that is being granted. */
TEST(raising_the_floor_waits_for_a_grant_under_way)
{
    leaselock_claim before = released(new_resource());
    int64_t floor = before.sequence + 5000000;
    background raise = {.floor = floor};
    sql(other, "BEGIN; SELECT 1 FROM leaselock_leases WHERE resource = '%s' FOR UPDATE", before.resource);
    background_start(&raise, background_raise_floor, first);
    wait_until_it_blocks(other);
    assert_false(atomic_load(&raise.done));
    sql(other, "COMMIT");
    assert_ok(background_join(&raise));
    assert_int_equal(obtain(second, claim_on(before.resource, "c", 30000)).sequence, floor + 1);
}

TEST(raising_the_floor_waits_for_first_grants_under_way_and_reaches_them)
{
    const char *resource = new_resource();
    sql(other, "BEGIN; INSERT INTO leaselock_leases (resource, floor)"
               " SELECT '%s', floor FROM leaselock_control WHERE id = 1 FOR SHARE", resource);
    background raise = {.floor = 1000000};
    background_start(&raise, background_raise_floor, first);
    assert_eventually(number(observer, "SELECT count(*) FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid))",
                             PQbackendPID(other)) == 1);
    assert_false(atomic_load(&raise.done));
    sql(other, "COMMIT");
    assert_ok(background_join(&raise));
    assert_int_equal(raise.raised_to, 1000000);
    assert_int_equal(obtain(second, claim_on(resource, "c", 30000)).sequence, 1000001);
}

TEST(raising_the_floor_reaches_every_row_and_moves_no_holder)
{
    leaselock_claim held = obtained(first, new_resource(), "holder", 30000);
    sql(observer, "INSERT INTO leaselock_leases (resource) SELECT 'page' || n FROM generate_series(1, 2500) AS n");
    int64_t raised_to;
    assert_ok(ll_engine_postgresql.raise_floor(second, 20000000, patient_call(), &raised_to));
    assert_int_equal(number(observer, "SELECT count(*) FROM leaselock_leases WHERE floor <> 20000000"), 0);
    assert_kind(RENEWED, renew(first, held));
    assert_kind(RELEASED, release(first, held));
    assert_int_equal(obtain(second, claim_on(held.resource, "c", 30000)).sequence, 20000001);
    assert_ok(ll_engine_postgresql.raise_floor(second, 5, patient_call(), &raised_to));
    assert_int_equal(raised_to, 20000000);
}

int main(void)
{
#define GRANT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        GRANT_TEST(a_row_that_somebody_has_locked_is_busy_at_once),
        GRANT_TEST(a_contended_try_locks_and_writes_nothing),
        GRANT_TEST(the_time_of_a_grant_begins_when_the_row_is_won),
        GRANT_TEST(a_renewal_never_shortens),
        GRANT_TEST(a_late_duplicate_does_not_revive_what_was_released),
        GRANT_TEST(numbers_need_more_than_32_bits),
        GRANT_TEST(several_are_granted_together),
        GRANT_TEST(one_that_is_held_keeps_all_of_them_back),
        GRANT_TEST(one_that_is_spent_keeps_all_of_them_back),
        GRANT_TEST(one_that_is_locked_keeps_all_of_them_back),
        GRANT_TEST(a_locked_row_does_not_hold_up_the_renewal_of_the_others),
        GRANT_TEST(several_are_released_each_by_itself),
        GRANT_TEST(names_are_taken_as_they_are),
        GRANT_TEST(a_floor_that_is_being_raised_holds_up_a_first_grant),
        GRANT_TEST(new_resources_are_added_in_one_order),
        GRANT_TEST(raising_the_floor_waits_for_first_grants_under_way_and_reaches_them),
        GRANT_TEST(raising_the_floor_waits_for_a_grant_under_way),
        GRANT_TEST(raising_the_floor_reaches_every_row_and_moves_no_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
