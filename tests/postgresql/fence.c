/* leaselock_fence() in transactions of others, held at chosen points. */
#include <stdio.h>
#include <string.h>

#include "engines/postgresql/statements.h"
#include "postgresql/database.h"

static leaselock_connection *holder, *rival;
static PGconn *user, *rival_user, *observer;

static int setup(void **state)
{
    (void)state;
    holder = engine_connect();
    rival = engine_connect();
    user = session();
    rival_user = session();
    observer = session();
    sql(observer, "CREATE TABLE IF NOT EXISTS work (resource text, sequence bigint)");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(holder);
    engine_close(rival);
    PQfinish(user);
    PQfinish(rival_user);
    PQfinish(observer);
    return 0;
}

/* The user's transaction up to just before its commit. */
static void work_under_the_fence(leaselock_claim lease)
{
    sql(user, "BEGIN");
    sql(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence);
    sql(user, "INSERT INTO work VALUES ('%s', %lld)", lease.resource, (long long)lease.sequence);
}

static void let_expire(leaselock_claim lease)
{
    sql(observer, "UPDATE leaselock_leases SET expires_at = clock_timestamp() - interval '1 s' WHERE resource = '%s'",
        lease.resource);
}

static leaselock_outcome try_as_rival(const char *resource)
{
    return obtain(rival, claim_on(resource, "rival", 30000));
}

TEST(a_current_lease_passes)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    work_under_the_fence(lease);
    assert_string_equal(sqlstate(user, "COMMIT"), "00000");
    assert_int_equal(number(observer, "SELECT count(*) FROM work WHERE resource = '%s'", lease.resource), 1);
}

TEST(what_is_not_current_fails_the_transaction)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    long long sequence = (long long)lease.sequence;
    const char *name = lease.resource;
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('%s', %lld)", name, sequence + 1), "LL001");
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('%s', %lld)", name, sequence - 1), "LL001");
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('never granted', 1)"), "LL001");
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence(NULL, NULL)"), "LL001");
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('%s', NULL)", name), "LL001");
    assert_kind(RELEASED, release(holder, lease));
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('%s', %lld)", name, sequence), "LL001");
}

TEST(a_holder_that_was_overtaken_between_check_and_commit_cannot_be)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    work_under_the_fence(lease);
    let_expire(lease);
    int64_t before = real_clock();
    leaselock_outcome outcome = try_as_rival(lease.resource);
    assert_kind(BUSY, outcome);
    assert_string_equal(outcome.client, "holder");
    assert_int_equal(outcome.remaining_ms, 0);
    assert_true(real_clock() - before < 2000); /* told at once: nothing was waited for */
    assert_string_equal(sqlstate(user, "COMMIT"), "00000");
    outcome = try_as_rival(lease.resource);
    assert_kind(GRANTED, outcome);
    assert_int_equal(outcome.sequence, lease.sequence + 1);
    sql(user, "BEGIN");
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence),
                        "LL001");
    sqlstate(user, "INSERT INTO work VALUES ('%s', %lld)", lease.resource, (long long)lease.sequence);
    sql(user, "COMMIT"); /* which rolls back */
    assert_int_equal(number(observer, "SELECT count(*) FROM work WHERE resource = '%s'", lease.resource), 1);
}

TEST(a_renewal_is_not_held_up_and_keeps_the_lease)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    work_under_the_fence(lease);
    leaselock_outcome outcome;
    assert_ok(ll_engine_postgresql.renew(holder, &lease, 1, call_of(2000), &outcome));
    assert_kind(RENEWED, outcome);
    let_expire(lease);
    assert_kind(BUSY, try_as_rival(lease.resource));
    assert_ok(ll_engine_postgresql.renew(holder, &lease, 1, call_of(2000), &outcome));
    assert_kind(RENEWED, outcome);
    leaselock_claim both[] = {lease, obtained(holder, new_resource(), "holder", 30000)};
    leaselock_outcome outcomes[2];
    assert_ok(ll_engine_postgresql.renew(holder, both, 2, call_of(2000), outcomes));
    assert_kind(RENEWED, outcomes[0]);
    assert_kind(RELEASED, release(holder, lease)); /* neither is a release: the next grant waits for the commit */
    assert_kind(BUSY, try_as_rival(lease.resource));
    assert_string_equal(sqlstate(user, "COMMIT"), "00000");
    assert_kind(GRANTED, try_as_rival(lease.resource));
}

