/* The renew slot: what it gives, what it never takes back, and whom it refuses. */
#include "conformance/conformance.h"
#include "leaselock/sys/probes.h"
#include "util/clock.h"

TEST(a_renewal_gives_the_whole_ttl_of_the_grant_again)
{
    leaselock_claim held = grant("a", "c", 1);
    for (int i = 0; i < 3; i++) {
        pass_time(700);
        leaselock_claim renewal = held;
        renewal.ttl_ms = TTL_MS * 10; /* the grant's counts */
        leaselock_outcome outcome = renew_one(renewal);
        assert_kind(RENEWED, outcome);
        assert_int_equal(outcome.sequence, held.sequence);
        assert_int_equal(outcome.ttl_ms, TTL_MS);
        assert_about(outcome.remaining_ms, TTL_MS);
        assert_in_range(outcome.expires_at_ms, ll_clock_wall() + TTL_MS - 5000, ll_clock_wall() + TTL_MS + 5000);
    }
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 2)));
    pass_time(TTL_MS);
    assert_int_equal(grant("a", "d", 3).sequence, held.sequence + 1);
}

TEST(a_renewal_is_made_twice_with_the_same_result)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(300);
    leaselock_outcome first = renew_one(held), second = renew_one(held);
    assert_kind(RENEWED, second);
    assert_int_equal(second.sequence, first.sequence);
    assert_about(second.remaining_ms, TTL_MS);
}

/* A clock that steps back must not take from the holder what it was promised. */
TEST(a_renewal_never_moves_the_deadline_backwards)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(-400);
    leaselock_outcome outcome = renew_one(held);
    assert_kind(RENEWED, outcome);
    assert_int_equal(outcome.remaining_ms, TTL_MS + 400);
    pass_time(TTL_MS + 399);
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 2)));
    pass_time(1);
    assert_kind(GRANTED, obtain_one(claim_of("a", "d", 3)));
}

TEST(a_renewal_revives_what_expired_and_nobody_took)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(2 * TTL_MS);
    leaselock_outcome outcome = renew_one(held);
    assert_kind(RENEWED, outcome);
    assert_int_equal(outcome.sequence, held.sequence);
    assert_about(outcome.remaining_ms, TTL_MS);
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 2)));
    assert_kind(RELEASED, release_one(held));
    assert_int_equal(grant("a", "d", 3).sequence, held.sequence + 1);
}

TEST(lost_names_the_successor)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(TTL_MS);
    leaselock_claim taken = grant("a", "d", 2);
    const char *before = snapshot();
    leaselock_outcome outcome = renew_one(held);
    assert_kind(LOST, outcome);
    assert_string_equal(outcome.client, "d");
    assert_int_equal(outcome.sequence, taken.sequence);
    assert_string_equal(snapshot(), before);
}

TEST(lost_names_nobody_once_it_was_released)
{
    leaselock_claim held = grant("a", "c", 1);
    assert_kind(RELEASED, release_one(held));
    const char *before = snapshot();
    leaselock_outcome outcome = renew_one(held);
    assert_kind(LOST, outcome);
    assert_string_equal(outcome.client, "");
    assert_string_equal(snapshot(), before);
    assert_kind(GRANTED, obtain_one(claim_of("a", "d", 2)));
}

TEST(what_was_never_granted_is_lost_to_nobody_and_leaves_no_row)
{
    const char *before = snapshot();
    leaselock_outcome outcome = renew_one(with_sequence(claim_of("a", "c", 1), 1));
    assert_kind(LOST, outcome);
    assert_string_equal(outcome.client, "");
    assert_string_equal(snapshot(), before);
}

TEST(each_of_client_sequence_and_acquisition_has_to_be_right)
{
    leaselock_claim held = grant("a", "c", 1), wrong[4] = {held, held, held, held};
    wrong[0].client = "C";
    wrong[1].sequence++;
    wrong[2].sequence--;
    wrong[3].acquisition = acquisition(2);
    pass_time(100);
    const char *before = snapshot();
    for (int i = 0; i < 4; i++)
        assert_kind(LOST, renew_one(wrong[i]));
    assert_string_equal(snapshot(), before);
    assert_kind(RENEWED, renew_one(held));
}

