/* The migration runner, on slots that only write down what they were asked. */
#include "migrate/runner.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "util/error.h"

/* A database that keeps a version and a journal; the transaction is undone by a rollback. */
typedef struct leaselock_connection {
    int64_t version;          /* committed */
    int64_t version_at_begin; /* what another process had made of it by then; -2: the same */
    int64_t pending;          /* inside the transaction */
    bool open;
    const char *failing; /* the slot call that fails, such as "run b" */
    char journal[512];
} database;

static leaselock_status note(database *in, const char *verb, const char *what)
{
    char entry[64];
    snprintf(entry, sizeof entry, "%s%s%s", verb, what[0] ? " " : "", what);
    size_t used = strlen(in->journal);
    snprintf(in->journal + used, sizeof in->journal - used, "%s%s", used ? ", " : "", entry);
    return in->failing && strcmp(in->failing, entry) == 0 ? ll_error_set_native(LEASELOCK_IO, 7, "%s failed", entry)
                                                          : LEASELOCK_OK;
}

static leaselock_status slot_read_version(database *in, const leaselock_version_table *table,
                                          const leaselock_call *call, leaselock_version_row *row)
{
    (void)call;
    assert_string_equal(table->name, "versions");
    assert_string_equal(table->index, "versions_version_unique");
    row->version = in->open ? in->pending : in->version;
    row->kind = row->version < 0 ? LEASELOCK_VERSION_NONE : LEASELOCK_VERSION_ROW;
    return note(in, "read", "");
}

static leaselock_status slot_examine(database *in, leaselock_script *script)
{
    script->end = script->size;
    return note(in, "examine", "");
}

static leaselock_status slot_begin(database *in, const leaselock_script *script, const leaselock_call *call)
{
    (void)script, (void)call;
    if (in->version_at_begin != -2)
        in->version = in->version_at_begin;
    in->version_at_begin = -2;
    in->pending = in->version;
    leaselock_status status = note(in, "begin", "");
    in->open = status == LEASELOCK_OK;
    return status;
}

static leaselock_status slot_create_table(database *in, const leaselock_version_table *table)
{
    (void)table;
    assert_true(in->open);
    return note(in, "create", "");
}

static leaselock_status slot_run(database *in, leaselock_script *script, const leaselock_call *call)
{
    (void)call;
    assert_true(in->open);
    return note(in, "run", script->text);
}

static leaselock_status slot_write_version(database *in, const leaselock_version_table *table, int64_t version,
                                           bool dirty)
{
    char number[24];
    (void)table;
    assert_true(in->open);
    assert_false(dirty);
    in->pending = version;
    snprintf(number, sizeof number, "%lld", (long long)version);
    return note(in, "write", number);
}

static leaselock_status slot_commit(database *in, const leaselock_call *call)
{
    (void)call;
    leaselock_status status = note(in, "commit", "");
    if (status == LEASELOCK_OK) {
        in->version = in->pending;
        in->open = false;
    }
    return status;
}

/* Overwrites nothing: a slot that never fails keeps the error record. */
static void slot_rollback(database *in)
{
    if (in->open)
        note(in, "rollback", "");
    in->open = false;
}

static const leaselock_migration_slots slots = {.read_version = slot_read_version,
                                                .examine = slot_examine,
                                                .begin = slot_begin,
                                                .create_table = slot_create_table,
                                                .run = slot_run,
                                                .write_version = slot_write_version,
                                                .commit = slot_commit,
                                                .rollback = slot_rollback};
static const leaselock_schema_step steps[] = {
    {1, "first", "a", ""}, {2, "second", "b", ""}, {5, "third", "c", ""}, {0, NULL, NULL, NULL}};

static leaselock_status up(database *in)
{
    leaselock_call call = {INT64_MAX, NULL};
    return ll_runner_install(&slots, in, "versions", steps, &call);
}

#define ONE(body, version) "examine, begin, read, create, run " body ", write " version ", commit"

TEST(a_new_database_gets_every_step_in_order_each_in_a_transaction)
{
    database in = {.version = -1, .version_at_begin = -2};
    assert_ok(up(&in));
    assert_string_equal(in.journal, "read, " ONE("a", "1") ", " ONE("b", "2") ", " ONE("c", "5"));
    assert_int_equal(in.version, 5);
    assert_false(in.open);
}

TEST(an_older_database_gets_only_what_it_lacks)
{
    database in = {.version = 2, .version_at_begin = -2};
    assert_ok(up(&in));
    assert_string_equal(in.journal, "read, " ONE("c", "5"));
}

TEST(a_database_that_is_up_to_date_is_only_read)
{
    database in = {.version = 5, .version_at_begin = -2};
    assert_ok(up(&in));
    assert_string_equal(in.journal, "read");
}

/* Another process was faster, between the look and the transaction. */
TEST(what_counts_is_the_version_inside_the_transaction)
{
    database in = {.version = -1, .version_at_begin = 2};
    assert_ok(up(&in));
    assert_string_equal(in.journal, "read, examine, begin, read, rollback, read, " ONE("c", "5"));
    database done = {.version = -1, .version_at_begin = 5};
    assert_ok(up(&done));
    assert_null(strstr(done.journal, "run"));
    assert_int_equal(done.version, 5);
    assert_false(done.open);
}

TEST(a_newer_database_is_refused_before_and_inside_the_transaction)
{
    database newer = {.version = 6, .version_at_begin = -2};
    assert_refused(LEASELOCK_NEWER_DATABASE, up(&newer));
    assert_string_equal(newer.journal, "read, read"); /* once more for the message */
    database meanwhile = {.version = -1, .version_at_begin = 6};
    assert_refused(LEASELOCK_NEWER_DATABASE, up(&meanwhile));
    assert_null(strstr(meanwhile.journal, "run"));
    assert_int_equal(meanwhile.version, 6);
    assert_false(meanwhile.open);
}

TEST(a_failure_anywhere_is_rolled_back_and_reported_as_itself)
{
    static const char *const calls[] = {"read", "begin", "create", "run a", "write 1"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        database in = {.version = -1, .version_at_begin = -2, .failing = calls[i]};
        assert_refused(LEASELOCK_IO, up(&in));
        assert_int_equal(leaselock_error_last()->native_code, 7);
        assert_non_null(strstr(leaselock_error_last()->message, calls[i]));
        assert_int_equal(in.version, -1);
        assert_false(in.open);
    }
    database last = {.version = -1, .version_at_begin = -2, .failing = "run c"};
    assert_refused(LEASELOCK_IO, up(&last));
    assert_int_equal(last.version, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_database_gets_every_step_in_order_each_in_a_transaction),
        cmocka_unit_test(an_older_database_gets_only_what_it_lacks),
        cmocka_unit_test(a_database_that_is_up_to_date_is_only_read),
        cmocka_unit_test(what_counts_is_the_version_inside_the_transaction),
        cmocka_unit_test(a_newer_database_is_refused_before_and_inside_the_transaction),
        cmocka_unit_test(a_failure_anywhere_is_rolled_back_and_reported_as_itself),
    };
    return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
