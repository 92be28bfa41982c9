/* Lives of handles: any order of frees, close, and what still answers afterwards. */
#include <stdio.h>

#include "conformance/conformance.h"
#include "support/allocator.h"

enum { HANDLES = 3, ORDERS = 6 };

/* Frees the lock (0), the kept lease (1) and the other (2) in that order. */
static void free_in_order(const int order[HANDLES], bool close_first)
{
    leaselock_lock *own = open_lock();
    leaselock_lease *kept = obtain_now(own, "kept", NULL, 0), *other = obtain_now(own, "other", NULL, 0);
    assert_ok(leaselock_lease_keep(kept));
    assert_ok(leaselock_lock_release(own, kept, NULL));
    assert_ok(leaselock_lock_release(own, other, NULL));
    if (close_first)
        assert_ok(leaselock_lock_close(own));
    for (int i = 0; i < HANDLES; i++) {
        if (order[i] == 0)
            leaselock_lock_free(own);
        else
            leaselock_lease_free(order[i] == 1 ? kept : other);
    }
}

TEST(handles_are_freed_in_any_order_and_nothing_is_left)
{
    static const int orders[ORDERS][HANDLES] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    free_in_order(orders[0], true); /* what the engine remembers for ever, it remembers now */
    size_t before = allocator_alive();
    for (int i = 0; i < 2 * ORDERS; i++) {
        free_in_order(orders[i % ORDERS], i >= ORDERS);
        assert_eventually(allocator_alive() <= before); /* a keeper frees itself in its own time, the first one too */
    }
}

TEST(nothing_is_freed_as_nothing)
{
    leaselock_lock_free(NULL);
    leaselock_lease_free(NULL);
    leaselock_listing_free(NULL);
    leaselock_backoff_free(NULL);
}

TEST(a_lease_keeps_its_lock_alive)
{
    leaselock_lock *own = open_lock();
    leaselock_lease *lease = obtain_now(own, "a", "c", TTL_MS);
    leaselock_lock_free(own);
    assert_ok(leaselock_lock_renew(leaselock_lease_lock(lease), lease));
    assert_non_null(leaselock_lock_client(leaselock_lease_lock(lease)));
    assert_true(leaselock_lease_valid(lease));
    release_now(lease);
}

static void assert_closed(leaselock_lock *own, leaselock_lease *lease)
{
    leaselock_lease *untouched = NULL;
    leaselock_listing *listing = NULL;
    leaselock_state state = -77;
    leaselock_backoff *backoff;
    int64_t floor = -77;
    bool was_ours = true;
    assert_ok(leaselock_backoff_new_none(&backoff));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_obtain(own, resource("a"), NULL, NULL, &untouched));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_obtain_with_no_wait(own, resource("a"), NULL, NULL, &untouched));
    assert_refused(LEASELOCK_CLOSED,
                   leaselock_lock_obtain_with_backoff(own, resource("a"), NULL, backoff, NULL, &untouched));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_resume(own, resource("a"), NULL, 1, acquisition(1), &untouched));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_renew(own, lease));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_release(own, lease, &was_ours));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_list(own, NULL, &listing));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_raise_floor(own, 1, &floor));
    assert_refused(LEASELOCK_CLOSED, leaselock_lock_interrupt(own));
    assert_refused(LEASELOCK_CLOSED, leaselock_lease_keep(lease));
    assert_refused(LEASELOCK_CLOSED, leaselock_lease_wait(lease, 0, &state));
    assert_true(!untouched && !listing && state == -77 && floor == -77 && was_ours);
    leaselock_backoff_free(backoff);
}

TEST(a_closed_lock_says_so_and_closing_again_is_fine)
{
    leaselock_lock *own = open_lock();
    leaselock_lease *lease = obtain_now(own, "a", "c", 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(leaselock_lock_close(own));
        assert_int_equal(leaselock_error_last()->code, LEASELOCK_OK);
        assert_closed(own, lease);
    }
    leaselock_lease_free(lease);
    leaselock_lock_free(own);
}

/* Close releases nothing: the holder has what it was promised, and others wait for it. */
TEST(what_was_held_at_the_close_is_held_until_its_ttl)
{
    leaselock_lock *own = open_lock();
    leaselock_lease *lease = obtain_now(own, "a", "c", TTL_MS), *untouched = NULL;
    assert_ok(leaselock_lock_close(own));
    assert_true(leaselock_lease_valid(lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_string_equal(leaselock_lease_client(lease), "c");
    assert_status(LEASELOCK_BUSY, leaselock_lock_obtain_with_no_wait(lock, resource("a"), NULL, NULL, &untouched));
    pass_time(TTL_MS);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_EXPIRED);
    release_now(obtain_now(lock, "a", NULL, 0));
    leaselock_lease_free(lease);
    leaselock_lock_free(own);
}

TEST(a_dropped_lease_is_not_released)
{
    leaselock_lease *lease = obtain_now(lock, "a", NULL, TTL_MS), *untouched = NULL;
    leaselock_lease_free(lease);
    assert_status(LEASELOCK_BUSY, leaselock_lock_obtain_with_no_wait(lock, resource("a"), NULL, NULL, &untouched));
    pass_time(TTL_MS);
    release_now(obtain_now(lock, "a", NULL, 0));
}

TEST(a_lock_that_was_never_closed_is_freed_whole)
{
    leaselock_lock_free(open_lock());
    size_t before = allocator_alive();
    leaselock_lock_free(open_lock());
    assert_int_equal(allocator_alive(), before);
}

TEST(versions_agree)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", LEASELOCK_VERSION_MAJOR, LEASELOCK_VERSION_MINOR,
             LEASELOCK_VERSION_PATCH);
    assert_string_equal(leaselock_version(), expected);
    assert_string_equal(LEASELOCK_VERSION, expected);
    assert_int_equal(leaselock_version_number(),
                     LEASELOCK_VERSION_MAJOR * 1000000 + LEASELOCK_VERSION_MINOR * 1000 + LEASELOCK_VERSION_PATCH);
}

int run_lock_handles(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(handles_are_freed_in_any_order_and_nothing_is_left),
        LOCK_TEST(nothing_is_freed_as_nothing),
        LOCK_TEST(a_lease_keeps_its_lock_alive),
        LOCK_TEST(a_closed_lock_says_so_and_closing_again_is_fine),
        LOCK_TEST(what_was_held_at_the_close_is_held_until_its_ttl),
        LOCK_TEST(a_dropped_lease_is_not_released),
        LOCK_TEST(a_lock_that_was_never_closed_is_freed_whole),
        LOCK_TEST(versions_agree),
    };
    return cmocka_run_group_tests_name("lock: handles", tests, NULL, NULL);
}
