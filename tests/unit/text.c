/* What is an id, what is UTF-8, what is an acquisition id. */
#include "util/text.h"

#include <string.h>

#include "support/check.h"

typedef struct utf8_case {
    const char *name;
    const char *bytes;
    bool valid;
} utf8_case;

/* The corners of RFC 3629: the first and last character of each length, and one step beyond. */
static const utf8_case utf8_cases[] = {
    {"ASCII, DEL included", "az AZ\x7f", true},
    {"U+0080, the first of two bytes", "\xc2\x80", true},
    {"U+07FF, the last of two bytes", "\xdf\xbf", true},
    {"U+0800, the first of three bytes", "\xe0\xa0\x80", true},
    {"U+D7FF, the last before the surrogates", "\xed\x9f\xbf", true},
    {"U+E000, the first after the surrogates", "\xee\x80\x80", true},
    {"U+FFFF, the last of three bytes", "\xef\xbf\xbf", true},
    {"U+10000, the first of four bytes", "\xf0\x90\x80\x80", true},
    {"U+10FFFF, the last of all", "\xf4\x8f\xbf\xbf", true},
    {"one of each", "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92", true},
    {"a continuation byte alone", "\x80", false},
    {"a continuation byte after ASCII", "a\xbf", false},
    {"overlong NUL", "\xc0\x80", false},
    {"overlong slash", "\xc0\xaf", false},
    {"overlong DEL", "\xc1\xbf", false},
    {"overlong in three bytes", "\xe0\x9f\xbf", false},
    {"overlong in four bytes", "\xf0\x8f\xbf\xbf", false},
    {"U+D800, the first surrogate", "\xed\xa0\x80", false},
    {"U+DFFF, the last surrogate", "\xed\xbf\xbf", false},
    {"U+110000, beyond the last", "\xf4\x90\x80\x80", false},
    {"a lead byte of no character", "\xf5\x80\x80\x80", false},
    {"five bytes of old", "\xf8\x88\x80\x80\x80", false},
    {"0xFE", "\xfe", false},
    {"0xFF", "\xff", false},
    {"two bytes, cut", "\xc3", false},
    {"three bytes, cut after one", "\xe2", false},
    {"three bytes, cut after two", "\xe2\x82", false},
    {"four bytes, cut after three", "\xf0\x9f\x94", false},
    {"two bytes, then ASCII", "\xc3z", false},
    {"three bytes, the last one ASCII", "\xe2\x82z", false},
    {"three bytes, the second one a lead", "\xe2\xe2\x82", false},
    {"four bytes, the last one a lead", "\xf0\x9f\x94\xf0", false},
};

TEST(utf8_is_told_from_what_only_looks_like_it)
{
    for (size_t i = 0; i < sizeof utf8_cases / sizeof *utf8_cases; i++) {
        const utf8_case *at = &utf8_cases[i];
        if (ll_text_is_utf8(at->bytes, strlen(at->bytes)) != at->valid)
            fail_msg("%s should be %s", at->name, at->valid ? "valid" : "invalid");
    }
}

TEST(utf8_is_not_read_beyond_its_length)
{
    assert_true(ll_text_is_utf8("\xff", 0));
    assert_true(ll_text_is_utf8("a\xff", 1));
    assert_false(ll_text_is_utf8("\xc3\xa4", 1));
    assert_true(ll_text_is_utf8("a\0b", 3));
}

TEST(an_id_is_from_1_to_255_bytes)
{
    char id[258];
    memset(id, 'x', sizeof id);
    id[255] = '\0';
    assert_ok(ll_text_check_id(id, "resource"));
    assert_ok(ll_text_check_id("x", "resource"));
    id[255] = 'x';
    id[256] = '\0';
    assert_refused(LEASELOCK_INVALID, ll_text_check_id(id, "resource"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_id("", "resource"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_id(NULL, "resource"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_id("\xc0\x80", "resource"));
}

/* 255 is counted in bytes: 127 characters of two bytes fit, 128 do not. */
TEST(an_id_is_measured_in_bytes)
{
    char id[257] = "";
    for (int i = 0; i < 127; i++)
        strcat(id, "\xc3\xa4");
    assert_ok(ll_text_check_id(id, "client id"));
    strcat(id, "\xc3\xa4");
    assert_refused(LEASELOCK_INVALID, ll_text_check_id(id, "client id"));
}

TEST(a_refused_id_is_called_by_its_name)
{
    assert_refused(LEASELOCK_INVALID, ll_text_check_id("", "client id"));
    assert_non_null(strstr(leaselock_error_last()->message, "client id"));
}

TEST(an_acquisition_id_is_32_lower_case_hexadecimal_digits)
{
    assert_ok(ll_text_check_acquisition("0123456789abcdef0123456789abcdef"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_acquisition(NULL));
    assert_refused(LEASELOCK_INVALID, ll_text_check_acquisition(""));
    assert_refused(LEASELOCK_INVALID, ll_text_check_acquisition("0123456789abcdef0123456789abcde"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_acquisition("0123456789abcdef0123456789abcdef0"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_acquisition("0123456789ABCDEF0123456789abcdef"));
    assert_refused(LEASELOCK_INVALID, ll_text_check_acquisition("0123456789abcdeg0123456789abcdef"));
}

TEST(a_copy_is_cut_and_terminated)
{
    char target[4] = "zzz";
    ll_text_copy(target, sizeof target, "abcdef");
    assert_string_equal(target, "abc");
    ll_text_copy(target, sizeof target, "a");
    assert_string_equal(target, "a");
    ll_text_copy(target, sizeof target, NULL);
    assert_string_equal(target, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(utf8_is_not_read_beyond_its_length),
        cmocka_unit_test(an_id_is_from_1_to_255_bytes),
        cmocka_unit_test(an_id_is_measured_in_bytes),
        cmocka_unit_test(a_refused_id_is_called_by_its_name),
        cmocka_unit_test(an_acquisition_id_is_32_lower_case_hexadecimal_digits),
        cmocka_unit_test(a_copy_is_cut_and_terminated),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
