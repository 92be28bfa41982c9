/* New migration files. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leaselock/sys/probes.h"
#include "migrate/fixture.h"

static void assert_created(const char *title, const leaselock_create_options *options, const char *up, int64_t version)
{
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_create(migrations_directory(), title, options, &result);
    assert_ok(status);
    assert_string_equal(leaselock_migration_result_file(result, 0), up);
    assert_non_null(strstr(leaselock_migration_result_file(result, 1), ".down."));
    assert_string_equal(leaselock_migration_result_title(result, 1), title);
    char path[PATH_MAX + 300];
    snprintf(path, sizeof path, "%s/%s", migrations_directory(), up);
    assert_int_equal(size_of(path), 0);
    assert_run(status, result, LEASELOCK_MIGRATION_DONE, version);
}

TEST(a_sequence_goes_on_after_the_highest)
{
    assert_created("users", NULL, "000001_users.up.sql", 1);
    assert_created("a b.c", NULL, "000002_a b.c.up.sql", 2);
    migration_file("41_x.down.sql", "");
    migration_file("R__view.sql", ""); /* golang-migrate's create fails here */
    migration_file("000100_x.base.sql", "");
    assert_created(
        "next",
        &(leaselock_create_options){.struct_size = sizeof(leaselock_create_options), .digits = 3, .extension = ".md"},
        "042_next.up.md", 42);
}

TEST(the_clock_can_number_them)
{
    leaselock_test_clock_start(1000, 1700000000123);
    leaselock_create_options options = {.struct_size = sizeof options, .numbering = LEASELOCK_NUMBERING_TIME};
    assert_created("a", &options, "20231114221320_a.up.sql", 20231114221320);
    assert_refused(LEASELOCK_DUPLICATE_MIGRATION,
                   leaselock_migrations_create(migrations_directory(), "b", &options, NULL));
    options.numbering = LEASELOCK_NUMBERING_UNIX;
    assert_created("a", &options, "1700000000_a.up.sql", 1700000000);
    leaselock_test_clock_stop();
}

TEST(numbers_that_are_used_up)
{
    leaselock_create_options options = {.struct_size = sizeof options, .digits = 1};
    migration_file("9_a.up.sql", "");
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_create(migrations_directory(), "b", &options, NULL));
    assert_message("at most 1 digits are allowed");
    migration_file("9223372036854775807_a.up.sql", "");
    options.digits = 19;
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_create(migrations_directory(), "b", &options, NULL));
}

TEST(titles_and_options_that_make_no_file)
{
    static const char *const titles[] = {"", "a/b", "a\nb"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        assert_refused(LEASELOCK_INVALID, leaselock_migrations_create(migrations_directory(), titles[i], NULL, NULL));
    leaselock_create_options options = {.struct_size = sizeof options, .digits = 20};
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_create(migrations_directory(), "a", &options, NULL));
    options = (leaselock_create_options){.struct_size = sizeof options, .extension = "up.sql"};
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_create(migrations_directory(), "a", &options, NULL));
    options = (leaselock_create_options){.struct_size = sizeof options, .numbering = 9};
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_create(migrations_directory(), "a", &options, NULL));
    assert_int_equal(access(migrations_directory(), F_OK), -1);
}

TEST(folders_are_made_and_what_is_in_the_way_is_said)
{
    leaselock_migration_result *result = NULL;
    assert_ok(leaselock_migrations_create(in_folder("a/b//c/"), "x", NULL, &result));
    leaselock_migration_result_free(result);
    assert_int_equal(size_of(in_folder("a/b/c/000001_x.down.sql")), 0);
    write_file(in_folder("file"), "", 0);
    assert_refused(LEASELOCK_NOT_FOUND, leaselock_migrations_create(in_folder("file"), "x", NULL, NULL));
    assert_refused(LEASELOCK_NOT_FOUND, leaselock_migrations_create(in_folder("file/sub"), "x", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_sequence_goes_on_after_the_highest), IN_FOLDER(the_clock_can_number_them),
        IN_FOLDER(numbers_that_are_used_up),             IN_FOLDER(titles_and_options_that_make_no_file),
        IN_FOLDER(folders_are_made_and_what_is_in_the_way_is_said),
    };
    return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
