/* What running migrations costs the disk: one commit for each, and nothing when there is nothing to do. */
#include <stdio.h>
#include <string.h>

#include "fault/shim.h"
#include "migrate/fixture.h"

enum { FILES = 5 };

static struct {
    int commits;       /* a rollback journal is deleted */
    int syncs, writes; /* of any file */
    int level;         /* the highest lock on the database */
} seen;

static void count_call(const shim_call *call, int result)
{
    (void)result;
    seen.commits += call->operation == SHIM_DELETE && call->kind == SHIM_JOURNAL;
    seen.syncs += call->operation == SHIM_SYNC;
    seen.writes += call->operation == SHIM_WRITE || call->operation == SHIM_TRUNCATE;
    if (call->operation == SHIM_LOCK && call->flags > seen.level)
        seen.level = call->flags;
}

static void look_again(void)
{
    memset(&seen, 0, sizeof seen);
}

static void write_files(void)
{
    for (int i = 1; i <= FILES; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "%d_t.up.sql", i);
        snprintf(text, sizeof text, "CREATE TABLE t%d (x); INSERT INTO t%d VALUES (1);", i, i);
        migration_file(name, text);
        snprintf(name, sizeof name, "%d_t.down.sql", i);
        snprintf(text, sizeof text, "DROP TABLE t%d;", i);
        migration_file(name, text);
    }
}

/* The syncs that SQLite needs for one transaction on a database that is there. */
static int syncs_of_a_commit(void)
{
    database_run("CREATE TABLE IF NOT EXISTS other (x)");
    look_again();
    database_run("INSERT INTO other VALUES (1)");
    assert_int_equal(seen.commits, 1);
    return seen.syncs;
}

TEST(each_migration_is_one_commit)
{
    write_files();
    int syncs = syncs_of_a_commit();
    leaselock_migrations *migrations = open_directory("");
    look_again();
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, FILES);
    assert_int_equal(seen.commits, FILES);
    assert_int_equal(seen.syncs, FILES * syncs);
    look_again();
    assert_down(migrations, LEASELOCK_MIGRATION_DONE, LEASELOCK_NO_VERSION);
    assert_int_equal(seen.commits, FILES);
    assert_int_equal(seen.syncs, FILES * syncs);
    end_migrations(migrations);
}

TEST(what_is_up_to_date_is_only_read)
{
    write_files();
    leaselock_migrations *migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_DONE, FILES);
    end_migrations(migrations);
    look_again();
    migrations = open_directory("");
    assert_up(migrations, LEASELOCK_MIGRATION_NO_CHANGE, FILES);
    end_migrations(migrations);
    assert_int_equal(seen.syncs + seen.writes, 0);
    assert_int_equal(seen.level, SQLITE_LOCK_SHARED);
}

int main(void)
{
    static const shim_observer observers[] = {{NULL, count_call}, {NULL, NULL}};
    shim_install(observers);
    shim_take_no_time(true);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(each_migration_is_one_commit),
        IN_FOLDER(what_is_up_to_date_is_only_read),
    };
    return cmocka_run_group_tests_name("fault_commits", tests, NULL, NULL);
}
