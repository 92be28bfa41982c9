/* Databases that are there before us: a user's own, in which leases are installed, and tables that are not ours. */
#include <stdlib.h>
#include <string.h>

#include "sqlite/database.h"

/* --- a user's database ----------------------------------------------------------------------------------------- */

static const char users_tables[] =
    "PRAGMA user_version = 7; PRAGMA application_id = 11;"
    "CREATE TABLE invoices (id INTEGER PRIMARY KEY, total INTEGER NOT NULL);"
    "CREATE INDEX by_total ON invoices (total);"
    "CREATE VIEW large AS SELECT * FROM invoices WHERE total > 40;"
    "CREATE TABLE log (what TEXT);"
    "CREATE TRIGGER note AFTER INSERT ON invoices BEGIN INSERT INTO log VALUES ('i'); END;"
    "INSERT INTO invoices VALUES (1, 42), (2, 7);"
    "CREATE TABLE schema_migrations (version uint64, dirty bool);"
    "CREATE UNIQUE INDEX version_unique ON schema_migrations (version);"
    "INSERT INTO schema_migrations VALUES (20240101, 0);";

/* All that is the user's, as one text. Yours to free. */
static char *users_part(void)
{
    static const char sql[] =
        "SELECT group_concat(part, char(10)) FROM ("
        "  SELECT group_concat(sql, ';') AS part FROM sqlite_master"
        "    WHERE name NOT LIKE 'leaselock%' AND tbl_name NOT LIKE 'leaselock%'"
        "  UNION ALL SELECT group_concat(id || '=' || total) FROM invoices"
        "  UNION ALL SELECT group_concat(what) FROM log"
        "  UNION ALL SELECT version || ' ' || dirty FROM schema_migrations"
        "  UNION ALL SELECT user_version FROM pragma_user_version"
        "  UNION ALL SELECT application_id FROM pragma_application_id"
        "  UNION ALL SELECT page_size FROM pragma_page_size)";
    sqlite3 *db = raw_open(database_path());
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

TEST(leases_are_installed_in_a_users_database)
{
    database_run(users_tables);
    char *before = users_part();
    leaselock_lock *lock = open_database();
    assert_int_equal(next_sequence(lock, "r"), 1);
    end_lock(lock);
    char *after = users_part();
    assert_string_equal(before, after);
    free(before);
    free(after);
    assert_int_equal(database_number("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(database_number("SELECT version FROM leaselock_migrations"), 1);
}

TEST(opening_again_changes_nothing)
{
    database_run(users_tables);
    end_lock(open_database());
    char *before = folder_picture();
    end_lock(open_database());
    end_lock(open_database());
    assert_folder_is(before);
}

/* What a program in another encoding made is read as UTF-8 all the same. */
TEST(a_database_in_utf_16)
{
    database_run("PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (x)");
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "Bücher-日本", 0);
    assert_refused(LEASELOCK_BUSY, try_obtain(lock, "Bücher-日本"));
    assert_string_equal(leaselock_error_last()->holder, leaselock_lock_client(lock));
    assert_true(listed_remaining(lock, "Bücher-日本") > 0);
    release_now(lease);
    assert_int_equal(next_sequence(lock, "Bücher-日本"), 2);
    end_lock(lock);
}

/* --- tables that are not ours ---------------------------------------------------------------------------------- */

static void assert_foreign(const char *sql)
{
    database_run(sql);
    char *before = folder_picture();
    leaselock_lock *lock = NULL;
    leaselock_status status = leaselock_lock_open(database_url(), NULL, &lock);
    if (status != LEASELOCK_FOREIGN_TABLES)
        print_error("with: %s\n", sql);
    assert_status(LEASELOCK_FOREIGN_TABLES, status);
    assert_int_equal(leaselock_error_last()->code, LEASELOCK_FOREIGN_TABLES);
    assert_null(lock);
    assert_folder_is(before);
    delete_database();
}

TEST(one_name_is_taken)
{
    assert_foreign("CREATE TABLE leaselock_leases (id INTEGER, tenant TEXT)");
    assert_foreign("CREATE TABLE leaselock_control (key TEXT, value TEXT)");
    assert_foreign("CREATE TABLE leaselock_migrations (id INTEGER, applied_at TEXT)");
    assert_foreign("CREATE VIEW leaselock_leases AS SELECT 1 AS id");
    assert_foreign("CREATE VIEW leaselock_control AS SELECT 1 AS id");
    assert_foreign("CREATE VIEW leaselock_migrations AS SELECT 1 AS version, 0 AS dirty");
    assert_foreign("CREATE TABLE t (x); CREATE INDEX leaselock_leases ON t (x)");
    assert_foreign("CREATE TABLE t (x); CREATE INDEX leaselock_migrations ON t (x)");
}

/* Even an empty table that looks like ours was not made by our migration. */
TEST(our_tables_without_our_version)
{
    assert_foreign("CREATE TABLE leaselock_control (id INTEGER PRIMARY KEY, floor INTEGER, ceiling INTEGER,"
                   " boot INTEGER, boot_id TEXT)");
}

#define VERSION_1                                                                                                      \
    "CREATE TABLE leaselock_migrations (version uint64, dirty bool); INSERT INTO leaselock_migrations VALUES (1, 0);"
#define LEASES                                                                                                         \
    "resource TEXT PRIMARY KEY, client, sequence, acquisition, ttl_ms, deadline_ms, boot, expires_at_ms, released"
#define CONTROL "id INTEGER PRIMARY KEY, floor, ceiling, boot, boot_id"

TEST(our_version_and_one_table_of_another_shape)
{
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_control (" CONTROL
                             "); CREATE TABLE leaselock_leases (id, tenant)");
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_control (" CONTROL ");"
                             "CREATE TABLE leaselock_leases (resource TEXT PRIMARY KEY, client, sequence)");
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_leases (" LEASES "); CREATE TABLE leaselock_control (key, value)");
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_leases (" LEASES ");"
                             "CREATE TABLE leaselock_control (id INTEGER PRIMARY KEY, floor, ceiling)");
}

