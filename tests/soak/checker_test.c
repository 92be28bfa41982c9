/* The checker finds every kind of violation that is planted, and none in a history that has none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak/checker.h"
#include "support/check.h"

enum { TTL_MS = 100, MS = 1000 };

static soak_checker *it;
static char *told;
static size_t told_size;
static FILE *out;

static int setup(void **state)
{
    (void)state;
    out = open_memstream(&told, &told_size);
    it = checker_new(out);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    checker_free(it);
    fclose(out);
    free(told);
    return 0;
}

static void feed(diary_event event)
{
    event.ttl_ms = TTL_MS;
    checker_feed(it, &event);
}

static void granted(int lane, int64_t before_us, int64_t after_us, int64_t sequence)
{
    feed((diary_event){.kind = OBTAIN_NO_WAIT, .lane = (uint8_t)lane, .before_us = before_us, .after_us = after_us,
                         .sequence = sequence});
}

static void answered(diary_kind kind, int lane, int64_t before_us, int64_t after_us, int64_t sequence, int status,
                     int64_t holder)
{
    feed((diary_event){.kind = (uint8_t)kind, .lane = (uint8_t)lane, .before_us = before_us, .after_us = after_us,
                         .sequence = sequence, .status = status, .holder = holder, .valid = status == LEASELOCK_BUSY});
}

static void released(int lane, int64_t before_us, int64_t after_us, int64_t sequence, int status, bool ours)
{
    feed((diary_event){.kind = RELEASE, .lane = (uint8_t)lane, .before_us = before_us, .after_us = after_us,
                         .sequence = sequence, .status = status, .valid = ours});
}

static void looked(int lane, int64_t us, int64_t sequence, bool valid, bool expired)
{
    feed((diary_event){.kind = LOOK, .lane = (uint8_t)lane, .before_us = us, .after_us = us + 1,
                         .sequence = sequence, .valid = valid, .expired = expired});
}

/* All was fed: nothing is wrong, or exactly this. */
static void verdict(const char *expected)
{
    checker_settle(it, INT64_MAX);
    fflush(out);
    assert_int_equal(checker_violations(it), expected ? 1 : 0);
    if (expected && !strstr(told, expected))
        fail_msg("\"%s\" is not in: %s", expected, told);
}

/* One to lane 0, which runs out, and one to lane 1. */
static void two_grants(void)
{
    granted(0, 10 * MS, 20 * MS, 1);
    granted(1, 200 * MS, 210 * MS, 2);
}

TEST(a_clean_diary_passes)
{
    granted(0, 10 * MS, 20 * MS, 1);
    looked(0, 21 * MS, 1, true, false);
    answered(RENEW, 0, 60 * MS, 70 * MS, 1, LEASELOCK_OK, 0);
    answered(OBTAIN_NO_WAIT, 1, 100 * MS, 101 * MS, 0, LEASELOCK_BUSY, 1);
    looked(0, 150 * MS, 1, true, false);
    looked(0, 161 * MS, 1, false, true);
    granted(1, 165 * MS, 170 * MS, 2);
    answered(RENEW, 0, 171 * MS, 172 * MS, 1, LEASELOCK_LOST, 2);
    released(0, 173 * MS, 174 * MS, 1, LEASELOCK_OK, false);
    released(1, 175 * MS, 180 * MS, 2, LEASELOCK_OK, true);
    released(1, 181 * MS, 182 * MS, 2, LEASELOCK_OK, true);
    answered(RENEW, 0, 183 * MS, 184 * MS, 2, LEASELOCK_LOST, 2);
    granted(0, 178 * MS, 190 * MS, 7);
    checker_settle(it, 191 * MS);
    verdict(NULL);
    assert_int_equal(checker_grants(it), 3);
}

TEST(a_sequence_is_granted_twice)
{
    granted(0, 10 * MS, 20 * MS, 1);
    released(0, 21 * MS, 22 * MS, 1, LEASELOCK_OK, true);
    granted(1, 15 * MS, 30 * MS, 1);
    verdict("was granted twice");
}

