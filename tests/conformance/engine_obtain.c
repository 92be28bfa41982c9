/* The obtain slot: sequences, contention, retries, arrays. */
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "util/clock.h"

/*
 * --- one lease -----------------------------------------------------------------------------------------------------
 */

TEST(the_first_sequence_is_1_and_0_never_comes)
{
    leaselock_outcome outcome = obtain_one(claim_of("a", "c", 1));
    assert_kind(GRANTED, outcome);
    assert_int_equal(outcome.sequence, 1);
}

TEST(a_grant_tells_all_about_itself)
{
    int64_t before = ll_clock_boot();
    leaselock_claim claim = claim_of("a", "somebody", 1);
    claim.ttl_ms = 12345;
    leaselock_outcome outcome = obtain_one(claim);
    assert_kind(GRANTED, outcome);
    assert_true(outcome.sequence >= 1);
    assert_string_equal(outcome.client, "somebody");
    assert_int_equal(outcome.ttl_ms, 12345);
    assert_about(outcome.remaining_ms, 12345);
    assert_in_range(outcome.asked_ms, before, ll_clock_boot());
    assert_in_range(outcome.expires_at_ms, ll_clock_wall() + 12345 - 5000, ll_clock_wall() + 12345 + 5000);
}

TEST(held_is_busy_for_anybody_the_holder_included)
{
    leaselock_claim held = grant("a", "holder", 1);
    pass_time(100);
    static const char *const clients[] = {"other", "holder"};
    for (int i = 0; i < 2; i++) {
        leaselock_outcome outcome = obtain_one(claim_of("a", clients[i], 2 + i));
        assert_kind(BUSY, outcome);
        assert_string_equal(outcome.client, "holder");
        assert_int_equal(outcome.sequence, held.sequence);
        assert_about(outcome.remaining_ms, TTL_MS - 100);
    }
}

TEST(a_contended_try_writes_nothing_and_burns_no_number)
{
    leaselock_claim held = grant("a", "holder", 1);
    const char *before = snapshot();
    for (int i = 0; i < 20; i++)
        assert_kind(BUSY, obtain_one(claim_of("a", "other", 100 + i)));
    assert_string_equal(snapshot(), before);
    assert_kind(RELEASED, release_one(held));
    assert_int_equal(grant("a", "other", 2).sequence, held.sequence + 1);
}

/* To the millisecond, where time is the test's. */
TEST(a_lease_ends_with_its_ttl)
{
    leaselock_claim first = grant("a", "first", 1);
    if (suite_engine->follows_probes) {
        pass_time(TTL_MS - 1);
        assert_kind(BUSY, obtain_one(claim_of("a", "second", 2)));
        pass_time(1);
    } else {
        pass_time(TTL_MS + 1);
    }
    leaselock_outcome outcome = obtain_one(claim_of("a", "second", 2));
    assert_kind(GRANTED, outcome);
    assert_int_equal(outcome.sequence, first.sequence + 1);
    assert_string_equal(outcome.client, "second");
}

TEST(sequences_grow_across_release_expiry_and_reopening)
{
    leaselock_claim held = grant("a", "c", 1);
    for (int i = 0; i < 6; i++) {
        if (i % 3 == 0)
            assert_kind(RELEASED, release_one(held));
        else
            pass_time(TTL_MS);
        if (i % 3 == 2) {
            disconnect_engine(connection);
            connection = connect_engine();
        }
        leaselock_claim next = grant("a", i % 2 ? "c" : "d", 2 + i);
        assert_true(next.sequence > held.sequence);
        held = next;
    }
}