/* The engine's own statement for one resource, or for several, in the transaction of a session. */
static void grant_in(PGconn *in, ll_pg_statement_id id, const char *resource)
{
    char *statements[LL_PG_STATEMENTS] = {0}, values[4][64];
    const char *const plain[4] = {resource, "00000000000000000000000000000001", "rival", "30000"};
    const char *given[4];
    for (int i = 0; i < 4; i++) {
        snprintf(values[i], sizeof values[i], id == LL_SQL_GRANT_MANY ? "{%s}" : "%s", plain[i]);
        given[i] = values[i];
    }
    assert_ok(ll_pg_make_statements("public", statements));
    PGresult *result = PQexecParams(in, statements[id], 4, NULL, given, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), 1);
    PQclear(result);
    ll_pg_free_statements(statements);
}

static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};

/* A fence that met what is not committed yet has waited, and now fails in its own way. */
static void check_fence_fails(const char *level)
{
    const char *code = answer(user);
    assert_true(strcmp(code, "LL001") == 0 || (strcmp(code, "40001") == 0 && strcmp(level, levels[0]) != 0));
    sql(user, "ROLLBACK");
}

static void fence_while(const char *level, leaselock_claim lease, void (*take_over)(const char *resource))
{
    sql(user, "BEGIN ISOLATION LEVEL %s", level);
    sql(user, "SELECT count(*) FROM work"); /* the snapshot is taken */
    sql(rival_user, "BEGIN");
    take_over(lease.resource);
    send_sql(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence);
    wait_until_blocked(observer, user);
    sql(rival_user, "COMMIT");
    check_fence_fails(level);
}

static void grant_one(const char *resource)
{
    grant_in(rival_user, LL_SQL_GRANT_ONE, resource);
}

static void grant_several(const char *resource)
{
    grant_in(rival_user, LL_SQL_GRANT_MANY, resource);
}

static void change_by_hand(const char *resource)
{
    sql(rival_user, "UPDATE leaselock_leases SET sequence = sequence + 1, released = true WHERE resource = '%s'",
        resource);
}

TEST(a_fence_that_comes_while_a_grant_is_under_way_waits_and_fails)
{
    void (*const ways[])(const char *) = {grant_one, grant_several, change_by_hand};
    for (size_t i = 0; i < 9; i++) {
        leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
        let_expire(lease);
        fence_while(levels[i / 3], lease, ways[i % 3]);
    }
}

TEST(a_grant_of_several_is_kept_out_by_one_fence)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    leaselock_claim claims[] = {claim_on(new_resource(), "rival", 30000), claim_on(lease.resource, "rival", 30000)};
    leaselock_outcome outcomes[2];
    work_under_the_fence(lease);
    let_expire(lease);
    assert_ok(ll_engine_postgresql.obtain(rival, claims, 2, patient_call(), outcomes));
    assert_kind(NONE, outcomes[0]);
    assert_kind(BUSY, outcomes[1]);
    sql(user, "COMMIT");
    assert_ok(ll_engine_postgresql.obtain(rival, claims, 2, patient_call(), outcomes));
    assert_kind(GRANTED, outcomes[1]);
}

/*
 * Forced releases and the like: whoever changes a sequence without being granted it is kept out, and holds nobody up.
 */
TEST(a_sequence_is_not_changed_by_hand_under_a_fence)
{
    static const char *const changes[] = {
        "sequence = sequence + 1", "sequence = sequence + 1, released = true", "sequence = sequence - 1",
        "sequence = sequence + 1, released = true, acquisition = '00000000-0000-0000-0000-000000000002'"};
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    work_under_the_fence(lease);
    sql(rival_user, "BEGIN");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        assert_string_equal(sqlstate(observer, "UPDATE leaselock_leases SET %s WHERE resource = '%s'", changes[i],
                                     lease.resource), "55P03");
    send_sql(rival_user, "SELECT 1 FROM leaselock_leases WHERE resource = '%s' FOR UPDATE", lease.resource);
    wait_until_blocked(observer, rival_user); /* the way to wait for it */
    assert_kind(RENEWED, renew(holder, lease));
    sql(user, "COMMIT");
    assert_string_equal(answer(rival_user), "00000");
    sql(rival_user, "UPDATE leaselock_leases SET sequence = sequence + 1 WHERE resource = '%s'", lease.resource);
    sql(rival_user, "COMMIT");
    assert_string_equal(sqlstate(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence),
                        "LL001");
}

