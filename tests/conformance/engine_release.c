/* The release slot: the truth about what was given up. */
#include "conformance/conformance.h"

TEST(released_is_free_at_once_and_the_row_stays_with_its_sequence)
{
    leaselock_claim held = grant("a", "c", 1);
    assert_kind(RELEASED, release_one(held));
    assert_string_not_equal(snapshot(), "");
    assert_int_equal(grant("a", "d", 2).sequence, held.sequence + 1);
}

TEST(a_release_is_made_twice_with_the_same_result)
{
    leaselock_claim held = grant("a", "c", 1);
    assert_kind(RELEASED, release_one(held));
    pass_time(TTL_MS);
    const char *before = snapshot();
    assert_kind(RELEASED, release_one(held));
    assert_string_equal(snapshot(), before);
}

TEST(what_expired_and_nobody_took_is_still_released)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(TTL_MS * 2);
    assert_kind(RELEASED, release_one(held));
    assert_kind(LOST, renew_one(held));
}

TEST(a_release_after_a_take_over_is_not_ours_and_disturbs_nobody)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(TTL_MS);
    leaselock_claim taken = grant("a", "d", 2);
    const char *before = snapshot();
    assert_kind(NOT_OURS, release_one(held));
    assert_string_equal(snapshot(), before);
    assert_kind(RELEASED, release_one(taken));
    assert_kind(NOT_OURS, release_one(held));
}

/* The reply of a release was lost, and before it is retried somebody else was granted. */
TEST(a_release_retried_after_somebody_was_granted_is_not_ours)
{
    leaselock_claim held = grant("a", "c", 1);
    assert_kind(RELEASED, release_one(held));
    grant("a", "c", 2);
    assert_kind(NOT_OURS, release_one(held));
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 3)));
}

TEST(each_of_client_sequence_and_acquisition_has_to_be_right)
{
    leaselock_claim held = grant("a", "c", 1), wrong[4] = {held, held, held, held};
    wrong[0].client = "C";
    wrong[1].sequence++;
    wrong[2].sequence--;
    wrong[3].acquisition = acquisition(2);
    const char *before = snapshot();
    for (int i = 0; i < 4; i++)
        assert_kind(NOT_OURS, release_one(wrong[i]));
    assert_string_equal(snapshot(), before);
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 3)));
}

TEST(what_was_never_granted_is_not_ours_and_leaves_no_row)
{
    assert_kind(NOT_OURS, release_one(with_sequence(claim_of("a", "c", 1), 1)));
    assert_string_equal(snapshot(), "");
}

TEST(each_of_an_array_has_its_own_outcome)
{
    leaselock_claim claims[] = {grant("c", "c", 1), with_sequence(claim_of("d", "c", 2), 1), grant("a", "c", 3),
                                grant("b", "c", 4)};
    leaselock_outcome outcomes[4];
    claims[3].client = "wrong";
    assert_ok(suite_engine->release(connection, claims, 4, call(), outcomes));
    assert_kind(RELEASED, outcomes[0]);
    assert_kind(NOT_OURS, outcomes[1]);
    assert_kind(RELEASED, outcomes[2]);
    assert_kind(NOT_OURS, outcomes[3]);
    assert_kind(GRANTED, obtain_one(claim_of("a", "d", 5)));
    assert_kind(BUSY, obtain_one(claim_of("b", "d", 6)));
    assert_kind(GRANTED, obtain_one(claim_of("c", "d", 7)));
}

int run_engine_release(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(released_is_free_at_once_and_the_row_stays_with_its_sequence),
        ENGINE_TEST(a_release_is_made_twice_with_the_same_result),
        ENGINE_TEST(what_expired_and_nobody_took_is_still_released),
        ENGINE_TEST(a_release_after_a_take_over_is_not_ours_and_disturbs_nobody),
        ENGINE_TEST(a_release_retried_after_somebody_was_granted_is_not_ours),
        ENGINE_TEST(each_of_client_sequence_and_acquisition_has_to_be_right),
        ENGINE_TEST(what_was_never_granted_is_not_ours_and_leaves_no_row),
        ENGINE_TEST(each_of_an_array_has_its_own_outcome),
    };
    return cmocka_run_group_tests_name("engine: release", tests, NULL, NULL);
}
