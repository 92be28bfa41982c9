/*
 * Holding through the API: renew, release, resume, and the states they lead to. UNKNOWN needs an engine that fails:
 * unit/.
 */
#include <string.h>

#include "conformance/conformance.h"
#include "util/clock.h"

static leaselock_status resume(const leaselock_lease *of, leaselock_lease **out)
{
    return leaselock_lock_resume(lock, leaselock_lease_resource(of), leaselock_lease_client(of),
                                 leaselock_lease_sequence(of), leaselock_lease_acquisition(of), out);
}

TEST(a_renewal_gives_the_whole_ttl_again)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, 4000);
    int64_t sequence = leaselock_lease_sequence(lease), expiry = leaselock_lease_expiry(lease);
    char acquisition_before[LEASELOCK_ACQUISITION_LENGTH + 1];
    strcpy(acquisition_before, leaselock_lease_acquisition(lease));
    pass_time(1500);
    assert_about(leaselock_lease_remaining(lease), 4000 - 80 - 1500);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_about(leaselock_lease_remaining(lease), 4000 - 80);
    assert_int_equal(leaselock_lease_sequence(lease), sequence);
    assert_int_equal(leaselock_lease_ttl(lease), 4000);
    assert_true(leaselock_lease_expiry(lease) >= expiry + 1500);
    assert_string_equal(leaselock_lease_acquisition(lease), acquisition_before);
    release_now(lease);
}

/* The last 50 ms are nobody's: the holder has stopped, and nobody else has begun. */
TEST(the_holder_stops_a_margin_before_anybody_can_begin)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS), *untouched = NULL;
    pass_time(TTL_MS - 50);
    assert_false(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_int_equal(leaselock_lease_remaining(lease), 0);
    if (ll_clock_is_test())
        assert_status(LEASELOCK_BUSY,
                      leaselock_lock_obtain_with_no_wait(lock, resource("a"), NULL, NULL, &untouched));
    leaselock_lease_free(lease);
}

TEST(expired_stays_expired_until_an_explicit_renewal_revives_it)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS);
    int64_t sequence = leaselock_lease_sequence(lease);
    pass_time(3 * TTL_MS);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_true(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_sequence(lease), sequence);
    release_now(lease);
}

TEST(lost_says_to_whom_and_stays)
{
    leaselock_lock *other = open_lock();
    leaselock_lease *lease = obtain_now(lock, "a", "first", TTL_MS);
    pass_time(TTL_MS);
    leaselock_lease *taken = obtain_now(other, "a", "second", 0);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    for (int i = 0; i < 2; i++) {
        assert_refused(LEASELOCK_LOST, leaselock_lock_renew(lock, lease));
        assert_string_equal(leaselock_error_last()->resource, resource("a"));
        assert_string_equal(leaselock_error_last()->holder, "second");
        assert_int_equal(leaselock_error_last()->sequence, leaselock_lease_sequence(taken));
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_LOST);
        assert_string_equal(leaselock_lease_lost_to(lease), "second");
        assert_false(leaselock_lease_valid(lease));
    }
    release_now(taken);
    assert_refused(LEASELOCK_LOST, leaselock_lease_keep(lease));
    bool was_ours = true;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_false(was_ours);
    leaselock_lease_free(lease);
    close_lock(other);
}

TEST(a_release_tells_the_truth)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS);
    bool was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_true(was_ours);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_RELEASED);
    assert_false(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_remaining(lease), 0);
    was_ours = false;
    assert_ok(leaselock_lock_release(lock, lease, &was_ours)); /* again: it was, and nobody came since */
    assert_true(was_ours);
    leaselock_lease *next = obtain_now(lock, "a", NULL, 0);
    assert_ok(leaselock_lock_release(lock, lease, &was_ours));
    assert_false(was_ours);
    assert_true(leaselock_lease_valid(next));
    leaselock_lease_free(lease);
    release_now(next);
}

TEST(released_is_final)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS), *untouched = NULL;
    assert_ok(leaselock_lock_release(lock, lease, NULL));
    assert_refused(LEASELOCK_RELEASED, leaselock_lock_renew(lock, lease));
    assert_refused(LEASELOCK_RELEASED, leaselock_lease_keep(lease));
    assert_refused(LEASELOCK_LOST, resume(lease, &untouched));
    assert_string_equal(leaselock_error_last()->holder, "");
    assert_null(untouched);
    pass_time(TTL_MS);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_RELEASED);
    leaselock_lease_free(lease);
}

