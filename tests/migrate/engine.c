/* The engine's rules: golang-migrate's own sequence (migrate_test.go), versions 1ud 3u 4ud 5d 7ud, as data. */
#include <stdio.h>
#include <string.h>

#include "migrate/anywhere.h"

typedef enum operation { UP, DOWN, STEPS, GOTO } operation;

/* One call, what it answers, what it runs, and where the database is afterwards. */
typedef struct call {
    operation operation;
    int64_t number;
    leaselock_status status;
    leaselock_migration_kind kind;
    int64_t missing;
    const char *ran; /* of the bodies, in order */
    int64_t version;
} call;

enum { DONE = LEASELOCK_MIGRATION_DONE, NONE = LEASELOCK_MIGRATION_NO_CHANGE, SHORT = LEASELOCK_MIGRATION_SHORT };
#define NIL LEASELOCK_NO_VERSION
#define NOT_THERE LEASELOCK_NO_MIGRATION, 0, 0

static const call sequence[] = {
    /* Migrate(v) */
    {GOTO, 0, NOT_THERE, "", NIL},
    {GOTO, 2, NOT_THERE, "", NIL},
    {GOTO, 6, NOT_THERE, "", NIL},
    {GOTO, 8, NOT_THERE, "", NIL},
    {GOTO, 1, 0, DONE, 0, "+1", 1},
    {GOTO, 3, 0, DONE, 0, "+3", 3},
    {GOTO, 4, 0, DONE, 0, "+4", 4},
    {GOTO, 5, 0, DONE, 0, "", 5},
    {GOTO, 7, 0, DONE, 0, "+7", 7},
    {GOTO, 6, NOT_THERE, "", 7},
    {GOTO, 5, 0, DONE, 0, "-7", 5},
    {GOTO, 4, 0, DONE, 0, "-5", 4},
    {GOTO, 3, 0, DONE, 0, "-4", 3},
    {GOTO, 1, 0, DONE, 0, "", 1},
    {GOTO, 1, 0, NONE, 0, "", 1},
    {GOTO, 7, 0, DONE, 0, "+3 +4 +7", 7},
    {GOTO, 1, 0, DONE, 0, "-7 -5 -4", 1},
    {GOTO, 1, 0, NONE, 0, "", 1},
    {DOWN, 0, 0, DONE, 0, "-1", NIL},
    {DOWN, 0, 0, NONE, 0, "", NIL},
    /* Steps(n) */
    {STEPS, 0, 0, NONE, 0, "", NIL},
    {STEPS, -1, NOT_THERE, "", NIL},
    {STEPS, 1, 0, DONE, 0, "+1", 1},
    {STEPS, 1, 0, DONE, 0, "+3", 3},
    {STEPS, 1, 0, DONE, 0, "+4", 4},
    {STEPS, 1, 0, DONE, 0, "", 5},
    {STEPS, 1, 0, DONE, 0, "+7", 7},
    {STEPS, 1, NOT_THERE, "", 7},
    {STEPS, INT64_MAX, NOT_THERE, "", 7},
    {STEPS, -1, 0, DONE, 0, "-7", 5},
    {STEPS, -1, 0, DONE, 0, "-5", 4},
    {STEPS, -1, 0, DONE, 0, "-4", 3},
    {STEPS, -1, 0, DONE, 0, "", 1},
    {STEPS, -1, 0, DONE, 0, "-1", NIL},
    {STEPS, 4, 0, DONE, 0, "+1 +3 +4", 5},
    {STEPS, 2, 0, SHORT, 1, "+7", 7},
    {STEPS, -4, 0, DONE, 0, "-7 -5 -4", 1},
    {STEPS, -2, 0, SHORT, 1, "-1", NIL},
    {STEPS, INT64_MIN, NOT_THERE, "", NIL},
    {STEPS, INT64_MAX, 0, SHORT, INT64_MAX - 5, "+1 +3 +4 +7", 7},
    {STEPS, INT64_MIN, 0, SHORT, INT64_MAX - 5, "-7 -5 -4 -1", NIL},
    /* Up() and Down() */
    {UP, 0, 0, DONE, 0, "+1 +3 +4 +7", 7},
    {UP, 0, 0, NONE, 0, "", 7},
    {DOWN, 0, 0, DONE, 0, "-7 -5 -4 -1", NIL},
    {DOWN, 0, 0, NONE, 0, "", NIL},
};