TEST(each_of_an_array_has_its_own_outcome)
{
    leaselock_claim claims[] = {grant("d", "c", 1), grant("b", "c", 2), grant("a", "c", 3), grant("c", "c", 4)};
    leaselock_outcome outcomes[4];
    assert_kind(RELEASED, release_one(claims[1]));
    pass_time(TTL_MS);
    leaselock_claim taken = grant("a", "rival", 5);
    assert_ok(suite_engine->renew(connection, claims, 4, call(), outcomes));
    assert_kind(RENEWED, outcomes[0]);
    assert_kind(LOST, outcomes[1]);
    assert_kind(LOST, outcomes[2]);
    assert_kind(RENEWED, outcomes[3]);
    assert_int_equal(outcomes[0].sequence, claims[0].sequence);
    assert_string_equal(outcomes[1].client, "");
    assert_string_equal(outcomes[2].client, "rival");
    assert_int_equal(outcomes[2].sequence, taken.sequence);
    assert_about(outcomes[3].remaining_ms, TTL_MS);
    assert_kind(BUSY, obtain_one(claim_of("d", "rival", 6)));
    assert_kind(BUSY, obtain_one(claim_of("c", "rival", 7)));
    assert_kind(GRANTED, obtain_one(claim_of("b", "rival", 8)));
}

static int broken_clock(void *payload, int64_t *ms)
{
    (void)payload, (void)ms;
    return 5;
}

/* Whoever cannot tell the time must neither grant nor prolong. */
TEST(a_clock_that_cannot_be_read_is_an_error)
{
    leaselock_test_clock_stop();
    leaselock_claim held = grant("a", "c", 1), fresh = claim_of("b", "c", 2);
    leaselock_claim long_free = grant("c", "c", 3);
    assert_kind(RELEASED, release_one(long_free));
    long_free.acquisition = acquisition(4);
    const leaselock_probes probes = {.struct_size = sizeof probes, .boot_clock = broken_clock};
    const char *before = snapshot();
    const leaselock_call *patient = call();
    leaselock_outcome outcome;
    leaselock_status statuses[3];
    leaselock_probes_set(&probes);
    statuses[0] = suite_engine->obtain(connection, &fresh, 1, patient, &outcome);
    statuses[1] = suite_engine->obtain(connection, &long_free, 1, patient, &outcome);
    statuses[2] = suite_engine->renew(connection, &held, 1, patient, &outcome);
    leaselock_probes_set(NULL);
    for (int i = 0; i < 3; i++)
        assert_status(LEASELOCK_CLOCK, statuses[i]);
    assert_string_equal(snapshot(), before);
}

int run_engine_renew(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(a_renewal_gives_the_whole_ttl_of_the_grant_again),
        ENGINE_TEST(a_renewal_is_made_twice_with_the_same_result),
        ENGINE_TEST(a_renewal_revives_what_expired_and_nobody_took),
        ENGINE_TEST(lost_names_the_successor),
        ENGINE_TEST(lost_names_nobody_once_it_was_released),
        ENGINE_TEST(what_was_never_granted_is_lost_to_nobody_and_leaves_no_row),
        ENGINE_TEST(each_of_client_sequence_and_acquisition_has_to_be_right),
        ENGINE_TEST(each_of_an_array_has_its_own_outcome),
    };
    /* a server's clock is not moved by a test: tests/postgresql asks the same of it, in its own way */
    const struct CMUnitTest on_the_test_clock[] = {
        ENGINE_TEST(a_renewal_never_moves_the_deadline_backwards),
        ENGINE_TEST(a_clock_that_cannot_be_read_is_an_error),
    };
    int failures = cmocka_run_group_tests_name("engine: renew", tests, NULL, NULL);
    return suite_engine->follows_probes
               ? failures + cmocka_run_group_tests_name("engine: renew, the clock", on_the_test_clock, NULL, NULL)
               : failures;
}
