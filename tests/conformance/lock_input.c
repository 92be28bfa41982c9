/* Bad input of every kind: a clear error, out-parameters untouched, nothing changed. */
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"

static char too_long[LEASELOCK_ID_MAX + 2];

/* What no resource and no client may be called; NULL besides, which is a client's default. */
static const char *const bad_ids[] = {
    "", too_long, "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "cut \xe2\x82"};
enum { BAD_IDS = sizeof bad_ids / sizeof *bad_ids };

static int setup(void **state)
{
    memset(too_long, 'x', sizeof too_long - 1);
    return lock_setup(state);
}

static leaselock_lease *untouched; /* NULL after every test */

static leaselock_status obtain_any_way(int way, const char *of, const char *client,
                                       const leaselock_obtain_options *options)
{
    if (way == 0)
        return leaselock_lock_obtain(lock, of, client, options, &untouched);
    if (way == 1)
        return leaselock_lock_obtain_with_no_wait(lock, of, client, options, &untouched);
    leaselock_backoff *backoff;
    assert_ok(leaselock_backoff_new_default(&backoff));
    leaselock_status status = leaselock_lock_obtain_with_backoff(lock, of, client, backoff, options, &untouched);
    leaselock_backoff_free(backoff);
    return status;
}

TEST(ids_that_are_none_are_refused_everywhere)
{
    const char *before = snapshot(), *id = acquisition(1);
    leaselock_listing *listing = NULL;
    for (int i = 0; i < BAD_IDS; i++) {
        for (int way = 0; way < 3; way++) {
            assert_int_equal(obtain_any_way(way, bad_ids[i], NULL, NULL), LEASELOCK_INVALID);
            assert_int_equal(obtain_any_way(way, resource("a"), bad_ids[i], NULL), LEASELOCK_INVALID);
        }
        assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, bad_ids[i], NULL, 1, id, &untouched));
        assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), bad_ids[i], 1, id, &untouched));
        const leaselock_list_options of = {sizeof of, bad_ids[i], true};
        assert_refused(LEASELOCK_INVALID, leaselock_lock_list(lock, &of, &listing));
        leaselock_lock *no_lock = NULL;
        const leaselock_lock_options options = {.struct_size = sizeof options, .client = bad_ids[i]};
        assert_refused(LEASELOCK_INVALID, leaselock_lock_open(suite_url, &options, &no_lock));
        assert_null(no_lock);
    }
    for (int way = 0; way < 3; way++)
        assert_int_equal(obtain_any_way(way, NULL, NULL, NULL), LEASELOCK_INVALID);
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, NULL, NULL, 1, id, &untouched));
    assert_null(listing);
    assert_string_equal(snapshot(), before);
}

TEST(a_refusal_says_which_argument_and_why)
{
    assert_refused(LEASELOCK_INVALID, obtain_any_way(0, "", NULL, NULL));
    assert_non_null(strstr(leaselock_error_last()->message, "resource"));
    assert_non_null(strstr(leaselock_error_last()->message, "empty"));
    assert_refused(LEASELOCK_INVALID, obtain_any_way(0, resource("a"), too_long, NULL));
    assert_non_null(strstr(leaselock_error_last()->message, "client"));
    assert_non_null(strstr(leaselock_error_last()->message, "255"));
}

TEST(a_ttl_out_of_bounds_is_refused)
{
    static const int64_t ttls[] = {1, LEASELOCK_TTL_MIN_MS - 1, LEASELOCK_TTL_MAX_MS + 1, INT64_MAX, LEASELOCK_FOREVER,
                                   INT64_MIN};
    const char *before = snapshot();
    for (size_t i = 0; i < sizeof ttls / sizeof *ttls; i++) {
        const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = ttls[i]};
        for (int way = 0; way < 3; way++)
            assert_int_equal(obtain_any_way(way, resource("a"), NULL, &options), LEASELOCK_INVALID);
        leaselock_lock *no_lock = NULL;
        const leaselock_lock_options lock_options = {.struct_size = sizeof lock_options, .ttl_ms = ttls[i]};
        assert_refused(LEASELOCK_INVALID, leaselock_lock_open(suite_url, &lock_options, &no_lock));
        assert_null(no_lock);
    }
    assert_string_equal(snapshot(), before);
    static const int64_t bounds[] = {LEASELOCK_TTL_MIN_MS, LEASELOCK_TTL_MAX_MS};
    for (int i = 0; i < 2; i++)
        release_now(obtain_now(lock, "a", NULL, bounds[i]));
}