TEST(two_connections_see_one_database)
{
    leaselock_connection *another = NULL;
    assert_ok(suite_engine->open_again(connection, call(), &another));
    leaselock_claim held = grant("a", "c", 1), rival = claim_of("a", "d", 2);
    leaselock_outcome outcome;
    assert_ok(suite_engine->obtain(another, &rival, 1, call(), &outcome));
    assert_kind(BUSY, outcome);
    assert_ok(suite_engine->release(another, &held, 1, call(), &outcome));
    assert_kind(RELEASED, outcome);
    disconnect_engine(connection); /* the first to come may be the first to go */
    connection = another;
    assert_int_equal(grant("a", "d", 3).sequence, held.sequence + 1);
    suite_engine->close(NULL);
}

/*
 * --- retries -------------------------------------------------------------------------------------------------------
 */

TEST(a_retry_finds_its_own_grant_and_what_is_left_of_it)
{
    leaselock_claim held = grant("a", "c", 1);
    for (int i = 1; i <= 3; i++) {
        pass_time(200);
        leaselock_claim retry = held;
        retry.sequence = 0;
        retry.ttl_ms = TTL_MS * 10; /* never a fresh ttl */
        leaselock_outcome outcome = obtain_one(retry);
        assert_kind(GRANTED, outcome);
        assert_int_equal(outcome.sequence, held.sequence);
        assert_int_equal(outcome.ttl_ms, TTL_MS);
        assert_about(outcome.remaining_ms, TTL_MS - 200 * i);
    }
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 2)));
}

TEST(a_retry_finds_its_grant_even_when_that_is_used_up)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(TTL_MS + 100);
    leaselock_outcome outcome = obtain_one(held);
    assert_kind(GRANTED, outcome);
    assert_int_equal(outcome.sequence, held.sequence);
    assert_true(outcome.remaining_ms <= -100);
    assert_int_equal(grant("a", "d", 2).sequence, held.sequence + 1);
}

TEST(a_retry_after_the_release_is_spent_and_undoes_nothing)
{
    leaselock_claim held = grant("a", "c", 1);
    assert_kind(RELEASED, release_one(held));
    const char *before = snapshot();
    assert_kind(SPENT, obtain_one(held));
    pass_time(0);
    assert_kind(SPENT, obtain_one(held));
    assert_string_equal(snapshot(), before);
    assert_int_equal(grant("a", "d", 2).sequence, held.sequence + 1);
}

TEST(a_retry_after_a_take_over_is_busy)
{
    leaselock_claim held = grant("a", "c", 1);
    pass_time(TTL_MS);
    leaselock_claim taken = grant("a", "d", 2);
    leaselock_outcome outcome = obtain_one(held);
    assert_kind(BUSY, outcome);
    assert_int_equal(outcome.sequence, taken.sequence);
    assert_string_equal(outcome.client, "d");
}

/*
 * --- several at once ------------------------------------------------------------------------------------------------
 */

enum { MANY = 40 };

/* Claims on r39 … r00, so that the array is not in the resources' order. */
static void claim_many(leaselock_claim *claims, int first_acquisition)
{
    for (int i = 0; i < MANY; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%02d", MANY - 1 - i);
        claims[i] = claim_of(name, "c", first_acquisition + i);
    }
}

static void obtain_many(const leaselock_claim *claims, size_t count, leaselock_outcome *outcomes)
{
    assert_ok(suite_engine->obtain(connection, claims, count, call(), outcomes));
}

TEST(all_of_an_array_are_granted_when_all_are_free)
{
    leaselock_claim claims[MANY], second[MANY];
    leaselock_outcome outcomes[MANY];
    claim_many(claims, 1);
    obtain_many(claims, MANY, outcomes);
    for (int i = 0; i < MANY; i++) {
        assert_kind(GRANTED, outcomes[i]);
        assert_true(outcomes[i].sequence >= 1);
        assert_about(outcomes[i].remaining_ms, TTL_MS);
        claims[i].sequence = outcomes[i].sequence;
    }
    obtain_many(claims, MANY, outcomes); /* a retry */
    for (int i = 0; i < MANY; i++) {
        assert_kind(GRANTED, outcomes[i]);
        assert_int_equal(outcomes[i].sequence, claims[i].sequence);
    }
    claim_many(second, 1 + MANY);
    obtain_many(second, MANY, outcomes);
    for (int i = 0; i < MANY; i++)
        assert_kind(BUSY, outcomes[i]);
    pass_time(TTL_MS);
    obtain_many(second, MANY, outcomes);
    for (int i = 0; i < MANY; i++) {
        assert_kind(GRANTED, outcomes[i]);
        assert_int_equal(outcomes[i].sequence, claims[i].sequence + 1);
    }
}

