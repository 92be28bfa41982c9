/* Taking URLs apart, and finding the engine for one. */
#include "util/url.h"

#include <string.h>

#include "core/engines.h"
#include "support/allocator.h"
#include "support/check.h"

static void assert_path(const char *url, const char *path)
{
    ll_url parsed;
    assert_ok(ll_url_parse(url, &parsed));
    assert_string_equal(parsed.path, path);
    assert_int_equal(parsed.option_count, 0);
    ll_url_clear(&parsed);
}

TEST(paths_are_relative_absolute_or_behind_an_empty_authority)
{
    assert_path("sqlite:leases.db", "leases.db");
    assert_path("sqlite:../a/b.db", "../a/b.db");
    assert_path("sqlite:/var/leases.db", "/var/leases.db");
    assert_path("sqlite:///var/leases.db", "/var/leases.db");
    assert_path("memory:", "");
    assert_path("sqlite:a:b", "a:b");
}

TEST(paths_are_percent_decoded)
{
    assert_path("sqlite:a%20b%3f%C3%a4.db", "a b?\xc3\xa4.db");
    assert_path("sqlite:100%25", "100%");
    assert_path("sqlite:a+b#c&d=e", "a+b#c&d=e");
}

TEST(options_are_taken_apart_and_decoded)
{
    ll_url parsed;
    assert_ok(ll_url_parse("sqlite:x?first=1&se%63ond=a%26b%3D&empty=&last==", &parsed));
    assert_string_equal(parsed.path, "x");
    assert_int_equal(parsed.option_count, 4);
    const char *const expected[][2] = {{"first", "1"}, {"second", "a&b="}, {"empty", ""}, {"last", "="}};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(parsed.options[i].name, expected[i][0]);
        assert_string_equal(parsed.options[i].value, expected[i][1]);
    }
    ll_url_clear(&parsed);
    assert_null(parsed.path);
    assert_int_equal(parsed.option_count, 0);
}

TEST(a_malformed_url_is_refused_and_leaves_nothing_behind)
{
    static const char *const malformed[] = {
        "sqlite://host/x",   "sqlite://x",        "sqlite://",         "sqlite:a%",          "sqlite:a%2",
        "sqlite:a%2x",       "sqlite:a%x2",       "sqlite:a%00b",      "sqlite:a%-1",        "sqlite:x?option",
        "sqlite:x?=value",   "sqlite:x?a=1&&b=2", "sqlite:x?a%=1",     "sqlite:x?a=%",       "sqlite:x?a=1&b",
        "sqlite:x?a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9",
    };
    size_t before = allocator_alive();
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        ll_url untouched = {.option_count = 42};
        if (ll_url_parse(malformed[i], &untouched) != LEASELOCK_INVALID)
            fail_msg("%s should be refused", malformed[i]);
        assert_int_equal(untouched.option_count, 42);
        assert_int_equal(allocator_alive(), before);
    }
}

TEST(memory_that_runs_out_is_reported_and_nothing_leaks)
{
    size_t before = allocator_alive(), at = 1;
    ll_url parsed;
    for (;; at++) {
        allocator_fail(at, false);
        leaselock_status status = ll_url_parse("sqlite:x?a=1&b=2", &parsed);
        if (!allocator_heal()) {
            assert_ok(status);
            break;
        }
        assert_status(LEASELOCK_NOMEM, status);
        assert_int_equal(allocator_alive(), before);
    }
    assert_true(at > 5);
    ll_url_clear(&parsed);
    assert_int_equal(allocator_alive(), before);
}

TEST(a_scheme_compares_whole_and_without_case)
{
    assert_true(ll_url_has_scheme("sqlite:x", "sqlite"));
    assert_true(ll_url_has_scheme("SQLite:x", "sqlite"));
    assert_false(ll_url_has_scheme("sqlite3:x", "sqlite"));
    assert_false(ll_url_has_scheme("sqlit:x", "sqlite"));
    assert_false(ll_url_has_scheme("sqlite", "sqlite"));
    assert_false(ll_url_has_scheme("", "sqlite"));
}

TEST(an_engine_is_found_by_its_scheme)
{
    const leaselock_engine *engine = NULL;
    assert_ok(ll_engine_for_url("MEMORY:x", &engine));
    assert_string_equal(engine->name, "memory");
}

/* What follows the scheme may be a password: no message shows it. */
TEST(an_unknown_scheme_is_named_and_nothing_else_of_the_url)
{
    static const char *const urls[] = {"etcd://user:secret@host", "secret", "//secret", "user@secret:1", ""};
    const leaselock_engine *engine = NULL;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_refused(LEASELOCK_SCHEME, ll_engine_for_url(urls[i], &engine));
        assert_non_null(strstr(leaselock_error_last()->message, "memory"));
        assert_null(strstr(leaselock_error_last()->message, "secret"));
    }
    assert_null(engine);
    assert_refused(LEASELOCK_SCHEME, ll_engine_for_url("etcd://secret", &engine));
    assert_non_null(strstr(leaselock_error_last()->message, "etcd:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_relative_absolute_or_behind_an_empty_authority),
        cmocka_unit_test(paths_are_percent_decoded),
        cmocka_unit_test(options_are_taken_apart_and_decoded),
        cmocka_unit_test(a_malformed_url_is_refused_and_leaves_nothing_behind),
        cmocka_unit_test(memory_that_runs_out_is_reported_and_nothing_leaks),
        cmocka_unit_test(a_scheme_compares_whole_and_without_case),
        cmocka_unit_test(an_engine_is_found_by_its_scheme),
        cmocka_unit_test(an_unknown_scheme_is_named_and_nothing_else_of_the_url),
    };
    allocator_install();
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