TEST(our_columns_without_the_key)
{
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_control (" CONTROL ");"
                             "CREATE TABLE leaselock_leases (resource, client, sequence, acquisition, ttl_ms,"
                             " deadline_ms, boot, expires_at_ms, released)");
}

TEST(our_version_and_views)
{
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_control (" CONTROL "); CREATE TABLE t (" LEASES ");"
                             "CREATE VIEW leaselock_leases AS SELECT * FROM t");
    assert_foreign(VERSION_1 "CREATE TABLE leaselock_leases (" LEASES "); CREATE TABLE t (" CONTROL ");"
                             "CREATE VIEW leaselock_control AS SELECT * FROM t");
}

TEST(a_version_table_with_two_rows)
{
    assert_foreign(VERSION_1 "INSERT INTO leaselock_migrations VALUES (2, 0);");
}

TEST(tables_that_were_dropped)
{
    leaselock_lock *lock = NULL;
    end_lock(open_database());
    database_run("DROP TABLE leaselock_leases");
    assert_refused(LEASELOCK_NO_TABLES, leaselock_lock_open(database_url(), NULL, &lock));
    database_run("DROP TABLE leaselock_control");
    assert_refused(LEASELOCK_NO_TABLES, leaselock_lock_open(database_url(), NULL, &lock));
}

TEST(tables_that_are_dropped_under_a_handle)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 0);
    database_run("DROP TABLE leaselock_leases");
    assert_refused(LEASELOCK_NO_TABLES, leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_UNKNOWN); /* not lost: nobody could say so */
    assert_refused(LEASELOCK_NO_TABLES, try_obtain(lock, "r"));
    leaselock_lease_free(lease);
    end_lock(lock);
}

TEST(a_control_row_that_was_deleted)
{
    leaselock_lock *lock = NULL;
    end_lock(open_database());
    database_run("DELETE FROM leaselock_control");
    assert_refused(LEASELOCK_CORRUPT, leaselock_lock_open(database_url(), NULL, &lock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(leases_are_installed_in_a_users_database),
        IN_FOLDER(opening_again_changes_nothing),
        IN_FOLDER(a_database_in_utf_16),
        IN_FOLDER(one_name_is_taken),
        IN_FOLDER(our_tables_without_our_version),
        IN_FOLDER(our_version_and_one_table_of_another_shape),
        IN_FOLDER(our_columns_without_the_key),
        IN_FOLDER(our_version_and_views),
        IN_FOLDER(a_version_table_with_two_rows),
        IN_FOLDER(tables_that_were_dropped),
        IN_FOLDER(tables_that_are_dropped_under_a_handle),
        IN_FOLDER(a_control_row_that_was_deleted),
    };
    return cmocka_run_group_tests_name("sqlite_existing", tests, NULL, NULL);
}
