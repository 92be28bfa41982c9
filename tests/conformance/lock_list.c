/* Listing through the API, and the floor. */
#include <string.h>

#include "conformance/conformance.h"

static leaselock_listing *list(const char *of, bool all)
{
    const leaselock_list_options options = {sizeof options, of, all};
    leaselock_listing *listing = NULL;
    assert_ok(leaselock_lock_list(lock, &options, &listing));
    return listing;
}

/* Where the resource stands in the listing; count when it does not. */
static size_t find(const leaselock_listing *listing, const char *name)
{
    const char *own = resource(name);
    size_t index = 0, count = leaselock_listing_count(listing);
    while (index < count && strcmp(leaselock_listing_resource(listing, index), own) != 0)
        index++;
    return index;
}

static bool is_listed(const leaselock_listing *listing, const char *name)
{
    return find(listing, name) < leaselock_listing_count(listing);
}

/* One of each: "held", "expired", "released". */
static void make_one_of_each(void)
{
    leaselock_lease *expired = obtain_now(lock, "expired", "first", TTL_MS);
    leaselock_lease *released = obtain_now(lock, "released", "second", TTL_MS);
    assert_ok(leaselock_lock_release(lock, released, NULL));
    pass_time(TTL_MS);
    leaselock_lease *held = obtain_now(lock, "held", "third", 10000);
    pass_time(1000);
    leaselock_lease_free(expired);
    leaselock_lease_free(released);
    leaselock_lease_free(held);
}

TEST(what_is_held_is_listed_and_with_all_the_rest_too)
{
    leaselock_listing *listing = NULL;
    make_one_of_each();
    assert_ok(leaselock_lock_list(lock, NULL, &listing));
    assert_true(is_listed(listing, "held"));
    assert_false(is_listed(listing, "expired"));
    assert_false(is_listed(listing, "released"));
    leaselock_listing_free(listing);
    listing = list(NULL, true);
    assert_true(is_listed(listing, "held") && is_listed(listing, "expired") && is_listed(listing, "released"));
    leaselock_listing_free(listing);
}

TEST(an_entry_tells_what_was_known_when_it_was_listed)
{
    make_one_of_each();
    leaselock_listing *listing = list(NULL, true);
    size_t held = find(listing, "held"), expired = find(listing, "expired"), released = find(listing, "released");
    assert_string_equal(leaselock_listing_client(listing, held), "third");
    assert_true(leaselock_listing_sequence(listing, held) >= 1);
    assert_int_equal(leaselock_listing_ttl(listing, held), 10000);
    assert_about(leaselock_listing_remaining(listing, held), 9000);
    assert_true(leaselock_listing_expiry(listing, held) > leaselock_listing_expiry(listing, expired));
    assert_int_equal(leaselock_listing_state(listing, held), LEASELOCK_STATE_HELD);
    assert_int_equal(leaselock_listing_state(listing, expired), LEASELOCK_STATE_EXPIRED);
    assert_int_equal(leaselock_listing_remaining(listing, expired), 0);
    assert_string_equal(leaselock_listing_client(listing, expired), "first");
    assert_int_equal(leaselock_listing_state(listing, released), LEASELOCK_STATE_RELEASED);
    assert_int_equal(leaselock_listing_remaining(listing, released), 0);
    assert_string_equal(leaselock_listing_client(listing, released), "second");
    pass_time(1000); /* a snapshot stays as it was */
    assert_about(leaselock_listing_remaining(listing, held), 9000);
    leaselock_listing_free(listing);
}

TEST(one_resource_is_listed_held_or_not)
{
    make_one_of_each();
    static const char *const names[] = {"held", "expired", "released"};
    for (int i = 0; i < 3; i++) {
        leaselock_listing *listing = list(resource(names[i]), false);
        assert_int_equal(leaselock_listing_count(listing), 1);
        assert_string_equal(leaselock_listing_resource(listing, 0), resource(names[i]));
        leaselock_listing_free(listing);
    }
    leaselock_listing *none = list(resource("never"), true);
    assert_int_equal(leaselock_listing_count(none), 0);
    leaselock_listing_free(none);
}

