/* The checker of histories must be able to fail: a history of each kind of wrong. */
#include "support/history.h"

#include <string.h>

#include "support/check.h"

static history book;
static char why[256];

static int empty_book(void **state)
{
    (void)state;
    memset(&book, 0, sizeof book);
    why[0] = '\0';
    return 0;
}

static void add(int resource, int holder, int64_t sequence, int64_t from_us, int64_t to_us)
{
    atomic_store(&history_begin(&book, resource, holder, sequence, from_us)->to_us, to_us);
}

static void assert_wrong(const char *word)
{
    assert_false(history_check(&book, why, sizeof why));
    assert_non_null(strstr(why, word));
}

TEST(a_good_history_passes_in_whatever_order_it_was_written)
{
    assert_true(history_check(&book, why, sizeof why));
    add(0, 2, 7, 500, 600);
    add(0, 1, 1, 100, 200);
    add(1, 3, 1, 150, 550); /* another resource: at the same time, with the same sequence */
    add(0, 1, 2, 200, 201); /* in the microsecond in which the one before ended */
    assert_true(history_check(&book, why, sizeof why));
    assert_int_equal(history_turns(&book, 1), 2);
    assert_int_equal(history_turns(&book, 3), 1);
    assert_int_equal(history_turns(&book, 4), 0);
}

TEST(two_holders_at_one_instant_are_found)
{
    add(0, 1, 1, 100, 200);
    add(0, 2, 2, 199, 300);
    assert_wrong("until 200");
}

TEST(one_holder_inside_another_is_found)
{
    add(0, 1, 1, 100, 900);
    add(0, 2, 2, 300, 400);
    assert_wrong("until 900");
}

TEST(a_sequence_that_comes_twice_is_found)
{
    add(0, 1, 5, 100, 200);
    add(0, 2, 5, 300, 400);
    assert_wrong("sequence 5 was granted to");
}

TEST(a_sequence_that_falls_is_found)
{
    add(0, 1, 5, 100, 200);
    add(0, 2, 4, 300, 400);
    assert_wrong("held 5 from 100");
}

TEST(a_sequence_below_1_and_a_time_that_runs_backwards_are_found)
{
    add(0, 1, 0, 100, 200);
    assert_wrong("sequence 0");
    empty_book(NULL);
    add(0, 1, 1, 200, 100);
    assert_wrong("from 200 to 100");
}

TEST(an_entry_that_was_never_finished_does_not_count)
{
    add(0, 1, 1, 100, 200);
    add(0, 2, 2, 0, 0);
    assert_true(history_check(&book, why, sizeof why));
}

TEST(a_full_book_is_no_good_history)
{
    for (int i = 0; i < HISTORY_MAX; i++)
        assert_non_null(history_begin(&book, i, 1, 1, 1));
    assert_true(history_check(&book, why, sizeof why));
    assert_null(history_begin(&book, HISTORY_MAX, 1, 1, 1));
    assert_wrong("full");
}

TEST(what_is_known_of_an_end_only_grows)
{
    add(0, 1, 1, 100, 200);
    history_held_until(&book.entries[0], 300);
    history_held_until(&book.entries[0], 250);
    assert_int_equal(atomic_load(&book.entries[0].to_us), 300);
}

int main(void)
{
#define HISTORY_TEST(name) cmocka_unit_test_setup(name, empty_book)
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(a_good_history_passes_in_whatever_order_it_was_written),
        HISTORY_TEST(two_holders_at_one_instant_are_found),
        HISTORY_TEST(one_holder_inside_another_is_found),
        HISTORY_TEST(a_sequence_that_comes_twice_is_found),
        HISTORY_TEST(a_sequence_that_falls_is_found),
        HISTORY_TEST(a_sequence_below_1_and_a_time_that_runs_backwards_are_found),
        HISTORY_TEST(an_entry_that_was_never_finished_does_not_count),
        HISTORY_TEST(a_full_book_is_no_good_history),
        HISTORY_TEST(what_is_known_of_an_end_only_grows),
    };
#undef HISTORY_TEST
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