TEST(a_wait_that_makes_no_sense_is_refused)
{
    leaselock_obtain_options options = {.struct_size = sizeof options, .wait_ms = -2};
    for (int way = 0; way < 3; way++)
        assert_int_equal(obtain_any_way(way, resource("a"), NULL, &options), LEASELOCK_INVALID);
    options.wait_ms = INT64_MIN;
    assert_int_equal(obtain_any_way(0, resource("a"), NULL, &options), LEASELOCK_INVALID);
    options.wait_ms = 1; /* no wait is no wait */
    assert_int_equal(obtain_any_way(1, resource("a"), NULL, &options), LEASELOCK_INVALID);
    options.wait_ms = INT64_MAX; /* as long as one likes */
    assert_ok(obtain_any_way(0, resource("a"), NULL, &options));
    release_now(untouched);
    untouched = NULL;
}

TEST(an_operation_time_that_makes_no_sense_is_refused)
{
    leaselock_lock *no_lock = NULL;
    leaselock_lock_options options = {.struct_size = sizeof options, .operation_ms = LEASELOCK_FOREVER};
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open(suite_url, &options, &no_lock));
    options.operation_ms = INT64_MIN;
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open(suite_url, &options, &no_lock));
    assert_null(no_lock);
    options.operation_ms = INT64_MAX;
    assert_ok(leaselock_lock_open(suite_url, &options, &no_lock));
    release_now(obtain_now(no_lock, "a", NULL, 0));
    close_lock(no_lock);
}

TEST(option_structs_tell_their_size)
{
    struct {
        leaselock_obtain_options known;
        int64_t unknown;
    } newer = {.known = {.struct_size = sizeof newer}};
    leaselock_lock_options lock_options = {.struct_size = 0};
    leaselock_list_options list_options = {.struct_size = 1};
    leaselock_obtain_options obtain_options = {.ttl_ms = 1000};
    leaselock_lock *no_lock = NULL;
    leaselock_listing *listing = NULL;
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open(suite_url, &lock_options, &no_lock));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_list(lock, &list_options, &listing));
    for (int way = 0; way < 3; way++)
        assert_int_equal(obtain_any_way(way, resource("a"), NULL, &obtain_options), LEASELOCK_INVALID);
    newer.unknown = 1;
    assert_int_equal(obtain_any_way(0, resource("a"), NULL, &newer.known), LEASELOCK_INVALID);
    newer.unknown = 0;
    assert_ok(obtain_any_way(0, resource("a"), NULL, &newer.known));
    release_now(untouched);
    untouched = NULL;
    obtain_options.struct_size = sizeof obtain_options.struct_size; /* an old caller: all defaults */
    assert_ok(obtain_any_way(0, resource("a"), NULL, &obtain_options));
    assert_int_equal(leaselock_lease_ttl(untouched), LEASELOCK_TTL_DEFAULT_MS);
    release_now(untouched);
    untouched = NULL;
    assert_null(no_lock);
    assert_null(listing);
}

TEST(urls_that_lead_nowhere_are_refused)
{
    leaselock_lock *no_lock = NULL;
    char with_option[512];
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open(NULL, NULL, &no_lock));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open(suite_url, NULL, NULL));
    assert_refused(LEASELOCK_SCHEME, leaselock_lock_open("", NULL, &no_lock));
    assert_refused(LEASELOCK_SCHEME, leaselock_lock_open("nonsense", NULL, &no_lock));
    assert_refused(LEASELOCK_SCHEME, leaselock_lock_open("nonsense:x", NULL, &no_lock));
    assert_refused(LEASELOCK_SCHEME, leaselock_lock_open(":x", NULL, &no_lock));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open("nonsense:\xff", NULL, &no_lock));
    snprintf(with_option, sizeof with_option, "%s%sno_such_option=1", suite_url, strchr(suite_url, '?') ? "&" : "?");
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open(with_option, NULL, &no_lock));
    assert_null(no_lock);
}

