/* The arithmetic of backoffs, exactly, and the rules of a user's own. */
#include "core/backoff.h"

#include <math.h>
#include <string.h>

#include "support/check.h"

static void assert_pauses(leaselock_backoff *backoff, const int64_t *pauses, size_t count)
{
    int64_t delay, given;
    for (size_t i = 0; i < count; i++) {
        assert_ok(leaselock_backoff_attempts(backoff, &given));
        assert_int_equal(given, (int64_t)i);
        assert_ok(leaselock_backoff_next(backoff, &delay));
        assert_int_equal(delay, pauses[i]);
    }
    for (int i = 0; i < 2; i++) { /* the end stays the end */
        assert_ok(leaselock_backoff_next(backoff, &delay));
        assert_int_equal(delay, LEASELOCK_BACKOFF_END);
        assert_ok(leaselock_backoff_attempts(backoff, &given));
        assert_int_equal(given, (int64_t)count);
    }
}

static void assert_exponential(int64_t attempts, int64_t initial_ms, double multiplier, const int64_t *pauses)
{
    leaselock_backoff *backoff;
    assert_ok(leaselock_backoff_new_exponential(attempts, initial_ms, multiplier, &backoff));
    assert_pauses(backoff, pauses, (size_t)attempts);
    leaselock_backoff_free(backoff);
}

TEST(the_default_pauses_1_s_then_1_5_then_2_25_and_no_more)
{
    leaselock_backoff *backoff;
    int64_t most;
    assert_ok(leaselock_backoff_new_default(&backoff));
    assert_ok(leaselock_backoff_max_attempts(backoff, &most));
    assert_int_equal(most, 3);
    assert_pauses(backoff, (const int64_t[]){1000, 1500, 2250}, 3);
    leaselock_backoff_free(backoff);
}

TEST(start_goes_back_to_the_beginning)
{
    leaselock_backoff *backoff;
    int64_t delay;
    assert_ok(leaselock_backoff_new_default(&backoff));
    assert_ok(leaselock_backoff_next(backoff, &delay));
    assert_ok(leaselock_backoff_next(backoff, &delay));
    assert_ok(leaselock_backoff_start(backoff));
    assert_pauses(backoff, (const int64_t[]){1000, 1500, 2250}, 3);
    assert_ok(leaselock_backoff_start(backoff));
    assert_pauses(backoff, (const int64_t[]){1000, 1500, 2250}, 3);
    leaselock_backoff_free(backoff);
}

TEST(none_never_pauses)
{
    leaselock_backoff *backoff;
    assert_ok(leaselock_backoff_new_none(&backoff));
    assert_pauses(backoff, NULL, 0);
    leaselock_backoff_free(backoff);
}

/* Each pause is rounded by itself, half away from zero: the fractions go on into the next one. */
TEST(pauses_are_rounded_but_not_what_they_grow_from)
{
    assert_exponential(4, 1, 1.5, (const int64_t[]){1, 2, 2, 3});                 /* 1, 1.5, 2.25, 3.375 */
    assert_exponential(5, 3, 1.1, (const int64_t[]){3, 3, 4, 4, 4});              /* 3, 3.3, 3.63, 3.993, 4.3923 */
    assert_exponential(3, 1000, 0.5, (const int64_t[]){1000, 500, 250});
    assert_exponential(3, 5, 1.0, (const int64_t[]){5, 5, 5});
    assert_exponential(3, 0, 1.5, (const int64_t[]){0, 0, 0});
}

TEST(pauses_saturate_instead_of_overflowing)
{
    assert_exponential(3, INT64_MAX / 2, 4.0, (const int64_t[]){INT64_MAX / 2 + 1, INT64_MAX, INT64_MAX});
    assert_exponential(3, INT64_MAX, 1.0, (const int64_t[]){INT64_MAX, INT64_MAX, INT64_MAX});
    assert_exponential(4, 1, 1e300, (const int64_t[]){1, INT64_MAX, INT64_MAX, INT64_MAX});
    assert_exponential(3, 1000, 1e-300, (const int64_t[]){1000, 0, 0});
}