TEST(a_later_grant_has_a_smaller_number)
{
    granted(0, 10 * MS, 20 * MS, 2);
    released(0, 21 * MS, 22 * MS, 2, LEASELOCK_OK, true);
    granted(1, 23 * MS, 30 * MS, 1);
    verdict("was granted after a later grant");
}

TEST(grants_at_the_same_time_may_come_in_any_order)
{
    granted(0, 10 * MS, 30 * MS, 2);
    granted(1, 15 * MS, 29 * MS, 1);
    released(1, 16 * MS, 31 * MS, 1, DIARY_KILLED, false);
    verdict(NULL);
}

TEST(two_hold_at_once)
{
    granted(0, 10 * MS, 20 * MS, 1);
    granted(1, 60 * MS, 70 * MS, 2);
    verdict("was held when another was granted");
}

TEST(a_renewal_counts_for_the_deadline)
{
    two_grants();
    answered(RENEW, 0, 100 * MS + 999, 101 * MS, 1, LEASELOCK_OK, 0); /* held until 200 ms of the engine's clock */
    verdict(NULL);
}

TEST(a_renewal_is_overrun)
{
    two_grants();
    answered(RESUME, 2, 120 * MS, 121 * MS, 1, LEASELOCK_OK, 0);
    verdict("was held when another was granted");
}

TEST(a_release_of_unknown_outcome_explains_the_next_grant)
{
    granted(0, 10 * MS, 20 * MS, 1);
    granted(1, 60 * MS, 70 * MS, 2);
    released(0, 65 * MS, 80 * MS, 1, DIARY_KILLED, false);
    verdict(NULL);
}

TEST(a_release_that_came_later_explains_nothing)
{
    granted(0, 10 * MS, 20 * MS, 1);
    granted(1, 60 * MS, 70 * MS, 2);
    released(0, 71 * MS, 80 * MS, 1, LEASELOCK_UNAVAILABLE, false);
    verdict("was held when another was granted");
}

TEST(a_release_that_was_denied_explains_nothing)
{
    granted(0, 10 * MS, 20 * MS, 1);
    granted(1, 60 * MS, 70 * MS, 2);
    released(0, 50 * MS, 80 * MS, 1, LEASELOCK_OK, false);
    verdict("was held when another was granted");
}

TEST(a_lease_is_valid_after_a_later_grant)
{
    two_grants();
    looked(0, 209 * MS, 1, true, false);
    looked(0, 211 * MS, 1, true, false);
    verdict("was seen valid after a later grant, by 1000 us");
}

TEST(a_released_lease_is_valid_after_a_later_grant)
{
    granted(0, 10 * MS, 20 * MS, 1);
    released(0, 30 * MS, 31 * MS, 1, LEASELOCK_OK, true);
    granted(1, 40 * MS, 50 * MS, 2);
    looked(2, 51 * MS, 1, true, false);
    verdict("was seen valid after a later grant");
}

TEST(one_that_another_handle_released_may_look_valid_for_its_ttl)
{
    granted(0, 10 * MS, 20 * MS, 1);
    answered(RESUME, 2, 21 * MS, 22 * MS, 1, LEASELOCK_OK, 0);
    released(0, 30 * MS, 31 * MS, 1, LEASELOCK_OK, true);
    granted(1, 40 * MS, 50 * MS, 2);
    checker_settle(it, 51 * MS);
    looked(2, 51 * MS, 1, true, false);
    checker_settle(it, 52 * MS);
    assert_int_equal(checker_violations(it), 0);
    checker_settle(it, 20000 * MS);
    looked(2, 20000 * MS, 1, true, false);
    verdict("was seen valid after a later grant");
}

TEST(a_shared_one_that_nobody_released_may_not)
{
    two_grants();
    answered(RESUME, 2, 21 * MS, 22 * MS, 1, LEASELOCK_OK, 0);
    looked(2, 211 * MS, 1, true, false);
    verdict("was seen valid after a later grant");
}

TEST(a_lease_is_renewed_after_a_later_grant)
{
    two_grants();
    released(0, 30 * MS, 31 * MS, 1, DIARY_KILLED, false);
    answered(RENEW, 0, 211 * MS, 212 * MS, 1, LEASELOCK_OK, 0);
    verdict("was renewed after a later grant");
}

