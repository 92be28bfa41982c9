/*
 * Every allocation of every operation fails, once and from there on: NOMEM, nothing leaks, and the next try succeeds.
 */
#include "conformance/conformance.h"
#include "support/allocator.h"
#include "support/nomem.h"

static leaselock_lock *opened;
static leaselock_lease *lease, *held;
static leaselock_listing *listing;
static leaselock_backoff *backoff;

static leaselock_status run_open(void)
{
    return leaselock_lock_open(suite_url, NULL, &opened);
}

static void undo_open(void)
{
    close_lock(opened);
}

static leaselock_status run_obtain(void)
{
    return leaselock_lock_obtain_with_no_wait(lock, resource("a"), NULL, NULL, &lease);
}

static leaselock_status run_obtain_waiting(void)
{
    return leaselock_lock_obtain(lock, resource("a"), NULL, NULL, &lease);
}

static leaselock_status run_obtain_with_backoff(void)
{
    leaselock_backoff *none = NULL;
    leaselock_status status = leaselock_backoff_new_none(&none);
    if (status == LEASELOCK_OK)
        status = leaselock_lock_obtain_with_backoff(lock, resource("a"), NULL, none, NULL, &lease);
    leaselock_backoff_free(none);
    return status;
}

static leaselock_status run_obtain_busy(void)
{
    return leaselock_lock_obtain_with_no_wait(lock, resource("held"), "other", NULL, &lease);
}

static leaselock_status run_obtain_new(void)
{
    return leaselock_lock_obtain_with_no_wait(lock, resource("new"), NULL, NULL, &lease);
}

static void undo_obtain(void)
{
    release_now(lease);
}

static leaselock_status run_keep(void)
{
    return leaselock_lease_keep(held);
}

static leaselock_status run_renew(void)
{
    return leaselock_lock_renew(lock, held);
}

static leaselock_status run_resume(void)
{
    return leaselock_lock_resume(lock, leaselock_lease_resource(held), leaselock_lease_client(held),
                                 leaselock_lease_sequence(held), leaselock_lease_acquisition(held), &lease);
}

static void undo_resume(void)
{
    leaselock_lease_free(lease);
}

static leaselock_status run_list(void)
{
    return leaselock_lock_list(lock, NULL, &listing);
}

static void undo_list(void)
{
    leaselock_listing_free(listing);
}

static leaselock_status run_raise_floor(void)
{
    return leaselock_lock_raise_floor(lock, 0, NULL);
}

static leaselock_status run_close(void)
{
    leaselock_lock *closing = NULL;
    leaselock_status status = leaselock_lock_open(suite_url, NULL, &closing);
    if (status == LEASELOCK_OK)
        status = leaselock_lock_close(closing);
    leaselock_lock_free(closing);
    return status;
}

static leaselock_status run_backoff(void)
{
    return leaselock_backoff_new_default(&backoff);
}

static void undo_backoff(void)
{
    leaselock_backoff_free(backoff);
}

static leaselock_status run_release(void)
{
    return leaselock_lock_release(lock, held, NULL);
}

/* In this order: the last one ends what the others need. */
static const nomem_call calls[] = {
    {"open", run_open, undo_open, LEASELOCK_OK},
    {"open and close", run_close, NULL, LEASELOCK_OK},
    {"obtain", run_obtain, undo_obtain, LEASELOCK_OK},
    {"obtain with the default backoff", run_obtain_waiting, undo_obtain, LEASELOCK_OK},
    {"obtain with a backoff", run_obtain_with_backoff, undo_obtain, LEASELOCK_OK},
    {"obtain what is held", run_obtain_busy, NULL, LEASELOCK_BUSY},
    {"obtain what was never granted", run_obtain_new, undo_obtain, LEASELOCK_OK},
    {"keep", run_keep, NULL, LEASELOCK_OK},
    {"renew", run_renew, NULL, LEASELOCK_OK},
    {"resume", run_resume, undo_resume, LEASELOCK_OK},
    {"list", run_list, undo_list, LEASELOCK_OK},
    {"raise the floor", run_raise_floor, NULL, LEASELOCK_OK},
    {"new backoff", run_backoff, undo_backoff, LEASELOCK_OK},
    {"release", run_release, NULL, LEASELOCK_OK},
};

static void fail_all_operations(bool lasting)
{
    /* rows and whatever else an engine remembers for as long as the process lives */
    release_now(obtain_now(lock, "a", NULL, 0));
    held = obtain_now(lock, "held", NULL, LEASELOCK_TTL_MAX_MS);
    close_lock(open_lock());
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        nomem_fail_each(&calls[i], lasting);
        assert_true(leaselock_lease_valid(held) || i + 1 == sizeof calls / sizeof *calls);
    }
    leaselock_lease_free(held);
    release_now(obtain_now(lock, "held", NULL, 0));
}

TEST(each_allocation_fails_once)
{
    fail_all_operations(false);
}

TEST(each_allocation_fails_and_all_that_follow)
{
    fail_all_operations(true);
}

/* Nothing may be granted that there is no memory for. */
TEST(an_obtain_without_memory_leaves_the_resource_free)
{
    leaselock_lock *other = open_lock();
    leaselock_lease *untouched = NULL;
    release_now(obtain_now(other, "a", NULL, 0));
    for (size_t at = 1;; at++) {
        allocator_fail(at, true);
        leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, resource("a"), NULL, NULL, &untouched);
        if (!allocator_heal()) {
            assert_ok(status);
            break;
        }
        assert_status(LEASELOCK_NOMEM, status);
        assert_null(untouched);
        release_now(obtain_now(other, "a", NULL, 0));
    }
    release_now(untouched);
    close_lock(other);
}

int run_lock_memory(void)
{
    const struct CMUnitTest tests[] = {
        LOCK_TEST(each_allocation_fails_once),
        LOCK_TEST(each_allocation_fails_and_all_that_follow),
        LOCK_TEST(an_obtain_without_memory_leaves_the_resource_free),
    };
    return cmocka_run_group_tests_name("lock: no memory", tests, NULL, NULL);
}