TEST(one_that_is_held_keeps_all_of_an_array_from_being_granted)
{
    leaselock_claim held = grant("b", "holder", 1), free_before = grant("c", "before", 2);
    assert_kind(RELEASED, release_one(free_before));
    const char *before = snapshot();
    leaselock_claim claims[] = {claim_of("a", "c", 3), claim_of("b", "c", 4), claim_of("c", "c", 5)};
    leaselock_outcome outcomes[3];
    obtain_many(claims, 3, outcomes);
    assert_kind(NONE, outcomes[0]);
    assert_kind(BUSY, outcomes[1]);
    assert_kind(NONE, outcomes[2]);
    assert_string_equal(outcomes[1].client, "holder");
    assert_int_equal(outcomes[1].sequence, held.sequence);
    assert_string_equal(snapshot(), before);
    assert_kind(RELEASED, release_one(held));
    obtain_many(claims, 3, outcomes);
    for (int i = 0; i < 3; i++)
        assert_kind(GRANTED, outcomes[i]);
    assert_int_equal(outcomes[1].sequence, held.sequence + 1);
    assert_int_equal(outcomes[2].sequence, free_before.sequence + 1);
}

TEST(one_that_is_spent_keeps_all_of_an_array_from_being_granted)
{
    leaselock_claim spent = grant("a", "c", 1);
    assert_kind(RELEASED, release_one(spent));
    const char *before = snapshot();
    leaselock_claim claims[] = {spent, claim_of("b", "c", 2)};
    leaselock_outcome outcomes[2];
    obtain_many(claims, 2, outcomes);
    assert_kind(SPENT, outcomes[0]);
    assert_kind(NONE, outcomes[1]);
    assert_string_equal(snapshot(), before);
}

/* What was granted by an earlier try stays as it is; what is missing joins it. */
TEST(an_array_takes_over_what_has_expired_among_what_it_has)
{
    leaselock_claim claims[] = {claim_of("a", "c", 1), claim_of("b", "c", 2)};
    leaselock_outcome outcomes[2];
    leaselock_claim other = grant("b", "d", 3);
    pass_time(TTL_MS / 2);
    leaselock_outcome first = obtain_one(claims[0]);
    assert_kind(GRANTED, first);
    pass_time(TTL_MS / 2);
    obtain_many(claims, 2, outcomes);
    assert_kind(GRANTED, outcomes[0]);
    assert_int_equal(outcomes[0].sequence, first.sequence);
    assert_about(outcomes[0].remaining_ms, TTL_MS / 2);
    assert_kind(GRANTED, outcomes[1]);
    assert_int_equal(outcomes[1].sequence, other.sequence + 1);
    assert_about(outcomes[1].remaining_ms, TTL_MS);
}

/*
 * --- limits --------------------------------------------------------------------------------------------------------
 */

TEST(the_shortest_and_the_longest_ttl_are_kept_exactly)
{
    static const int64_t ttls[] = {LEASELOCK_TTL_MIN_MS, LEASELOCK_TTL_MAX_MS};
    for (int i = 0; i < 2; i++) {
        leaselock_claim claim = claim_of(i ? "a" : "b", "c", i);
        claim.ttl_ms = ttls[i];
        leaselock_outcome outcome = obtain_one(claim);
        assert_kind(GRANTED, outcome);
        assert_int_equal(outcome.ttl_ms, ttls[i]);
        assert_about(outcome.remaining_ms, ttls[i]);
    }
}