static leaselock_migrations *open_sequence(void)
{
    static const char *const names[] = {"1_a.up.sql",   "1_a.down.sql", "3_b.up.sql", "4_c.up.sql",
                                        "4_c.down.sql", "5_d.down.sql", "7_e.up.sql", "7_e.down.sql"};
    leaselock_migration_source *source;
    leaselock_migrations *migrations;
    assert_ok(leaselock_migration_source_new(&source));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char body[80];
        snprintf(body, sizeof body, "INSERT INTO ran (what) VALUES ('%c%c')", strstr(names[i], ".up.") ? '+' : '-',
                 names[i][0]);
        assert_ok(leaselock_migration_source_add(source, names[i], body, strlen(body)));
    }
    assert_ok(leaselock_migrations_open_source(anywhere_url(), source, NULL, &migrations));
    leaselock_migration_source_free(source);
    anywhere_make_ran();
    return migrations;
}

static leaselock_status carry_out(leaselock_migrations *migrations, const call *asked,
                                  leaselock_migration_result **result)
{
    switch (asked->operation) {
    case UP:
        return leaselock_migrations_up(migrations, result);
    case DOWN:
        return leaselock_migrations_down(migrations, result);
    case STEPS:
        return leaselock_migrations_steps(migrations, asked->number, result);
    default:
        return leaselock_migrations_goto(migrations, asked->number, result);
    }
}

static void check_call(leaselock_migrations *migrations, const call *asked, int64_t before)
{
    leaselock_migration_result *result = NULL;
    leaselock_status status = carry_out(migrations, asked, &result);
    assert_int_equal(status, asked->status);
    assert_string_equal(anywhere_ran(" "), asked->ran);
    assert_version(migrations, asked->version, false);
    if (status != LEASELOCK_OK) {
        assert_null(result);
        return;
    }
    assert_int_equal(leaselock_migration_result_kind(result), asked->kind);
    assert_int_equal(leaselock_migration_result_missing(result), asked->missing);
    assert_int_equal(leaselock_migration_succeeded(result), asked->kind != SHORT);
    if (asked->operation != STEPS || asked->number != 0) {
        assert_int_equal(leaselock_migration_result_from(result), before);
        assert_int_equal(leaselock_migration_result_to(result), asked->version);
    }
    assert_int_equal(leaselock_migration_result_count(result) > 0, before != asked->version);
    leaselock_migration_result_free(result);
}

TEST(golang_migrates_own_sequence)
{
    leaselock_migrations *migrations = open_sequence();
    int64_t before = NIL;
    for (size_t i = 0; i < sizeof sequence / sizeof *sequence; i++) {
        print_message("call %zu\n", i);
        check_call(migrations, &sequence[i], before);
        before = sequence[i].version;
        anywhere_run("DELETE FROM ran");
    }
    end_migrations(migrations);
}

/* golang-migrate, database/testing/testing.go: SetVersion. */
TEST(what_force_writes)
{
    leaselock_migrations *migrations = open_sequence();
    static const struct {
        int64_t version;
        const char *rows;
    } forced[] = {{1, "1|0"}, {2, "2|0"}, {0, "0|0"}, {INT64_MAX, "9223372036854775807|0"}, {-1, ""}};
    for (size_t i = 0; i < sizeof forced / sizeof *forced; i++) {
        leaselock_migration_result *result = NULL;
        leaselock_status status = leaselock_migrations_force(migrations, forced[i].version, &result);
        assert_run(status, result, DONE, forced[i].version);
        assert_string_equal(anywhere_text("SELECT version, CASE WHEN dirty THEN 1 ELSE 0 END FROM schema_migrations"),
                            forced[i].rows);
        assert_version(migrations, forced[i].version, false);
    }
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_force(migrations, -2, NULL));
    assert_refused(LEASELOCK_INVALID, leaselock_migrations_goto(migrations, -1, NULL));
    end_migrations(migrations);
}