TEST(a_listing_is_sorted_in_byte_order)
{
    static const char *const names[] = {"b", "a", "B", "\xc3\xa4", "aa", " "};
    for (int i = 0; i < 6; i++)
        leaselock_lease_free(obtain_now(lock, names[i], NULL, 0));
    leaselock_listing *listing = list(NULL, true);
    size_t count = leaselock_listing_count(listing);
    assert_true(count >= 6);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(leaselock_listing_resource(listing, i - 1), leaselock_listing_resource(listing, i)) < 0);
    leaselock_listing_free(listing);
}

TEST(beyond_the_end_is_nothing)
{
    leaselock_listing *listing = list(resource("never"), true);
    static const size_t beyond[] = {0, 1, SIZE_MAX};
    for (int i = 0; i < 6; i++) {
        const leaselock_listing *of = i < 3 ? listing : NULL;
        size_t index = beyond[i % 3];
        assert_null(leaselock_listing_resource(of, index));
        assert_null(leaselock_listing_client(of, index));
        assert_int_equal(leaselock_listing_sequence(of, index), 0);
        assert_int_equal(leaselock_listing_ttl(of, index), 0);
        assert_int_equal(leaselock_listing_remaining(of, index), 0);
        assert_int_equal(leaselock_listing_expiry(of, index), 0);
        assert_int_equal(leaselock_listing_state(of, index), 0);
    }
    assert_int_equal(leaselock_listing_count(NULL), 0);
    leaselock_listing_free(listing);
    leaselock_listing_free(NULL);
}

TEST(a_listing_outlives_its_lock)
{
    leaselock_lock *own = open_lock();
    leaselock_lease_free(obtain_now(own, "a", "c", 0));
    leaselock_listing *listing = NULL;
    assert_ok(leaselock_lock_list(own, NULL, &listing));
    close_lock(own);
    assert_string_equal(leaselock_listing_client(listing, find(listing, "a")), "c");
    leaselock_listing_free(listing);
}

TEST(a_raised_floor_is_below_every_later_sequence_and_holders_stay)
{
    leaselock_lease *held = obtain_now(lock, "a", NULL, 0);
    int64_t floor = 0, again = 0;
    assert_ok(leaselock_lock_raise_floor(lock, 0, &floor));
    assert_ok(leaselock_lock_raise_floor(lock, floor + 10, &again));
    assert_int_equal(again, floor + 10);
    assert_ok(leaselock_lock_raise_floor(lock, 1, &again)); /* it only raises */
    assert_int_equal(again, floor + 10);
    assert_ok(leaselock_lock_raise_floor(lock, floor + 11, NULL));
    leaselock_lease *next = obtain_now(lock, "b", NULL, 0);
    assert_int_equal(leaselock_lease_sequence(next), floor + 12);
    assert_ok(leaselock_lock_renew(lock, held));
    release_now(held);
    release_now(next);
}

/* Many times, for what an engine rounds is soon over. */
TEST(what_is_listed_as_expired_can_be_had_at_once)
{
    const leaselock_list_options options = {sizeof options, resource("a"), true};
    for (int i = 0; i < 10; i++) {
        leaselock_lease *lease = obtain_now(lock, "a", "first", LEASELOCK_TTL_MIN_MS);
        for (leaselock_state state = LEASELOCK_STATE_HELD; state != LEASELOCK_STATE_EXPIRED;) {
            leaselock_listing *listing;
            assert_ok(leaselock_lock_list(lock, &options, &listing));
            state = leaselock_listing_state(listing, 0);
            leaselock_listing_free(listing);
        }
        release_now(obtain_now(lock, "a", "second", 0));
        leaselock_lease_free(lease);
    }
}

int run_lock_list(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(what_is_held_is_listed_and_with_all_the_rest_too),
        LOCK_TEST(an_entry_tells_what_was_known_when_it_was_listed),
        LOCK_TEST(one_resource_is_listed_held_or_not),
        LOCK_TEST(a_listing_is_sorted_in_byte_order),
        LOCK_TEST(beyond_the_end_is_nothing),
        LOCK_TEST(a_listing_outlives_its_lock),
        REAL_TIME_TEST(what_is_listed_as_expired_can_be_had_at_once),
        LOCK_TEST(a_raised_floor_is_below_every_later_sequence_and_holders_stay),
    };
    return cmocka_run_group_tests_name("lock: listing", tests, NULL, NULL);
}