TEST(a_release_claims_what_was_taken_over)
{
    two_grants();
    released(0, 211 * MS, 212 * MS, 1, LEASELOCK_OK, true);
    verdict("as the holder's own after a later grant");
}

TEST(busy_tells_of_a_holder_of_the_past)
{
    two_grants();
    answered(OBTAIN_WAIT, 2, 220 * MS, 221 * MS, 0, LEASELOCK_BUSY, 1);
    verdict("was called held after a later grant");
}

TEST(a_list_tells_of_a_holder_of_the_past)
{
    two_grants();
    answered(LISTED, 2, 220 * MS, 221 * MS, 1, LEASELOCK_OK, 0);
    verdict("was called the latest after a later grant");
}

TEST(what_comes_after_the_judgement_is_found_too)
{
    two_grants();
    checker_settle(it, 300 * MS);
    looked(0, 301 * MS, 1, true, false);
    verdict("was seen valid after a later grant");
}

TEST(nothing_is_judged_before_all_is_known)
{
    granted(0, 10 * MS, 20 * MS, 1);
    granted(1, 60 * MS, 70 * MS, 2);
    checker_settle(it, 65 * MS);
    released(0, 65 * MS, 80 * MS, 1, LEASELOCK_OK, true);
    verdict(NULL);
}

TEST(lost_to_nobody)
{
    granted(0, 10 * MS, 20 * MS, 1);
    answered(RENEW, 0, 30 * MS, 31 * MS, 1, LEASELOCK_LOST, 1);
    verdict("was called lost");
}

TEST(lost_by_a_release)
{
    granted(0, 10 * MS, 20 * MS, 1);
    answered(RENEW, 0, 30 * MS, 35 * MS, 1, LEASELOCK_LOST, 1);
    released(1, 32 * MS, 40 * MS, 1, LEASELOCK_OK, true);
    verdict(NULL);
}

TEST(valid_after_its_release)
{
    granted(0, 10 * MS, 20 * MS, 1);
    released(0, 30 * MS, 31 * MS, 1, LEASELOCK_UNAVAILABLE, false);
    looked(0, 32 * MS, 1, true, false);
    verdict("was seen valid after its release");
}

static void a_release_that_was_answered(void)
{
    granted(0, 10 * MS, 20 * MS, 1);
    released(0, 30 * MS, 31 * MS, 1, LEASELOCK_OK, true);
}

TEST(renewed_after_its_release)
{
    a_release_that_was_answered();
    answered(RESUME, 1, 32 * MS, 33 * MS, 1, LEASELOCK_OK, 0);
    verdict("was renewed after its release, by 1000 us");
}

TEST(busy_after_its_release)
{
    a_release_that_was_answered();
    answered(OBTAIN_NO_WAIT, 1, 32 * MS, 33 * MS, 0, LEASELOCK_BUSY, 1);
    verdict("was called held after its release");
}

TEST(busy_with_nothing_left_names_the_last_holder)
{
    a_release_that_was_answered();
    feed((diary_event){.kind = OBTAIN_NO_WAIT, .lane = 1, .before_us = 32 * MS, .after_us = 33 * MS,
                       .status = LEASELOCK_BUSY, .holder = 1});
    verdict(NULL);
}

TEST(listed_after_its_release)
{
    a_release_that_was_answered();
    answered(LISTED, 1, 32 * MS, 33 * MS, 1, LEASELOCK_OK, 0);
    verdict(NULL);
}

TEST(listed_as_held_after_its_release)
{
    a_release_that_was_answered();
    feed((diary_event){.kind = LISTED, .before_us = 32 * MS, .after_us = 33 * MS, .sequence = 1, .valid = true});
    verdict("was called held after its release");
}

TEST(a_keeper_is_seen)
{
    granted(0, 10 * MS, 20 * MS, 1);
    looked(0, 119 * MS, 1, true, false);
    assert_int_equal(checker_kept(it), 0);
    looked(0, 121 * MS, 1, true, false);
    looked(0, 122 * MS, 1, true, false);
    assert_int_equal(checker_kept(it), 1);
    verdict(NULL);
}

