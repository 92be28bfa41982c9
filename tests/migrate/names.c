/* File names: golang-migrate's own vectors, and what its expression implies. */
#include "migrate/name.h"

#include <string.h>

#include "support/check.h"

#define SKIP {LL_NAME_OTHER, 0, NULL, false}
#define TOO_LARGE {LL_NAME_TOO_LARGE, 0, NULL, false}
#define UP(version, title) {LL_NAME_MIGRATION, (version), (title), true}
#define DOWN(version, title) {LL_NAME_MIGRATION, (version), (title), false}

static const struct {
    const char *name;
    struct {
        ll_name_kind kind;
        int64_t version;
        const char *title;
        bool up;
    } expected;
} vectors[] = {
    /* golang-migrate, source/parse_test.go */
    {"1_foobar.up.sql", UP(1, "foobar")},
    {"1_foobar.down.sql", DOWN(1, "foobar")},
    {"1_f-o_ob+ar.up.sql", UP(1, "f-o_ob+ar")},
    {"1485385885_foobar.up.sql", UP(1485385885, "foobar")},
    {"20170412214116_date_foobar.up.sql", UP(20170412214116, "date_foobar")},
    {"-1_foobar.up.sql", SKIP},
    {"foobar.up.sql", SKIP},
    {"1.up.sql", SKIP},
    {"1_foobar.sql", SKIP},
    {"1_foobar.up", SKIP},
    {"1_foobar.down", SKIP},
    /* the version */
    {"0_initial.up.sql", UP(0, "initial")},
    {"000_initial.down.sql", DOWN(0, "initial")},
    {"000001_a.up.sql", UP(1, "a")},
    {"9223372036854775807_a.up.sql", UP(INT64_MAX, "a")},
    {"00000000000000000000000000000000001_a.up.sql", UP(1, "a")},
    {"9223372036854775808_a.up.sql", TOO_LARGE},
    {"18446744073709551615_a.up.sql", TOO_LARGE},
    {"18446744073709551616_a.up.sql", SKIP},
    {"18446744073709551617_a.up.sql", SKIP},
    {"99999999999999999999999999_a.up.sql", SKIP},
    {"+1_a.up.sql", SKIP},
    {" 1_a.up.sql", SKIP},
    {"0x1_a.up.sql", SKIP},
    {"\xd9\xa1_a.up.sql", SKIP}, /* an Arabic digit */
    {"1-a.up.sql", SKIP},
    {"1__a.up.sql", UP(1, "_a")},
    /* the title */
    {"1_.up.sql", UP(1, "")},
    {"1_a.b.c.up.sql", UP(1, "a.b.c")},
    {"1_a.up.down.sql", DOWN(1, "a.up")},
    {"1_a.down.up.sql", UP(1, "a.down")},
    {"1_a.up.up.sql", UP(1, "a.up")},
    {"1_up.up.sql", UP(1, "up")},
    {"1_a.upsql", SKIP},
    {"1_a.UP.sql", SKIP},
    {"1_a b\tc.up.sql", UP(1, "a b\tc")},
    {"1_\xff\xfe.up.sql", UP(1, "\xff\xfe")},
    {"1_a\nb.up.sql", SKIP},
    {"1_a.up.sq\nl", SKIP},
    /* the extension counts for nothing */
    {"1_notes.up.md", UP(1, "notes")},
    {"1_a.up.sql.bak", UP(1, "a")},
    {"1_a.up.sql~", UP(1, "a")},
    {"1_a.up.", UP(1, "a")},
    {"1_a.up..sql", UP(1, "a")},
    /* what is free for other uses */
    {"R__name.sql", SKIP},
    {"000002_x.verify.sql", SKIP},
    {"000100_x.base.sql", SKIP},
    {"leaselock.toml", SKIP},
    {".1_a.up.sql", SKIP},
    {"", SKIP},
};

TEST(every_vector)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        ll_name name = {.version = -7};
        print_message("%s\n", vectors[i].name);
        assert_int_equal(ll_name_parse(vectors[i].name, &name), vectors[i].expected.kind);
        if (vectors[i].expected.kind != LL_NAME_MIGRATION)
            continue;
        assert_int_equal(name.version, vectors[i].expected.version);
        assert_int_equal(name.title_length, strlen(vectors[i].expected.title));
        assert_memory_equal(name.title, vectors[i].expected.title, name.title_length);
        assert_int_equal(name.up, vectors[i].expected.up);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_vector)};
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
