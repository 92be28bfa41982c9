/* Option structs of callers that were built with an older or a newer header. */
#include "core/options.h"

#include <string.h>

#include "support/check.h"

/* What this library knows … */
typedef struct known {
    size_t struct_size;
    int64_t first, second;
} known;

/* … what an older caller gives, and what a newer one does. */
typedef struct older {
    size_t struct_size;
    int64_t first;
} older;

typedef struct newer {
    size_t struct_size;
    int64_t first, second, third;
} newer;

TEST(null_and_an_empty_struct_are_all_defaults)
{
    known read;
    memset(&read, 0xFF, sizeof read);
    assert_ok(LL_OPTIONS_READ(NULL, &read));
    assert_int_equal(read.first, 0);
    assert_int_equal(read.second, 0);
    const known given = {.struct_size = sizeof given};
    memset(&read, 0xFF, sizeof read);
    assert_ok(LL_OPTIONS_READ(&given, &read));
    assert_int_equal(read.first, 0);
    assert_int_equal(read.second, 0);
}

TEST(what_an_older_caller_does_not_have_is_a_default)
{
    struct {
        older options;
        int64_t behind;
    } given = {{sizeof given.options, 11}, 99};
    known read;
    memset(&read, 0xFF, sizeof read);
    assert_ok(LL_OPTIONS_READ(&given.options, &read));
    assert_int_equal(read.first, 11);
    assert_int_equal(read.second, 0);
}

TEST(what_a_newer_caller_leaves_at_its_default_is_no_obstacle)
{
    const newer given = {.struct_size = sizeof given, .first = 11, .second = 12};
    struct {
        known read;
        int64_t behind;
    } target = {.behind = 77};
    assert_ok(LL_OPTIONS_READ(&given, &target.read));
    assert_int_equal(target.read.second, 12);
    assert_int_equal(target.behind, 77);
}

TEST(what_only_a_newer_library_could_do_is_refused)
{
    newer given = {.struct_size = sizeof given, .third = 1};
    known read;
    assert_refused(LEASELOCK_INVALID, LL_OPTIONS_READ(&given, &read));
    given.third = (int64_t)1 << 56; /* the last byte counts */
    assert_refused(LEASELOCK_INVALID, LL_OPTIONS_READ(&given, &read));
}

TEST(a_size_of_no_sense_is_refused)
{
    known given = {.first = 1};
    known read;
    static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        given.struct_size = sizes[i];
        assert_refused(LEASELOCK_INVALID, LL_OPTIONS_READ(&given, &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_and_an_empty_struct_are_all_defaults),
        cmocka_unit_test(what_an_older_caller_does_not_have_is_a_default),
        cmocka_unit_test(what_a_newer_caller_leaves_at_its_default_is_no_obstacle),
        cmocka_unit_test(what_only_a_newer_library_could_do_is_refused),
        cmocka_unit_test(a_size_of_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
