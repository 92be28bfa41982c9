/* Listing and the floor, while the engine is out of reach for a moment. */
#include "leaselock/lock.h"
#include "support/fake_lock.h"
#include "util/clock.h"

static leaselock_lock *lock;

static int setup(void **state)
{
    fake_setup(state);
    lock = fake_lock_open(0, 1000);
    return 0;
}

static int teardown(void **state)
{
    end_lock(lock);
    return fake_teardown(state);
}

static const fake_fault refused = {.refused = LEASELOCK_UNAVAILABLE}, cut = {.lost_reply = LEASELOCK_UNAVAILABLE};

TEST(a_listing_that_was_cut_is_read_again_from_its_beginning)
{
    leaselock_listing *listing = NULL;
    leaselock_lease *first = obtain_now(lock, "a", NULL, 0), *second = obtain_now(lock, "b", NULL, 0);
    fake_next(FAKE_LIST, refused);
    fake_next(FAKE_LIST, cut);
    assert_ok(leaselock_lock_list(lock, NULL, &listing));
    assert_int_equal(fake_calls(FAKE_LIST), 3);
    assert_int_equal(leaselock_listing_count(listing), 2);
    assert_string_equal(leaselock_listing_resource(listing, 0), "a");
    assert_string_equal(leaselock_listing_resource(listing, 1), "b");
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_OK);
    leaselock_listing_free(listing);
    release_now(first);
    release_now(second);
}

TEST(a_floor_whose_answer_was_lost_is_raised_again)
{
    int64_t floor = 0;
    fake_next(FAKE_RAISE_FLOOR, refused);
    fake_next(FAKE_RAISE_FLOOR, cut);
    assert_ok(leaselock_lock_raise_floor(lock, 70, &floor));
    assert_int_equal(fake_calls(FAKE_RAISE_FLOOR), 3);
    assert_int_equal(floor, 70);
}

TEST(an_engine_out_of_reach_is_unavailable_when_the_operations_time_is_over)
{
    leaselock_listing *listing = NULL;
    int64_t floor = -1, start_ms = ll_clock_boot();
    fake_always(FAKE_LIST, refused);
    fake_always(FAKE_RAISE_FLOOR, refused);
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_list(lock, NULL, &listing));
    assert_in_range(ll_clock_boot() - start_ms, 400, 1000);
    assert_null(listing);
    start_ms = ll_clock_boot();
    assert_refused(LEASELOCK_UNAVAILABLE, leaselock_lock_raise_floor(lock, 70, &floor));
    assert_in_range(ll_clock_boot() - start_ms, 400, 1000);
    assert_int_equal(floor, -1);
}

int main(void)
{
#define ON_FAKE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_FAKE(a_listing_that_was_cut_is_read_again_from_its_beginning),
        ON_FAKE(a_floor_whose_answer_was_lost_is_raised_again),
        ON_FAKE(an_engine_out_of_reach_is_unavailable_when_the_operations_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