TEST(an_expired_lease_is_released_as_ours_while_nobody_took_it)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS);
    pass_time(2 * TTL_MS);
    release_now(lease);
}

/*
 * --- resume ---------------------------------------------------------------------------------------------------------
 */

TEST(a_lease_is_taken_up_again_by_its_ids)
{
    leaselock_lease *lease = obtain_now(lock, "a", "worker", 4000), *twin = NULL;
    pass_time(1000);
    assert_ok(resume(lease, &twin));
    assert_string_equal(leaselock_lease_resource(twin), resource("a"));
    assert_string_equal(leaselock_lease_client(twin), "worker");
    assert_string_equal(leaselock_lease_acquisition(twin), leaselock_lease_acquisition(lease));
    assert_int_equal(leaselock_lease_sequence(twin), leaselock_lease_sequence(lease));
    assert_int_equal(leaselock_lease_ttl(twin), 4000);
    assert_int_equal(leaselock_lease_state(twin), LEASELOCK_STATE_HELD);
    assert_about(leaselock_lease_remaining(twin), 4000 - 80); /* it was one renewal */
    leaselock_lease_free(lease);
    assert_ok(leaselock_lock_renew(lock, twin));
    release_now(twin);
}

TEST(an_expired_lease_is_taken_up_again_while_nobody_took_it)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS), *twin = NULL;
    pass_time(2 * TTL_MS);
    assert_ok(resume(lease, &twin));
    assert_true(leaselock_lease_valid(twin));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED); /* each handle knows what it asked */
    leaselock_lease_free(lease);
    release_now(twin);
}

TEST(handles_with_the_same_ids_are_one_holder)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, 0), *twin = NULL;
    assert_ok(resume(lease, &twin));
    release_now(twin);
    assert_refused(LEASELOCK_LOST, leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_LOST);
    assert_null(leaselock_lease_lost_to(lease)); /* released, not taken */
    leaselock_lease_free(lease);
}

TEST(resume_refuses_every_id_that_is_not_right)
{
    leaselock_lease *lease = obtain_now(lock, "a", "worker", 0), *untouched = NULL;
    int64_t sequence = leaselock_lease_sequence(lease);
    const char *id = leaselock_lease_acquisition(lease);
    assert_refused(LEASELOCK_LOST,
                   leaselock_lock_resume(lock, resource("a"), "Worker", sequence, id, &untouched));
    assert_refused(LEASELOCK_LOST,
                   leaselock_lock_resume(lock, resource("a"), "worker", sequence + 1, id, &untouched));
    assert_refused(LEASELOCK_LOST,
                   leaselock_lock_resume(lock, resource("a"), "worker", sequence, acquisition(9), &untouched));
    assert_refused(LEASELOCK_LOST,
                   leaselock_lock_resume(lock, resource("b"), "worker", sequence, id, &untouched));
    assert_null(untouched);
    assert_ok(leaselock_lock_renew(lock, lease));
    release_now(lease);
}

int run_lock_lease(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(a_renewal_gives_the_whole_ttl_again),
        LOCK_TEST(the_holder_stops_a_margin_before_anybody_can_begin),
        LOCK_TEST(expired_stays_expired_until_an_explicit_renewal_revives_it),
        LOCK_TEST(lost_says_to_whom_and_stays),
        LOCK_TEST(a_release_tells_the_truth),
        LOCK_TEST(released_is_final),
        LOCK_TEST(an_expired_lease_is_released_as_ours_while_nobody_took_it),
        LOCK_TEST(a_lease_is_taken_up_again_by_its_ids),
        LOCK_TEST(an_expired_lease_is_taken_up_again_while_nobody_took_it),
        LOCK_TEST(handles_with_the_same_ids_are_one_holder),
        LOCK_TEST(resume_refuses_every_id_that_is_not_right),
    };
    return cmocka_run_group_tests_name("lock: leases", tests, NULL, NULL);
}
