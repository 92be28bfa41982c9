/* leaselock_fence() in transactions of others, held at chosen points. */
#include <string.h>

#include "postgresql/database.h"

static leaselock_connection *holder, *rival;
static PGconn *user, *observer;

static int setup(void **state)
{
    (void)state;
    holder = engine_connect();
    rival = engine_connect();
    user = session();
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
    assert_kind(RELEASED, release(holder, lease)); /* neither is a release: the next grant waits for the commit */
    assert_kind(BUSY, try_as_rival(lease.resource));
    assert_string_equal(sqlstate(user, "COMMIT"), "00000");
    assert_kind(GRANTED, try_as_rival(lease.resource));
}

TEST(a_fence_that_comes_while_a_grant_is_under_way_waits_and_fails)
{
    leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
    let_expire(lease);
    sql(observer, "BEGIN");
    sql(observer, "UPDATE leaselock_leases SET sequence = sequence + 1 WHERE resource = '%s'", lease.resource);
    send_sql(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence);
    PGconn *third = session();
    wait_until_blocked(third, user);
    PQfinish(third);
    sql(observer, "COMMIT");
    assert_string_equal(answer(user), "LL001");
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
    assert_string_equal(sqlstate(observer, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence),
                        "00000");
    let_expire(lease);
    assert_kind(BUSY, try_as_rival(lease.resource));
    sql(user, "COMMIT");
}

TEST(it_holds_under_every_isolation_level)
{
    static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    for (size_t i = 0; i < 3; i++) {
        leaselock_claim lease = obtained(holder, new_resource(), "holder", 30000);
        sql(user, "BEGIN ISOLATION LEVEL %s", levels[i]);
        sql(user, "SELECT count(*) FROM work"); /* the snapshot is taken */
        let_expire(lease);
        assert_kind(GRANTED, try_as_rival(lease.resource));
        const char *code = sqlstate(user, "SELECT leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence);
        assert_true(strcmp(code, "LL001") == 0 || strcmp(code, "40001") == 0);
        sql(user, "ROLLBACK");
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
        sqlstate(user, "SELECT public.leaselock_fence('%s', %lld)", lease.resource, (long long)lease.sequence), "00000");
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
        FENCE_TEST(a_rolled_back_transaction_lets_go),
        FENCE_TEST(several_transactions_of_one_holder_pass_at_once),
        FENCE_TEST(it_holds_under_every_isolation_level),
        FENCE_TEST(a_temporary_table_of_the_same_name_fools_nobody),
        FENCE_TEST(only_who_was_granted_it_may_call_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