TEST(what_resume_is_given_has_to_be_an_acquisition)
{
    const char *id = acquisition(1);
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, 0, id, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, -1, id, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, 1, NULL, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, 1, "", &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, 1, id + 1, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, 1,
                                                            "ABCDEF0123456789ABCDEF0123456789", &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(lock, resource("a"), NULL, 1, id, NULL));
    assert_null(untouched);
}

TEST(a_floor_out_of_bounds_is_refused)
{
    static const int64_t floors[] = {-1, INT64_MIN, LEASELOCK_FLOOR_MAX + 1, INT64_MAX};
    int64_t in_force = -77, before, after;
    assert_ok(leaselock_lock_raise_floor(lock, 0, &before));
    for (int i = 0; i < 4; i++)
        assert_refused(LEASELOCK_INVALID, leaselock_lock_raise_floor(lock, floors[i], &in_force));
    assert_int_equal(in_force, -77);
    assert_ok(leaselock_lock_raise_floor(lock, 0, &after));
    assert_int_equal(after, before);
}

TEST(null_is_refused_where_something_is_needed)
{
    leaselock_lease *lease = obtain_now(lock, "held", NULL, 0);
    leaselock_listing *listing = NULL;
    int64_t floor = -77;
    bool was_ours = true;
    assert_refused(LEASELOCK_INVALID, leaselock_lock_obtain(NULL, resource("a"), NULL, NULL, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_obtain(lock, resource("a"), NULL, NULL, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_obtain_with_no_wait(lock, resource("a"), NULL, NULL, NULL));
    assert_refused(LEASELOCK_INVALID,
                   leaselock_lock_obtain_with_backoff(lock, resource("a"), NULL, NULL, NULL, &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_resume(NULL, resource("a"), NULL, 1, acquisition(1), &untouched));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_renew(NULL, lease));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_renew(lock, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_release(NULL, lease, &was_ours));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_release(lock, NULL, &was_ours));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_list(NULL, NULL, &listing));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_list(lock, NULL, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_raise_floor(NULL, 1, &floor));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_interrupt(NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_close(NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_lease_keep(NULL));
    assert_true(was_ours && floor == -77 && !listing && !untouched);
    assert_true(leaselock_lease_valid(lease));
    release_now(lease);
}

TEST(a_success_clears_the_record)
{
    assert_refused(LEASELOCK_INVALID, obtain_any_way(0, "", NULL, NULL));
    leaselock_lease *lease = obtain_now(lock, "a", NULL, 0);
    const leaselock_error empty = {0};
    assert_memory_equal(leaselock_error_last(), &empty, sizeof empty);
    assert_refused(LEASELOCK_BUSY, obtain_any_way(1, resource("a"), NULL, NULL));
    assert_true(leaselock_lease_valid(lease)); /* getters leave it alone */
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_BUSY);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_memory_equal(leaselock_error_last(), &empty, sizeof empty);
    release_now(lease);
}

int run_lock_input(void)
{
#define INPUT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, lock_teardown)
    const struct CMUnitTest tests[] = {
        INPUT_TEST(ids_that_are_none_are_refused_everywhere),
        INPUT_TEST(a_refusal_says_which_argument_and_why),
        INPUT_TEST(a_ttl_out_of_bounds_is_refused),
        INPUT_TEST(a_wait_that_makes_no_sense_is_refused),
        INPUT_TEST(an_operation_time_that_makes_no_sense_is_refused),
        INPUT_TEST(option_structs_tell_their_size),
        INPUT_TEST(urls_that_lead_nowhere_are_refused),
        INPUT_TEST(what_resume_is_given_has_to_be_an_acquisition),
        INPUT_TEST(a_floor_out_of_bounds_is_refused),
        INPUT_TEST(null_is_refused_where_something_is_needed),
        INPUT_TEST(a_success_clears_the_record),
    };
#undef INPUT_TEST
    return cmocka_run_group_tests_name("lock: bad input", tests, NULL, NULL);
}