TEST(revived_by_the_keeper)
{
    granted(0, 10 * MS, 20 * MS, 1);
    looked(0, 120 * MS, 1, false, true);
    looked(0, 130 * MS, 1, true, false);
    verdict("was seen valid after it had expired");
}

TEST(revived_by_a_renewal)
{
    granted(0, 10 * MS, 20 * MS, 1);
    looked(0, 120 * MS, 1, false, true);
    answered(RENEW, 0, 125 * MS, 126 * MS, 1, LEASELOCK_OK, 0);
    looked(0, 130 * MS, 1, true, false);
    verdict(NULL);
}

TEST(a_number_below_the_floor)
{
    answered(RAISE_FLOOR, 0, 1 * MS, 2 * MS, 50, LEASELOCK_OK, 0);
    answered(RAISE_FLOOR, 0, 3 * MS, 4 * MS, 40, LEASELOCK_OK, 0);
    granted(1, 1 * MS, 3 * MS, 8); /* may have come before */
    released(1, 3 * MS, 4 * MS, 8, LEASELOCK_OK, true);
    granted(2, 10 * MS, 11 * MS, 50);
    verdict("is not above the floor");
}

TEST(an_answer_that_nobody_should_get)
{
    answered(LIST, 3, 1 * MS, 2 * MS, 0, LEASELOCK_CORRUPT, 0);
    verdict("list in lane 3 was answered CORRUPT");
}

TEST(grants_of_killed_workers_leave_gaps)
{
    granted(0, 10 * MS, 20 * MS, 1);
    released(0, 21 * MS, 22 * MS, 1, LEASELOCK_OK, true);
    answered(OBTAIN_NO_WAIT, 1, 23 * MS, 24 * MS, 0, DIARY_KILLED, 0);
    answered(OBTAIN_NO_WAIT, 0, 25 * MS, 26 * MS, 0, LEASELOCK_BUSY, 2);
    granted(0, 200 * MS, 201 * MS, 3);
    answered(OBTAIN_NO_WAIT, 1, 202 * MS, 203 * MS, 0, LEASELOCK_BUSY, 3);
    verdict(NULL);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(a_clean_diary_passes),
        A_TEST(a_sequence_is_granted_twice),
        A_TEST(a_later_grant_has_a_smaller_number),
        A_TEST(grants_at_the_same_time_may_come_in_any_order),
        A_TEST(two_hold_at_once),
        A_TEST(a_renewal_counts_for_the_deadline),
        A_TEST(a_renewal_is_overrun),
        A_TEST(a_release_of_unknown_outcome_explains_the_next_grant),
        A_TEST(a_release_that_came_later_explains_nothing),
        A_TEST(a_release_that_was_denied_explains_nothing),
        A_TEST(a_lease_is_valid_after_a_later_grant),
        A_TEST(a_released_lease_is_valid_after_a_later_grant),
        A_TEST(one_that_another_handle_released_may_look_valid_for_its_ttl),
        A_TEST(a_shared_one_that_nobody_released_may_not),
        A_TEST(a_lease_is_renewed_after_a_later_grant),
        A_TEST(a_release_claims_what_was_taken_over),
        A_TEST(busy_tells_of_a_holder_of_the_past),
        A_TEST(a_list_tells_of_a_holder_of_the_past),
        A_TEST(what_comes_after_the_judgement_is_found_too),
        A_TEST(nothing_is_judged_before_all_is_known),
        A_TEST(lost_to_nobody),
        A_TEST(lost_by_a_release),
        A_TEST(valid_after_its_release),
        A_TEST(renewed_after_its_release),
        A_TEST(busy_after_its_release),
        A_TEST(busy_with_nothing_left_names_the_last_holder),
        A_TEST(listed_after_its_release),
        A_TEST(listed_as_held_after_its_release),
        A_TEST(a_keeper_is_seen),
        A_TEST(revived_by_the_keeper),
        A_TEST(revived_by_a_renewal),
        A_TEST(a_number_below_the_floor),
        A_TEST(an_answer_that_nobody_should_get),
        A_TEST(grants_of_killed_workers_leave_gaps),
    };
    return cmocka_run_group_tests_name("soak_checker", tests, NULL, NULL);
}