TEST(a_rolled_back_transaction_lets_go)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    work_under_the_fence(lease);
    let_expire(lease);
    sql(user, "ROLLBACK");
    assert_kind(GRANTED, try_as_rival(lease.resource));
}

TEST(several_transactions_of_one_holder_pass_at_once)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    work_under_the_fence(lease);
    assert_string_equal(
        sqlstate(observer, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence), "00000");
    let_expire(lease);
    assert_kind(BUSY, try_as_rival(lease.resource));
    sql(user, "COMMIT");
}

/* The transaction's snapshot is older than what happened to the lease. */
static void check_stale_fence(const char *level, bool by_hand)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    sql(user, "BEGIN ISOLATION LEVEL %s", level);
    sql(user, "SELECT count(*) FROM work");
    if (by_hand) {
        change_by_hand(lease.resource);
    } else {
        let_expire(lease);
        assert_kind(GRANTED, try_as_rival(lease.resource));
    }
    send_sql(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence);
    check_fence_fails(level);
}

TEST(it_holds_under_every_isolation_level)
{
    for (size_t i = 0; i < 3; i++) {
        check_stale_fence(levels[i], false);
        check_stale_fence(levels[i], true);
    }
}

/* The function runs with its owner's rights: nothing of the caller's may stand in for our table. */
TEST(a_temporary_table_of_the_same_name_fools_nobody)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    sql(user, "CREATE TEMP TABLE leaselock_leases (resource text, sequence bigint, released boolean)");
    sql(user, "INSERT INTO leaselock_leases VALUES ('forged', 7, false)");
    sql(user, "SET search_path = pg_temp, public");
    assert_string_equal(sqlstate(user, "SELECT public.leaselock_fence('forged', 7)"), "LL001");
    assert_string_equal(
        sqlstate(user, "SELECT public.leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence),
        "00000");
}

TEST(only_who_was_granted_it_may_call_it)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    sql(observer, "DROP ROLE IF EXISTS fence_user");
    sql(observer, "CREATE ROLE fence_user");
    sql(user, "SET ROLE fence_user");
    assert_string_equal(
        sqlstate(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence), "42501");
    sql(observer, "GRANT EXECUTE ON FUNCTION leaselock_fence(text, bigint) TO fence_user");
    assert_string_equal(
        sqlstate(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence), "00000");
    assert_string_equal(sqlstate(user, "SELECT * FROM leaselock_leases"), "42501"); /* it needs nothing else */
    sql(user, "RESET ROLE");
    sql(observer, "DROP OWNED BY fence_user; DROP ROLE fence_user");
}

int main(void)
{
#define FENCE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FENCE_TEST(a_current_lease_passes),
        FENCE_TEST(what_is_not_current_fails_the_transaction),
        FENCE_TEST(a_holder_that_was_overtaken_between_check_and_commit_cannot_be),
        FENCE_TEST(a_renewal_is_not_held_up_and_keeps_the_lease),
        FENCE_TEST(a_fence_that_comes_while_a_grant_is_under_way_waits_and_fails),
        FENCE_TEST(a_grant_of_several_is_kept_out_by_one_fence),
        FENCE_TEST(a_sequence_is_not_changed_by_hand_under_a_fence),
        FENCE_TEST(a_rolled_back_transaction_lets_go),
        FENCE_TEST(several_transactions_of_one_holder_pass_at_once),
        FENCE_TEST(it_holds_under_every_isolation_level),
        FENCE_TEST(a_temporary_table_of_the_same_name_fools_nobody),
        FENCE_TEST(only_who_was_granted_it_may_call_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