TEST(an_exponential_of_no_sense_is_refused)
{
    leaselock_backoff *untouched = NULL;
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(-1, 1, 1.0, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(1, -1, 1.0, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(1, 1, 0.0, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(1, 1, -1.5, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(1, 1, (double)NAN, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(1, 1, (double)INFINITY, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_exponential(1, 1, 1.0, NULL));
    assert_null(untouched);
}

/* A user's own backoff, written down: which slot fails, and what next gives. */
typedef struct own_backoff {
    const char *failing_slot;
    int64_t delay_ms;
    int started, freed;
} own_backoff;

static leaselock_status answer(own_backoff *own, const char *slot)
{
    return own->failing_slot && strcmp(own->failing_slot, slot) == 0 ? 42 : LEASELOCK_OK;
}

static leaselock_status own_start(void *payload)
{
    ((own_backoff *)payload)->started++;
    return answer(payload, "start");
}

static leaselock_status own_next(void *payload, int64_t *delay_ms)
{
    *delay_ms = ((own_backoff *)payload)->delay_ms;
    return answer(payload, "next");
}

static leaselock_status own_attempts(void *payload, int64_t *count)
{
    *count = 7;
    return answer(payload, "attempts");
}

static leaselock_status own_max_attempts(void *payload, int64_t *count)
{
    *count = 9;
    return answer(payload, "max_attempts");
}

static void own_free(void *payload)
{
    ((own_backoff *)payload)->freed++;
}

static leaselock_backoff_slots own_slots(own_backoff *own)
{
    leaselock_backoff_slots slots = {sizeof slots, own, own_start, own_next, own_attempts, own_max_attempts, own_free};
    return slots;
}

TEST(a_custom_backoff_answers_by_its_slots)
{
    own_backoff own = {.delay_ms = 11};
    leaselock_backoff_slots slots = own_slots(&own);
    leaselock_backoff *backoff;
    int64_t number;
    assert_ok(leaselock_backoff_new_custom(&slots, &backoff));
    memset(&slots, 0, sizeof slots); /* they were copied */
    assert_ok(leaselock_backoff_start(backoff));
    assert_int_equal(own.started, 1);
    assert_ok(leaselock_backoff_next(backoff, &number));
    assert_int_equal(number, 11);
    assert_ok(leaselock_backoff_attempts(backoff, &number));
    assert_int_equal(number, 7);
    assert_ok(leaselock_backoff_max_attempts(backoff, &number));
    assert_int_equal(number, 9);
    leaselock_backoff_free(backoff);
    assert_int_equal(own.freed, 1);
}

TEST(a_slot_that_fails_is_named_with_its_own_code)
{
    static const char *const names[] = {"start", "next", "attempts", "max_attempts"};
    for (size_t i = 0; i < 4; i++) {
        own_backoff own = {.failing_slot = names[i]};
        leaselock_backoff_slots slots = own_slots(&own);
        leaselock_backoff *backoff;
        int64_t untouched = -77;
        assert_ok(leaselock_backoff_new_custom(&slots, &backoff));
        assert_int_equal(leaselock_backoff_start(backoff), i == 0 ? LEASELOCK_CALLBACK : LEASELOCK_OK);
        assert_int_equal(leaselock_backoff_next(backoff, &untouched), i == 1 ? LEASELOCK_CALLBACK : LEASELOCK_OK);
        if (i == 1) {
            assert_int_equal(untouched, -77);
            assert_int_equal(leaselock_error_last()->native_code, 42);
            assert_non_null(strstr(leaselock_error_last()->message, "next"));
        }
        assert_int_equal(leaselock_backoff_attempts(backoff, &untouched), i == 2 ? LEASELOCK_CALLBACK : LEASELOCK_OK);
        assert_int_equal(leaselock_backoff_max_attempts(backoff, &untouched),
                         i == 3 ? LEASELOCK_CALLBACK : LEASELOCK_OK);
        leaselock_backoff_free(backoff);
    }
}

TEST(a_failing_slot_leaves_the_count_untouched)
{
    own_backoff own = {.failing_slot = "attempts"};
    leaselock_backoff_slots slots = own_slots(&own);
    leaselock_backoff *backoff;
    int64_t untouched = -77;
    assert_ok(leaselock_backoff_new_custom(&slots, &backoff));
    assert_refused(LEASELOCK_CALLBACK, leaselock_backoff_attempts(backoff, &untouched));
    assert_int_equal(untouched, -77);
    own.failing_slot = "max_attempts";
    assert_refused(LEASELOCK_CALLBACK, leaselock_backoff_max_attempts(backoff, &untouched));
    assert_int_equal(untouched, -77);
    leaselock_backoff_free(backoff);
}

TEST(a_negative_delay_is_the_callbacks_fault)
{
    own_backoff own = {.delay_ms = -2};
    leaselock_backoff_slots slots = own_slots(&own);
    leaselock_backoff *backoff;
    int64_t untouched = -77;
    assert_ok(leaselock_backoff_new_custom(&slots, &backoff));
    assert_refused(LEASELOCK_CALLBACK, leaselock_backoff_next(backoff, &untouched));
    assert_int_equal(untouched, -77);
    leaselock_backoff_free(backoff);
}

TEST(slots_that_are_missing_or_unsized_are_refused_and_the_payload_stays_the_callers)
{
    own_backoff own = {0};
    leaselock_backoff *untouched = NULL;
    leaselock_backoff_slots slots[6];
    for (size_t i = 0; i < 6; i++)
        slots[i] = own_slots(&own);
    slots[0].start = NULL;
    slots[1].next = NULL;
    slots[2].attempts = NULL;
    slots[3].max_attempts = NULL;
    slots[4].struct_size = 0;
    slots[5].struct_size = sizeof slots[5] - 1;
    for (size_t i = 0; i < 6; i++)
        assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_custom(&slots[i], &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_custom(NULL, &untouched));
    assert_null(untouched);
    assert_int_equal(own.freed, 0);
}

TEST(a_custom_backoff_serves_one_walk_at_a_time_and_a_built_in_one_any_number)
{
    own_backoff own = {0};
    leaselock_backoff_slots slots = own_slots(&own);
    leaselock_backoff *custom, *built_in;
    ll_backoff_walk first, second;
    int64_t delay;
    assert_ok(leaselock_backoff_new_custom(&slots, &custom));
    assert_ok(ll_backoff_walk_begin(&first, custom));
    assert_refused(LEASELOCK_INVALID, ll_backoff_walk_begin(&second, custom));
    ll_backoff_walk_end(&first);
    assert_ok(ll_backoff_walk_begin(&second, custom));
    ll_backoff_walk_end(&second);
    leaselock_backoff_free(custom);

    assert_ok(leaselock_backoff_new_default(&built_in));
    assert_ok(leaselock_backoff_next(built_in, &delay));
    assert_ok(ll_backoff_walk_begin(&first, built_in));
    assert_ok(ll_backoff_walk_begin(&second, built_in));
    assert_pauses(first.backoff, (const int64_t[]){1000, 1500, 2250}, 3);
    assert_pauses(second.backoff, (const int64_t[]){1000, 1500, 2250}, 3);
    ll_backoff_walk_end(&first);
    ll_backoff_walk_end(&second);
    assert_ok(leaselock_backoff_next(built_in, &delay));
    assert_int_equal(delay, 1500); /* the walks were copies */
    leaselock_backoff_free(built_in);
}

TEST(a_custom_backoff_whose_start_fails_can_be_walked_again)
{
    own_backoff own = {.failing_slot = "start"};
    leaselock_backoff_slots slots = own_slots(&own);
    leaselock_backoff *custom;
    ll_backoff_walk walk;
    assert_ok(leaselock_backoff_new_custom(&slots, &custom));
    assert_refused(LEASELOCK_CALLBACK, ll_backoff_walk_begin(&walk, custom));
    own.failing_slot = NULL;
    assert_ok(ll_backoff_walk_begin(&walk, custom));
    ll_backoff_walk_end(&walk);
    leaselock_backoff_free(custom);
}

TEST(null_is_refused_everywhere_and_free_takes_it)
{
    int64_t number;
    leaselock_backoff *backoff;
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_default(NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_new_none(NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_start(NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_next(NULL, &number));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_attempts(NULL, &number));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_max_attempts(NULL, &number));
    assert_ok(leaselock_backoff_new_none(&backoff));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_next(backoff, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_attempts(backoff, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_backoff_max_attempts(backoff, NULL));
    leaselock_backoff_free(backoff);
    leaselock_backoff_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_pauses_1_s_then_1_5_then_2_25_and_no_more),
        cmocka_unit_test(start_goes_back_to_the_beginning),
        cmocka_unit_test(none_never_pauses),
        cmocka_unit_test(pauses_are_rounded_but_not_what_they_grow_from),
        cmocka_unit_test(pauses_saturate_instead_of_overflowing),
        cmocka_unit_test(an_exponential_of_no_sense_is_refused),
        cmocka_unit_test(a_custom_backoff_answers_by_its_slots),
        cmocka_unit_test(a_slot_that_fails_is_named_with_its_own_code),
        cmocka_unit_test(a_failing_slot_leaves_the_count_untouched),
        cmocka_unit_test(a_negative_delay_is_the_callbacks_fault),
        cmocka_unit_test(slots_that_are_missing_or_unsized_are_refused_and_the_payload_stays_the_callers),
        cmocka_unit_test(a_custom_backoff_serves_one_walk_at_a_time_and_a_built_in_one_any_number),
        cmocka_unit_test(a_custom_backoff_whose_start_fails_can_be_walked_again),
        cmocka_unit_test(null_is_refused_everywhere_and_free_takes_it),
    };
    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
