/* The floor of all sequences, and the end of the numbers. */
#include <string.h>

#include "conformance/conformance.h"

static int64_t raise_floor(int64_t floor)
{
    int64_t in_force = -77;
    assert_ok(suite_engine->raise_floor(connection, floor, call(), &in_force));
    return in_force;
}

TEST(the_floor_only_raises)
{
    int64_t now = raise_floor(0);
    assert_int_equal(raise_floor(now + 100), now + 100);
    assert_int_equal(raise_floor(now + 50), now + 100);
    assert_int_equal(raise_floor(0), now + 100);
    assert_int_equal(raise_floor(now + 101), now + 101);
}

TEST(every_new_sequence_is_above_the_floor_and_above_the_last)
{
    leaselock_claim seen = grant("seen", "c", 1);
    assert_kind(RELEASED, release_one(seen));
    int64_t floor = raise_floor(seen.sequence + 5000);
    assert_int_equal(grant("new", "c", 2).sequence, floor + 1);
    leaselock_claim next = grant("seen", "c", 3);
    assert_int_equal(next.sequence, floor + 1);
    assert_kind(RELEASED, release_one(next));
    assert_int_equal(grant("seen", "c", 4).sequence, floor + 2); /* its own last is higher now */
    assert_int_equal(grant("other", "c", 5).sequence, floor + 1);
}

TEST(holders_stay_current)
{
    leaselock_claim held = grant("a", "c", 1);
    int64_t floor = raise_floor(held.sequence + 5000);
    assert_kind(BUSY, obtain_one(claim_of("a", "d", 2)));
    leaselock_outcome again = obtain_one(held);
    assert_kind(GRANTED, again);
    assert_int_equal(again.sequence, held.sequence);
    assert_kind(RENEWED, renew_one(held));
    assert_kind(RELEASED, release_one(held));
    assert_int_equal(grant("a", "d", 3).sequence, floor + 1);
}

TEST(the_floor_stays_when_all_connections_are_gone)
{
    int64_t floor = raise_floor(raise_floor(0) + 100);
    disconnect_engine(connection);
    connection = connect_engine();
    assert_int_equal(raise_floor(0), floor);
    assert_int_equal(grant("a", "c", 1).sequence, floor + 1);
}

TEST(the_highest_floor_can_be_granted_above)
{
    assert_true(raise_floor(LEASELOCK_FLOOR_MAX) == LEASELOCK_FLOOR_MAX);
    leaselock_claim held = grant("a", "c", 1);
    assert_true(held.sequence == LEASELOCK_FLOOR_MAX + 1);
    assert_kind(RENEWED, renew_one(held));
    assert_kind(RELEASED, release_one(held));
    assert_true(grant("a", "c", 2).sequence == LEASELOCK_FLOOR_MAX + 2);
}

/* An engine may refuse such a floor, or grant nothing above it; it must not wrap around. */
TEST(numbers_that_run_out_are_an_error_that_touches_nothing)
{
    leaselock_claim held = grant("held", "c", 1), claims[2] = {claim_of("a", "c", 2), claim_of("b", "c", 3)};
    leaselock_outcome outcomes[2], untouched[2];
    int64_t in_force = -77;
    const char *before = snapshot();
    leaselock_status status = suite_engine->raise_floor(connection, INT64_MAX, call(), &in_force);
    if (status != LEASELOCK_OK) {
        assert_status(LEASELOCK_EXHAUSTED, status);
        assert_int_equal(in_force, -77);
        return;
    }
    memset(outcomes, 0x5a, sizeof outcomes);
    memset(untouched, 0x5a, sizeof untouched);
    assert_refused(LEASELOCK_EXHAUSTED, suite_engine->obtain(connection, claims, 2, call(), outcomes));
    assert_memory_equal(outcomes, untouched, sizeof outcomes);
    assert_string_equal(snapshot(), before);
    assert_kind(BUSY, obtain_one(claim_of("held", "d", 4)));
    assert_kind(GRANTED, obtain_one(held));
    assert_kind(RENEWED, renew_one(held));
    assert_kind(RELEASED, release_one(held));
}

int run_engine_floor(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(the_floor_only_raises),
        ENGINE_TEST(every_new_sequence_is_above_the_floor_and_above_the_last),
        ENGINE_TEST(holders_stay_current),
        ENGINE_TEST(the_floor_stays_when_all_connections_are_gone),
        ENGINE_TEST(the_highest_floor_can_be_granted_above),
        ENGINE_TEST(numbers_that_run_out_are_an_error_that_touches_nothing),
    };
    return cmocka_run_group_tests_name("engine: floor", tests, NULL, NULL);
}
