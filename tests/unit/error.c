/* The error record, and the table behind the names. */
#include "util/error.h"

#include <pthread.h>
#include <string.h>

#include "support/check.h"

typedef struct code {
    const char *name, *text;
    leaselock_status value;
} code;

static const code codes[] = {
#define LEASELOCK_ERROR(name, value, message, exception) {#name, message, value},
#include "leaselock/error.def"
#undef LEASELOCK_ERROR
};

enum { CODE_COUNT = sizeof codes / sizeof *codes };

/* Values are part of the ABI: this list is appended to, never changed. */
static const code pinned[] = {
    {"NOMEM", NULL, -1},           {"INVALID", NULL, -2},         {"CLOSED", NULL, -3},
    {"FORKED", NULL, -4},          {"INTERRUPTED", NULL, -5},     {"CALLBACK", NULL, -6},
    {"SCHEME", NULL, -7},          {"INTERNAL", NULL, -8},        {"BUSY", NULL, -20},
    {"LOST", NULL, -21},           {"RELEASED", NULL, -22},       {"EXHAUSTED", NULL, -23},
    {"UNAVAILABLE", NULL, -40},    {"IO", NULL, -41},             {"FULL", NULL, -42},
    {"PERMISSION", NULL, -43},     {"READ_ONLY", NULL, -44},      {"NOT_FOUND", NULL, -45},
    {"DIRECTORY", NULL, -46},      {"NOT_A_DATABASE", NULL, -47}, {"CORRUPT", NULL, -48},
    {"NETWORK_FILE_SYSTEM", NULL, -49}, {"MOVED", NULL, -50},     {"CLOCK", NULL, -51},
    {"FOREIGN_TABLES", NULL, -60}, {"NEWER_DATABASE", NULL, -61}, {"NO_TABLES", NULL, -62},
    {"DIRTY", NULL, -80},          {"UNKNOWN_VERSION", NULL, -81}, {"NO_MIGRATION", NULL, -82},
    {"VERSION_ROWS", NULL, -83},   {"BAD_VERSION", NULL, -84},    {"DUPLICATE_MIGRATION", NULL, -85},
    {"BAD_MIGRATION", NULL, -86},  {"MIGRATION_FAILED", NULL, -87}, {"MIGRATION_CONFLICT", NULL, -88},
    {"CONFIG", NULL, -90},         {"SECRET", NULL, -91},
};

TEST(values_stay_what_they_were_published_as)
{
    for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++)
        assert_string_equal(leaselock_error_name(pinned[i].value), pinned[i].name);
}

TEST(every_code_is_negative_unique_and_has_a_name_and_a_text)
{
    for (int i = 0; i < CODE_COUNT; i++) {
        assert_true(codes[i].value < 0);
        assert_string_equal(leaselock_error_name(codes[i].value), codes[i].name);
        assert_string_equal(leaselock_error_text(codes[i].value), codes[i].text);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(codes[i].value, codes[j].value);
            assert_string_not_equal(codes[i].name, codes[j].name);
        }
    }
}

TEST(what_is_no_code_has_a_name_too)
{
    assert_string_equal(leaselock_error_name(LEASELOCK_OK), "OK");
    assert_string_equal(leaselock_error_name(1), "UNKNOWN");
    assert_string_equal(leaselock_error_name(-999), "UNKNOWN");
    assert_string_not_equal(leaselock_error_text(LEASELOCK_OK), "");
    assert_string_not_equal(leaselock_error_text(-999), "");
}

TEST(setting_replaces_the_whole_record)
{
    assert_int_equal(ll_error_set_native(LEASELOCK_IO, 1234, "disk %d", 7), LEASELOCK_IO);
    ll_error_set_holder("r", "h", 5, 600);
    const leaselock_error *last = leaselock_error_last();
    assert_int_equal(last->code, LEASELOCK_IO);
    assert_int_equal(last->native_code, 1234);
    assert_string_equal(last->message, "disk 7");
    assert_string_equal(last->resource, "r");
    assert_string_equal(last->holder, "h");
    assert_int_equal(last->sequence, 5);
    assert_int_equal(last->remaining_ms, 600);
    assert_int_equal(ll_error_set(LEASELOCK_INVALID, "other"), LEASELOCK_INVALID);
    const leaselock_error expected = {.code = LEASELOCK_INVALID, .message = "other"};
    assert_memory_equal(leaselock_error_last(), &expected, sizeof expected);
}

TEST(a_long_message_and_long_ids_are_cut)
{
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ll_error_set(LEASELOCK_INVALID, "%s", text);
    ll_error_set_holder(text, text, 1, 1);
    assert_int_equal(strlen(leaselock_error_last()->message), sizeof leaselock_error_last()->message - 1);
    assert_int_equal(strlen(leaselock_error_last()->resource), LEASELOCK_ID_MAX);
    assert_int_equal(strlen(leaselock_error_last()->holder), LEASELOCK_ID_MAX);
}

TEST(a_saved_record_comes_back_whole)
{
    leaselock_error saved;
    ll_error_set(LEASELOCK_BUSY, "held");
    ll_error_set_holder("r", "h", 5, 600);
    ll_error_save(&saved);
    ll_error_set(LEASELOCK_NOMEM, "over it");
    assert_int_equal(ll_error_restore(&saved), LEASELOCK_BUSY);
    assert_memory_equal(leaselock_error_last(), &saved, sizeof saved);
}

static void *fail_elsewhere(void *payload)
{
    ll_error_set(LEASELOCK_NOMEM, "elsewhere");
    *(leaselock_status *)payload = leaselock_error_last()->code;
    return NULL;
}

TEST(each_thread_has_its_own_record)
{
    pthread_t thread;
    leaselock_status theirs = LEASELOCK_OK;
    ll_error_set(LEASELOCK_BUSY, "here");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &theirs), 0);
    pthread_join(thread, NULL);
    assert_int_equal(theirs, LEASELOCK_NOMEM);
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_BUSY);
}

TEST(functions_that_return_a_status_clear_the_record_and_others_do_not)
{
    leaselock_backoff *backoff;
    ll_error_set(LEASELOCK_BUSY, "held");
    ll_error_set_holder("r", "h", 5, 600);
    assert_string_equal(leaselock_error_name(-2), "INVALID");
    leaselock_lease_free(NULL);
    leaselock_lock_free(NULL);
    leaselock_listing_free(NULL);
    leaselock_backoff_free(NULL);
    assert_null(leaselock_lease_resource(NULL));
    assert_int_equal(leaselock_listing_count(NULL), 0);
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_BUSY);
    assert_ok(leaselock_backoff_new_default(&backoff));
    const leaselock_error empty = {0};
    assert_memory_equal(leaselock_error_last(), &empty, sizeof empty);
    leaselock_backoff_free(backoff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay_what_they_were_published_as),
        cmocka_unit_test(every_code_is_negative_unique_and_has_a_name_and_a_text),
        cmocka_unit_test(what_is_no_code_has_a_name_too),
        cmocka_unit_test(setting_replaces_the_whole_record),
        cmocka_unit_test(a_long_message_and_long_ids_are_cut),
        cmocka_unit_test(a_saved_record_comes_back_whole),
        cmocka_unit_test(each_thread_has_its_own_record),
        cmocka_unit_test(functions_that_return_a_status_clear_the_record_and_others_do_not),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