TEST(a_version_in_no_file_says_what_to_do)
{
    leaselock_migrations *migrations = open_sequence();
    assert_ok(leaselock_migrations_force(migrations, 6, NULL));
    assert_refused(LEASELOCK_UNKNOWN_VERSION, leaselock_migrations_up(migrations, NULL));
    assert_message("version 6");
    assert_refused(LEASELOCK_UNKNOWN_VERSION, leaselock_migrations_down(migrations, NULL));
    assert_refused(LEASELOCK_UNKNOWN_VERSION, leaselock_migrations_steps(migrations, 1, NULL));
    assert_refused(LEASELOCK_UNKNOWN_VERSION, leaselock_migrations_goto(migrations, 7, NULL));
    leaselock_migration_listing *listing;
    assert_ok(leaselock_migrations_status(migrations, &listing));
    assert_int_equal(leaselock_migration_listing_count(listing), 6);
    assert_int_equal(leaselock_migration_listing_version(listing, 4), 6);
    assert_int_equal(leaselock_migration_listing_state(listing, 4), LEASELOCK_MIGRATION_MISSING);
    assert_int_equal(leaselock_migration_listing_state(listing, 3), LEASELOCK_MIGRATION_APPLIED);
    assert_int_equal(leaselock_migration_listing_state(listing, 5), LEASELOCK_MIGRATION_PENDING);
    assert_int_equal(leaselock_migration_listing_pending(listing), 1);
    leaselock_migration_listing_free(listing);
    end_migrations(migrations);
}

TEST(an_empty_source)
{
    leaselock_migration_source *source;
    leaselock_migrations *migrations;
    assert_ok(leaselock_migration_source_new(&source));
    assert_ok(leaselock_migrations_open_source(anywhere_url(), source, NULL, &migrations));
    leaselock_migration_source_free(source);
    assert_refused(LEASELOCK_NO_MIGRATION, leaselock_migrations_up(migrations, NULL));
    assert_refused(LEASELOCK_NO_MIGRATION, leaselock_migrations_steps(migrations, 1, NULL));
    assert_refused(LEASELOCK_NO_MIGRATION, leaselock_migrations_goto(migrations, 1, NULL));
    assert_down(migrations, NONE, NIL);
    end_migrations(migrations);
}

TEST(what_a_result_tells)
{
    leaselock_migrations *migrations = open_sequence();
    leaselock_migration_result *result = NULL;
    assert_ok(leaselock_migrations_goto(migrations, 5, &result));
    assert_int_equal(leaselock_migration_result_count(result), 4);
    assert_int_equal(leaselock_migration_result_version(result, 1), 3);
    assert_string_equal(leaselock_migration_result_title(result, 1), "b");
    assert_string_equal(leaselock_migration_result_file(result, 1), "3_b.up.sql");
    assert_true(leaselock_migration_result_is_up(result, 1));
    assert_true(leaselock_migration_result_duration(result, 1) >= 0);
    assert_string_equal(leaselock_migration_result_file(result, 3), ""); /* 5 has no up */
    assert_null(leaselock_migration_result_title(result, 4));
    leaselock_migration_result_free(result);
    assert_ok(leaselock_migrations_down(migrations, &result));
    assert_int_equal(leaselock_migration_result_version(result, 0), 5);
    assert_false(leaselock_migration_result_is_up(result, 0));
    leaselock_migration_result_free(result);
    assert_false(leaselock_migration_succeeded(NULL));
    leaselock_migration_result_free(NULL);
    end_migrations(migrations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ANYWHERE(golang_migrates_own_sequence),
        ANYWHERE(what_force_writes),
        ANYWHERE(a_version_in_no_file_says_what_to_do),
        ANYWHERE(an_empty_source),
        ANYWHERE(what_a_result_tells),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
