/* Keeping through the API, against a real engine: beyond the ttl, and no longer than it should. */
#include "conformance/conformance.h"
#include "leaselock/sys/probes.h"
#include "util/clock.h"

enum { KEPT_TTL_MS = 3000, THIRD_MS = KEPT_TTL_MS / 3 };

/*
 * Lets pass what it takes until the keeper has renewed the lease: its time grows. Where time is the test's own that is
 * a third of the ttl, or more: the keeper may have planned its next renewal only after the clock was moved.
 */
static void pass_until_renewed(leaselock_lease *lease)
{
    enum { MOMENT_MS = 2000 };
    int64_t give_up_ms = real_clock() + PATIENCE_MS, look_again_ms = real_clock() + MOMENT_MS;
    if (ll_clock_is_test())
        pass_time(THIRD_MS);
    int64_t lowest = leaselock_lease_remaining(lease);
    for (int64_t left = lowest; left <= lowest; left = leaselock_lease_remaining(lease)) {
        lowest = left;
        assert_true(real_clock() < give_up_ms);
        if (ll_clock_is_test() && real_clock() > look_again_ms) {
            pass_time(THIRD_MS / 2);
            lowest = leaselock_lease_remaining(lease);
            look_again_ms = real_clock() + MOMENT_MS;
        }
        real_sleep(1);
    }
}

static bool is_free(const char *name)
{
    leaselock_lease *lease;
    leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, resource(name), NULL, NULL, &lease);
    if (status == LEASELOCK_BUSY)
        return false;
    assert_ok(status);
    release_now(lease);
    return true;
}

TEST(a_kept_lease_outlives_its_ttl)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, KEPT_TTL_MS);
    int64_t sequence = leaselock_lease_sequence(lease);
    assert_ok(leaselock_lease_keep(lease));
    for (int i = 0; i < 6; i++) {
        pass_until_renewed(lease);
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
        assert_false(is_free("a"));
    }
    assert_int_equal(leaselock_lease_sequence(lease), sequence);
    release_now(lease);
    assert_true(is_free("a"));
}

TEST(several_leases_are_kept_by_one_keeper)
{
    leaselock_lease *first = obtain_now(lock, "a", NULL, KEPT_TTL_MS),
                    *second = obtain_now(lock, "b", NULL, KEPT_TTL_MS);
    assert_ok(leaselock_lease_keep(first));
    assert_ok(leaselock_lease_keep(second));
    for (int i = 0; i < 5; i++) {
        pass_until_renewed(first);
        assert_eventually(leaselock_lease_remaining(second) > KEPT_TTL_MS / 2);
    }
    assert_true(leaselock_lease_valid(second));
    release_now(first);
    release_now(second);
}

TEST(a_lease_that_is_not_kept_ends_beside_one_that_is)
{
    leaselock_lease *kept = obtain_now(lock, "a", NULL, KEPT_TTL_MS), *other = obtain_now(lock, "b", NULL, KEPT_TTL_MS);
    assert_ok(leaselock_lease_keep(kept));
    for (int i = 0; i < 3; i++)
        pass_until_renewed(kept);
    assert_eventually(leaselock_lease_state(other) == LEASELOCK_STATE_EXPIRED);
    assert_int_equal(leaselock_lease_state(kept), LEASELOCK_STATE_HELD);
    leaselock_lease_free(other);
    release_now(kept);
}

TEST(a_dropped_lease_is_kept_no_longer)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, KEPT_TTL_MS);
    assert_ok(leaselock_lease_keep(lease));
    pass_until_renewed(lease);
    leaselock_lease_free(lease);
    assert_false(is_free("a")); /* it was not released */
    pass_time(KEPT_TTL_MS);
    assert_true(is_free("a"));
}

TEST(a_closed_lock_keeps_nothing)
{
    leaselock_lock *own = open_lock();
    leaselock_lease *lease = obtain_now(own, "a", NULL, KEPT_TTL_MS);
    assert_ok(leaselock_lease_keep(lease));
    pass_until_renewed(lease);
    close_lock(own);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD); /* until its deadline */
    assert_false(is_free("a"));
    pass_time(KEPT_TTL_MS);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_true(is_free("a"));
    leaselock_lease_free(lease);
}

/* The lock's handle is gone, the lease is not. */
TEST(a_kept_lease_keeps_its_lock_alive)
{
    leaselock_lock *own = open_lock();
    leaselock_lease *lease = obtain_now(own, "a", NULL, KEPT_TTL_MS);
    assert_ok(leaselock_lease_keep(lease));
    leaselock_lock_free(own);
    for (int i = 0; i < 4; i++)
        pass_until_renewed(lease);
    assert_false(is_free("a"));
    release_now(lease);
}

TEST(the_keeper_learns_that_a_lease_is_lost)
{
    leaselock_lease *lease = obtain_now(lock, "a", "first", KEPT_TTL_MS), *twin;
    assert_ok(leaselock_lease_keep(lease));
    pass_until_renewed(lease);
    assert_ok(leaselock_lock_resume(lock, resource("a"), "first", leaselock_lease_sequence(lease),
                                    leaselock_lease_acquisition(lease), &twin));
    release_now(twin);
    leaselock_lease *taken = obtain_now(lock, "a", "second", 0);
    leaselock_state state = 0;
    pass_time(THIRD_MS + THIRD_MS / 2); /* whenever the next renewal was planned: it is due, and the deadline is not */
    assert_eventually(leaselock_lease_state(lease) != LEASELOCK_STATE_HELD);
    assert_ok(leaselock_lease_wait(lease, 0, &state));
    assert_int_equal(state, LEASELOCK_STATE_LOST);
    assert_string_equal(leaselock_lease_lost_to(lease), "second");
    leaselock_lease_free(lease);
    release_now(taken);
}

int run_lock_keep(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(a_kept_lease_outlives_its_ttl),
        LOCK_TEST(several_leases_are_kept_by_one_keeper),
        LOCK_TEST(a_lease_that_is_not_kept_ends_beside_one_that_is),
        LOCK_TEST(a_dropped_lease_is_kept_no_longer),
        LOCK_TEST(a_closed_lock_keeps_nothing),
        LOCK_TEST(a_kept_lease_keeps_its_lock_alive),
        LOCK_TEST(the_keeper_learns_that_a_lease_is_lost),
    };
    return cmocka_run_group_tests_name("lock: keep", tests, NULL, NULL);
}