/* Each its own resource: no folding of case, no trimming, no normal forms, no patterns, no quoting. */
TEST(ids_are_bytes)
{
    static const char *const names[] = {"a", "A", "a ", " a", "\xc3\xa4", "a\xcc\x88", "%", "_", "a%", "a_", "'", "\"",
                                        "`", "';--", "\\", "\\n", "\n", "\t", "\x01", "\x7f", "\xf0\x9f\x94\x92", "NULL"};
    enum { COUNT = sizeof names / sizeof *names };
    leaselock_claim claims[COUNT];
    for (int i = 0; i < COUNT; i++)
        claims[i] = grant(names[i], names[COUNT - 1 - i], i);
    for (int i = 0; i < COUNT; i++) {
        leaselock_outcome outcome = obtain_one(claims[i]);
        assert_kind(GRANTED, outcome);
        assert_string_equal(outcome.client, names[COUNT - 1 - i]);
        assert_kind(RELEASED, release_one(claims[i]));
    }
}

TEST(ids_may_be_255_bytes_long)
{
    static char longest[LEASELOCK_ID_MAX + 1], nearly[LEASELOCK_ID_MAX + 1];
    memset(longest, 'x', LEASELOCK_ID_MAX);
    memset(nearly, 'x', LEASELOCK_ID_MAX);
    memcpy(longest, acquisition(0), LEASELOCK_ACQUISITION_LENGTH);
    memcpy(nearly, acquisition(0), LEASELOCK_ACQUISITION_LENGTH);
    nearly[LEASELOCK_ID_MAX - 1] = 'y';
    leaselock_claim first = {longest, longest, acquisition(1), 0, TTL_MS};
    leaselock_claim second = {nearly, nearly, acquisition(2), 0, TTL_MS};
    leaselock_outcome outcome = obtain_one(first);
    assert_kind(GRANTED, outcome);
    assert_string_equal(outcome.client, longest);
    assert_kind(GRANTED, obtain_one(second));
    assert_kind(RENEWED, renew_one(with_sequence(first, outcome.sequence)));
    first.acquisition = acquisition(3);
    outcome = obtain_one(first);
    assert_kind(BUSY, outcome);
    assert_string_equal(outcome.client, longest);
}

int run_engine_obtain(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(the_first_sequence_is_1_and_0_never_comes),
        ENGINE_TEST(a_grant_tells_all_about_itself),
        ENGINE_TEST(held_is_busy_for_anybody_the_holder_included),
        ENGINE_TEST(a_contended_try_writes_nothing_and_burns_no_number),
        ENGINE_TEST(a_lease_ends_with_its_ttl),
        ENGINE_TEST(sequences_grow_across_release_expiry_and_reopening),
        ENGINE_TEST(two_connections_see_one_database),
        ENGINE_TEST(a_retry_finds_its_own_grant_and_what_is_left_of_it),
        ENGINE_TEST(a_retry_finds_its_grant_even_when_that_is_used_up),
        ENGINE_TEST(a_retry_after_the_release_is_spent_and_undoes_nothing),
        ENGINE_TEST(a_retry_after_a_take_over_is_busy),
        ENGINE_TEST(all_of_an_array_are_granted_when_all_are_free),
        ENGINE_TEST(one_that_is_held_keeps_all_of_an_array_from_being_granted),
        ENGINE_TEST(one_that_is_spent_keeps_all_of_an_array_from_being_granted),
        ENGINE_TEST(an_array_takes_over_what_has_expired_among_what_it_has),
        ENGINE_TEST(the_shortest_and_the_longest_ttl_are_kept_exactly),
        ENGINE_TEST(ids_are_bytes),
        ENGINE_TEST(ids_may_be_255_bytes_long),
    };
    return cmocka_run_group_tests_name("engine: obtain", tests, NULL, NULL);
}
