/* The engine's own tables and the slots of the migration runner; for engines that have tables. */
#include <string.h>

#include "conformance/conformance.h"
#include "migrate/runner.h"

static const char table[] = "leaselock_migrations";

static int64_t newest(void)
{
    int64_t version = 0;
    for (const leaselock_schema_step *step = suite_engine->schema; step->version; step++)
        version = step->version;
    return version;
}

static int64_t version_of(const char *of)
{
    int64_t version = -77;
    assert_ok(suite_engine->migrations->read_version(connection, of, call(), &version));
    return version;
}

static leaselock_status up(const leaselock_schema_step *steps)
{
    return ll_runner_up(suite_engine->migrations, connection, table, steps, call());
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
    const leaselock_migration_slots *slots = suite_engine->migrations;
    leaselock_connection *another = connect_engine();
    assert_ok(slots->begin(connection, call()));
    assert_ok(slots->run(connection, "CREATE TABLE leaselock_scratch (a INTEGER); INSERT INTO leaselock_scratch VALUES (1)"));
    assert_ok(slots->write_version(connection, table, newest() + 7));
    assert_int_equal(version_of(table), newest() + 7);
    slots->rollback(connection);
    slots->rollback(connection); /* without a transaction: nothing */
    assert_int_equal(version_of(table), newest());
    assert_ok(slots->begin(another, call()));
    assert_ok(slots->run(another, "CREATE TABLE leaselock_scratch (a INTEGER)"));
    slots->rollback(another);
    disconnect_engine(another);
}

TEST(a_failing_script_fails_the_whole_and_leaves_nothing)
{
    int64_t next = newest() + 1;
    const leaselock_schema_step steps[] = {{next, "good", "CREATE TABLE leaselock_scratch (a INTEGER)", ""},
                                           {next + 1, "bad", "CREATE GIBBERISH", ""},
                                           {0, NULL, NULL, NULL}};
    assert_int_not_equal(up(steps), LEASELOCK_OK);
    assert_string_not_equal(leaselock_error_last()->message, "");
    assert_int_equal(version_of(table), newest());
    assert_ok(suite_engine->migrations->begin(connection, call()));
    assert_ok(suite_engine->migrations->run(connection, "CREATE TABLE leaselock_scratch (a INTEGER)"));
    suite_engine->migrations->rollback(connection);
    assert_kind(GRANTED, obtain_one(claim_of("a", "c", 1)));
}

static void set_version(int64_t version)
{
    const leaselock_migration_slots *slots = suite_engine->migrations;
    assert_ok(slots->begin(connection, call()));
    assert_ok(slots->write_version(connection, table, version));
    assert_ok(slots->commit(connection));
}

TEST(a_database_of_a_newer_version_is_refused)
{
    leaselock_lock *untouched = NULL;
    set_version(newest() + 1);
    leaselock_status status = leaselock_lock_open(suite_url, NULL, &untouched);
    leaselock_status code = leaselock_error_last()->code;
    set_version(newest());
    assert_status(LEASELOCK_NEWER_DATABASE, status);
    assert_int_equal(code, LEASELOCK_NEWER_DATABASE);
    assert_null(untouched);
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
    };
    return cmocka_run_group_tests_name("engine: schema", tests, NULL, NULL);
}
