/* The list slot. */
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "util/error.h"

enum { ROWS_MAX = 16 };

typedef struct rows {
    const char *prefix; /* of the resources that are written down; NULL: all */
    size_t count;
    leaselock_row row[ROWS_MAX];
    char resource[ROWS_MAX][LEASELOCK_ID_MAX + 1], client[ROWS_MAX][LEASELOCK_ID_MAX + 1];
    size_t stop_after; /* 0: never */
    size_t visits;
} rows;

static leaselock_status write_down(const leaselock_row *row, void *payload)
{
    rows *to = payload;
    to->visits++;
    if (!to->prefix || strncmp(row->resource, to->prefix, strlen(to->prefix)) == 0) {
        if (to->count == ROWS_MAX)
            return LEASELOCK_FULL;
        to->row[to->count] = *row;
        strcpy(to->resource[to->count], row->resource);
        strcpy(to->client[to->count++], row->client);
    }
    return to->stop_after == to->visits ? ll_error_set_native(LEASELOCK_EXHAUSTED, 99, "the visitor has seen enough")
                                        : LEASELOCK_OK;
}

static void list(const char *of, rows *to)
{
    assert_ok(suite_engine->list(connection, of, call(), write_down, to));
}

TEST(rows_come_sorted_by_resource_in_byte_order)
{
    static const char *const sorted[] = {"\x01", " ",  "A",  "B", "Z",    "_",        "a",
                                         "a b",  "aa", "ab", "b", "\x7f", "\xc3\xa4", "\xf0\x9f\x94\x92"};
    enum { COUNT = sizeof sorted / sizeof *sorted };
    for (int i = 0; i < COUNT; i++)
        grant(sorted[(i * 5 + 3) % COUNT], "c", i);
    static rows seen;
    memset(&seen, 0, sizeof seen);
    seen.prefix = resource("");
    list(NULL, &seen);
    assert_int_equal(seen.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_string_equal(seen.resource[i], resource(sorted[i]));
}

TEST(a_row_tells_the_state_of_its_lease)
{
    static rows seen;
    leaselock_claim expired = grant("expired", "first", 1), released = grant("released", "second", 2);
    assert_kind(RELEASED, release_one(released));
    pass_time(TTL_MS);
    leaselock_claim held = grant("held", "third", 3);
    pass_time(300);
    memset(&seen, 0, sizeof seen);
    seen.prefix = resource("");
    list(NULL, &seen);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.client[0], "first");
    assert_int_equal(seen.row[0].sequence, expired.sequence);
    assert_true(seen.row[0].remaining_ms <= 0);
    assert_false(seen.row[0].released);
    assert_string_equal(seen.client[1], "third");
    assert_int_equal(seen.row[1].sequence, held.sequence);
    assert_int_equal(seen.row[1].ttl_ms, TTL_MS);
    assert_about(seen.row[1].remaining_ms, TTL_MS - 300);
    assert_false(seen.row[1].released);
    assert_true(seen.row[1].expires_at_ms > seen.row[0].expires_at_ms);
    assert_string_equal(seen.client[2], "second");
    assert_int_equal(seen.row[2].sequence, released.sequence);
    assert_true(seen.row[2].released);
}

TEST(one_resource_is_that_one_and_no_pattern)
{
    static rows seen;
    grant("a_", "c", 1);
    grant("ab", "c", 2);
    grant("A_", "c", 3);
    grant("%", "c", 4);
    static const char *const names[] = {"a_", "%"};
    for (int i = 0; i < 2; i++) {
        memset(&seen, 0, sizeof seen);
        list(resource(names[i]), &seen);
        assert_int_equal(seen.count, 1);
        assert_string_equal(seen.resource[0], resource(names[i]));
    }
    memset(&seen, 0, sizeof seen);
    list(resource("a"), &seen);
    assert_int_equal(seen.count, 0);
}

TEST(what_was_never_granted_is_no_row)
{
    static rows seen;
    leaselock_claim claims[] = {claim_of("a", "c", 1), grant("b", "c", 2)};
    leaselock_outcome outcomes[2];
    claims[1].acquisition = acquisition(3);
    assert_ok(suite_engine->obtain(connection, claims, 2, call(), outcomes));
    assert_kind(NONE, outcomes[0]);
    memset(&seen, 0, sizeof seen);
    list(resource("a"), &seen);
    assert_int_equal(seen.count, 0);
}

TEST(a_visitors_error_ends_the_listing_and_comes_out)
{
    static rows seen;
    for (int i = 0; i < 5; i++)
        grant((const char *[]){"a", "b", "c", "d", "e"}[i], "c", i);
    memset(&seen, 0, sizeof seen);
    seen.stop_after = 2;
    assert_refused(LEASELOCK_EXHAUSTED, suite_engine->list(connection, NULL, call(), write_down, &seen));
    assert_int_equal(leaselock_error_last()->native_code, 99);
    assert_int_equal(seen.visits, 2);
    /* and nothing is left half read: writing and listing go on */
    grant("f", "c", 10);
    memset(&seen, 0, sizeof seen);
    seen.prefix = resource("");
    list(NULL, &seen);
    assert_int_equal(seen.count, 6);
}

int run_engine_list(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(rows_come_sorted_by_resource_in_byte_order),
        ENGINE_TEST(a_row_tells_the_state_of_its_lease),
        ENGINE_TEST(one_resource_is_that_one_and_no_pattern),
        ENGINE_TEST(what_was_never_granted_is_no_row),
        ENGINE_TEST(a_visitors_error_ends_the_listing_and_comes_out),
    };
    return cmocka_run_group_tests_name("engine: list", tests, NULL, NULL);
}
