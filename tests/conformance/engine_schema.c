/* The engine's own tables and the slots of the migration runner; for engines that have tables. */
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "migrate/runner.h"

static const char table[] = "leaselock_migrations";
static const leaselock_version_table own = {table, "leaselock_migrations_version_unique"};

static int64_t newest(void)
{
    int64_t version = 0;
    for (const leaselock_schema_step *step = suite_engine->schema; step->version; step++)
        version = step->version;
    return version;
}

static int64_t version_of(const char *of)
{
    const leaselock_version_table named = {of, "leaselock_migrations_version_unique"};
    leaselock_version_row row = {.version = -77};
    assert_ok(suite_engine->installation->read_version(connection, &named, call(), &row));
    assert_false(row.dirty);
    assert_int_equal(row.kind, row.version < 0 ? LEASELOCK_VERSION_NONE : LEASELOCK_VERSION_ROW);
    return row.version;
}

static leaselock_status up(const leaselock_schema_step *steps)
{
    return ll_runner_install(suite_engine->installation, connection, table, steps, call());
}

static leaselock_status run_sql(leaselock_connection *on, const char *sql)
{
    leaselock_script script = {.name = "test", .text = sql, .size = strlen(sql)};
    assert_ok(suite_engine->installation->examine(on, &script));
    return suite_engine->installation->run(on, &script, call());
}

TEST(the_steps_ascend_and_can_go_both_ways)
{
    int64_t before = 0;
    for (const leaselock_schema_step *step = suite_engine->schema; step->version; step++) {
        assert_true(step->version > before);
        assert_true(strlen(step->name) > 0 && strlen(step->up_sql) > 0 && strlen(step->down_sql) > 0);
        before = step->version;
    }
}

TEST(the_version_is_read_and_a_missing_table_has_none)
{
    assert_int_equal(version_of(table), newest());
    assert_int_equal(version_of("leaselock_no_such_table"), -1);
    assert_int_equal(version_of("no \"such' table;--"), -1);
}

TEST(going_up_again_changes_nothing)
{
    grant("a", "c", 1);
    const char *before = snapshot();
    assert_ok(up(suite_engine->schema));
    assert_int_equal(version_of(table), newest());
    assert_string_equal(snapshot(), before);
}

TEST(a_rollback_undoes_scripts_and_version)
{
    const leaselock_migration_slots *slots = suite_engine->installation;
    leaselock_connection *another = connect_engine();
    assert_ok(slots->begin(connection, NULL, call()));
    assert_ok(
        run_sql(connection, "CREATE TABLE leaselock_scratch (a INTEGER); INSERT INTO leaselock_scratch VALUES (1)"));
    assert_ok(slots->write_version(connection, &own, newest() + 7, false));
    assert_int_equal(version_of(table), newest() + 7);
    slots->rollback(connection);
    slots->rollback(connection); /* without a transaction: nothing */
    assert_int_equal(version_of(table), newest());
    assert_ok(slots->begin(another, NULL, call()));
    assert_ok(run_sql(another, "CREATE TABLE leaselock_scratch (a INTEGER)"));
    slots->rollback(another);
    disconnect_engine(another);
}

TEST(a_failing_script_fails_the_whole_and_leaves_nothing)
{
    const leaselock_schema_step steps[] = {
        {newest(), "there", "CREATE GIBBERISH", ""},
        {newest() + 1, "bad", "CREATE TABLE leaselock_scratch (a INTEGER); CREATE GIBBERISH", ""},
        {0, NULL, NULL, NULL}};
    assert_int_not_equal(up(steps), LEASELOCK_OK);
    assert_int_not_equal(leaselock_error_last()->code, LEASELOCK_OK);
    assert_string_not_equal(leaselock_error_last()->message, "");
    assert_int_equal(version_of(table), newest());
    assert_ok(suite_engine->installation->begin(connection, NULL, call()));
    assert_ok(run_sql(connection, "CREATE TABLE leaselock_scratch (a INTEGER)"));
    suite_engine->installation->rollback(connection);
    assert_kind(GRANTED, obtain_one(claim_of("a", "c", 1)));
}

static void set_version(int64_t version)
{
    const leaselock_migration_slots *slots = suite_engine->installation;
    assert_ok(slots->begin(connection, NULL, call()));
    assert_ok(slots->write_version(connection, &own, version, false));
    assert_ok(slots->commit(connection, call()));
}

TEST(a_database_of_a_newer_version_is_refused)
{
    leaselock_lock *untouched = NULL;
    for (int no_install = 0; no_install <= 1; no_install++) {
        const leaselock_lock_options options = {.struct_size = sizeof options, .no_install = no_install};
        set_version(newest() + 1);
        leaselock_status status = leaselock_lock_open(suite_url, &options, &untouched);
        leaselock_status code = leaselock_error_last()->code;
        set_version(newest());
        assert_status(LEASELOCK_NEWER_DATABASE, status);
        assert_int_equal(code, LEASELOCK_NEWER_DATABASE);
        assert_null(untouched);
    }
}

TEST(without_installing_what_is_up_to_date_opens_and_nothing_changes)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .no_install = true};
    leaselock_lock *opened = NULL;
    leaselock_lease *lease = NULL;
    grant("a", "c", 1);
    const char *before = snapshot();
    assert_ok(leaselock_lock_open(suite_url, &options, &opened));
    assert_string_equal(snapshot(), before);
    assert_ok(leaselock_lock_obtain_with_no_wait(opened, "b", NULL, NULL, &lease));
    assert_ok(leaselock_lease_keep(lease)); /* by a connection of its own */
    assert_ok(leaselock_lock_release(opened, lease, NULL));
    leaselock_lease_free(lease);
    assert_ok(leaselock_lock_close(opened));
    leaselock_lock_free(opened);
}

TEST(without_installing_what_is_missing_is_named_and_stays_missing)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .no_install = true};
    char needed[40], folder[80];
    leaselock_lock *opened = NULL;
    leaselock_error failure;
    snprintf(needed, sizeof needed, "this library needs %lld", (long long)newest());
    snprintf(folder, sizeof folder, "share/leaselock/migrations/%s ", suite_engine->name);
    set_version(-1);
    assert_refused(LEASELOCK_NO_TABLES, leaselock_lock_open(suite_url, &options, &opened));
    failure = *leaselock_error_last();
    int64_t left = version_of(table);
    set_version(newest());
    assert_null(opened);
    assert_int_equal(left, -1);
    assert_non_null(strstr(failure.message, "at version none"));
    assert_non_null(strstr(failure.message, needed));
    assert_non_null(strstr(failure.message, folder));
    assert_non_null(strstr(failure.message, "x-migrations-table=leaselock_migrations"));
}

int run_engine_schema(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(the_steps_ascend_and_can_go_both_ways),
        ENGINE_TEST(the_version_is_read_and_a_missing_table_has_none),
        ENGINE_TEST(going_up_again_changes_nothing),
        ENGINE_TEST(a_rollback_undoes_scripts_and_version),
        ENGINE_TEST(a_failing_script_fails_the_whole_and_leaves_nothing),
        ENGINE_TEST(a_database_of_a_newer_version_is_refused),
        ENGINE_TEST(without_installing_what_is_up_to_date_opens_and_nothing_changes),
        ENGINE_TEST(without_installing_what_is_missing_is_named_and_stays_missing),
    };
    return cmocka_run_group_tests_name("engine: schema", tests, NULL, NULL);
}
