/* The version table: made as golang-migrate makes it, read with care, and nobody else's touched. */
#include <stdio.h>
#include <string.h>

#include "postgresql/migrations.h"

#define DONE LEASELOCK_MIGRATION_DONE
#define NIL LEASELOCK_NO_VERSION

/* name, type, NOT NULL; and the keys. */
#define DESCRIBE                                                                                                       \
    "SELECT (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull, ', ' ORDER "   \
    "BY attnum)"                                                                                                       \
    " FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),"                                  \
    " (SELECT string_agg(pg_get_constraintdef(oid), ', ') FROM pg_constraint WHERE conrelid = c.oid)"                  \
    " FROM pg_class AS c WHERE c.oid = 'schema_migrations'::regclass"

TEST(is_golang_migrates)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    leaselock_migrations *migrations = open_list("");
    assert_version(migrations, NIL, false);
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'schema_migrations'"), "0");
    assert_up(migrations, DONE, 1);
    assert_string_equal(rows(DESCRIBE), "version bigint true, dirty boolean true|PRIMARY KEY (version)");
    assert_string_equal(rows("SELECT * FROM schema_migrations"), "1|f");
    assert_ok(leaselock_migrations_force(migrations, -1, NULL));
    assert_string_equal(rows("SELECT count(*) FROM schema_migrations"), "0");
    end_migrations(migrations);
    assert_nothing_left();
}

TEST(stays_where_the_first_migration_fails)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int); OOPS");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "syntax error");
    assert_string_equal(rows("SELECT count(*) FROM schema_migrations"), "0");
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'a'"), "0");
    end_migrations(migrations);
}

/* What is in the way, what is said of it, and as what. */
static const struct {
    const char *made;
    leaselock_status status;
    const char *message;
} in_the_way[] = {
    {"CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1'), "
     "('2')",
     LEASELOCK_FOREIGN_TABLES, "no columns"},
    {"CREATE TABLE schema_migrations (version varchar, dirty boolean)", LEASELOCK_FOREIGN_TABLES, "no columns"},
    {"CREATE TABLE schema_migrations (version bigint, dirty text)", LEASELOCK_FOREIGN_TABLES, "no columns"},
    {"CREATE VIEW schema_migrations AS SELECT 1::bigint AS version, false AS dirty", LEASELOCK_FOREIGN_TABLES,
     "no table"},
    {"CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (1, false), "
     "(2, false)",
     LEASELOCK_VERSION_ROWS, "more than one row"},
    {"CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (-2, false)",
     LEASELOCK_BAD_VERSION, "below -1"},
    {"CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (NULL, "
     "false)",
     LEASELOCK_BAD_VERSION, "no whole number"},
    {"CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (1, NULL)",
     LEASELOCK_BAD_VERSION, "neither true nor false"},
    {"CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (1, true)",
     LEASELOCK_DIRTY, "dirty at version 1"},
};

TEST(that_is_none_is_not_touched)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    for (size_t i = 0; i < sizeof in_the_way / sizeof *in_the_way; i++) {
        print_message("%s\n", in_the_way[i].made);
        sql(here, "%s", in_the_way[i].made);
        char before[4096];
        snprintf(before, sizeof before, "%s", rows("SELECT t::text FROM schema_migrations AS t"));
        leaselock_migrations *migrations = open_list_at(own_url(""), &at_once);
        assert_up_fails(migrations, in_the_way[i].status, in_the_way[i].message);
        if (in_the_way[i].status == LEASELOCK_FOREIGN_TABLES)
            assert_refused(LEASELOCK_FOREIGN_TABLES, leaselock_migrations_force(migrations, 1, NULL));
        assert_string_equal(rows("SELECT t::text FROM schema_migrations AS t"), before);
        if (in_the_way[i].status != LEASELOCK_FOREIGN_TABLES) { /* force is for this */
            assert_ok(leaselock_migrations_force(migrations, 0, NULL));
            assert_string_equal(rows("SELECT version, dirty FROM schema_migrations"), "0|f");
        }
        end_migrations(migrations);
        sql(here, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
}

TEST(may_have_further_columns_and_other_whole_numbers)
{
    sql(here, "CREATE DOMAIN counted AS int; CREATE TABLE schema_migrations (note text DEFAULT 'fresh', dirty boolean "
              "NOT NULL,"
              " version counted NOT NULL); INSERT INTO schema_migrations VALUES ('old', false, 1)");
    migration("1_a.up.sql", "OOPS");
    migration("2_b.up.sql", "ALTER TABLE schema_migrations ADD COLUMN at timestamptz DEFAULT now()");
    migration("3_c.up.sql", "ALTER TABLE schema_migrations DROP COLUMN at");
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 3);
    assert_string_equal(rows("SELECT version, dirty, note FROM schema_migrations"), "3|f|fresh");
    end_migrations(migrations);
}

TEST(whose_further_columns_want_values_is_said_so)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int); ALTER TABLE schema_migrations ADD COLUMN note text NOT NULL");
    leaselock_migrations *migrations = open_list("");
    assert_up_fails(migrations, LEASELOCK_MIGRATION_FAILED, "cannot write the version: null value in column \"note\"");
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relname = 'a'"), "0");
    assert_version(migrations, NIL, false);
    end_migrations(migrations);
}

TEST(that_a_migration_drops_is_made_anew)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    migration("2_b.up.sql", "DROP TABLE schema_migrations");
    migration("3_c.up.sql", "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE c (x int)");
    migration("4_d.up.sql", "DROP SCHEMA public CASCADE");
    leaselock_migrations *migrations = open_list("");
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_goto(migrations, 3, &result);
    assert_run(status, result, DONE, 3);
    assert_string_equal(rows("SELECT * FROM schema_migrations"), "3|f");
    assert_up_fails(migrations, LEASELOCK_NOT_FOUND, "schema \"public\" does not exist");
    assert_version(migrations, 3, false);
    assert_string_equal(rows("SELECT count(*) FROM c"), "0");
    end_migrations(migrations);
    assert_nothing_left();
}

/* ---- names ---- */

static const struct {
    const char *options, *table, *made; /* of the options; a call's name; what there is then */
    leaselock_status refused;
} names[] = {
    {"?x-migrations-table=versions", NULL, "public.versions", 0},
    {"?x-migrations-table=Mixed%20Case", NULL, "public.\"Mixed Case\"", 0},
    {"?x-migrations-table=a.b", NULL, "public.\"a.b\"", 0},
    {"?x-migrations-table=%22odd%22", NULL, "public.\"\"\"odd\"\"\"", 0},
    {"?x-migrations-table=%22t%22&x-migrations-table-quoted=true", NULL, "public.t", 0},
    {"?x-migrations-table-quoted=1&x-migrations-table=%22other%22.%22t%22", NULL, "other.t", 0},
    {"?x-migrations-table=ignored", "given", "public.given", 0},
    {"", "\"other\".\"given\"", "other.given", 0},
    {"?search_path=other,public", NULL, "other.schema_migrations", 0},
    {"?x-migrations-table=t&x-migrations-table-quoted=true", NULL, NULL, LEASELOCK_INVALID},
    {"?x-migrations-table=%22a%22.%22b%22.%22c%22&x-migrations-table-quoted=true", NULL, NULL, LEASELOCK_INVALID},
    {"?x-migrations-table=%22t%22&x-migrations-table-quoted=perhaps", NULL, NULL, LEASELOCK_INVALID},
    {"?x-migrations-table=leaselock_migrations", NULL, NULL, LEASELOCK_INVALID},
    {"", "\"public\".\"leaselock_migrations\"", NULL, LEASELOCK_INVALID},
    {"?search_path=nowhere", NULL, NULL, LEASELOCK_NOT_FOUND},
};

TEST(is_named_by_the_url_or_the_call)
{
    migration("1_a.up.sql", "SELECT 1");
    sql(here, "CREATE SCHEMA other");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        print_message("%s %s\n", names[i].options, names[i].table ? names[i].table : "");
        leaselock_migrations_options options = {.struct_size = sizeof options, .table = names[i].table};
        leaselock_migrations *migrations = NULL;
        leaselock_status status = try_open(own_url(names[i].options), &options, &migrations);
        if (names[i].refused) {
            assert_refused(names[i].refused, status);
            continue;
        }
        assert_ok(status);
        assert_up(migrations, DONE, 1);
        end_migrations(migrations);
        assert_string_equal(rows("SELECT * FROM %s", names[i].made), "1|f");
        sql(here, "DROP TABLE %s", names[i].made);
    }
}

/* ---- who may what ---- */

TEST(can_be_read_by_whoever_may_read)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    migration("2_b.up.sql", "CREATE TABLE b (x int)");
    leaselock_migrations *migrations = open_list("");
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_goto(migrations, 1, &result);
    assert_run(status, result, DONE, 1);
    end_migrations(migrations);
    sql(here, "DROP ROLE IF EXISTS reader");
    sql(here, "CREATE ROLE reader LOGIN; GRANT SELECT ON schema_migrations TO reader");
    migrations = open_list_at(own_url_as("reader", ""), &patiently);
    assert_version(migrations, 1, false);
    leaselock_migration_listing *listing;
    assert_ok(leaselock_migrations_status(migrations, &listing));
    assert_int_equal(leaselock_migration_listing_pending(listing), 1);
    leaselock_migration_listing_free(listing);
    assert_up_fails(migrations, LEASELOCK_PERMISSION, "permission denied");
    end_migrations(migrations);
    sql(here, "REVOKE SELECT ON schema_migrations FROM reader");
    migrations = open_list_at(own_url_as("reader", ""), &patiently);
    int64_t version;
    assert_refused(LEASELOCK_PERMISSION, leaselock_migrations_version(migrations, &version, NULL));
    assert_message("may not read the version table \"public\".\"schema_migrations\"");
    end_migrations(migrations);
    sql(here, "DROP TABLE schema_migrations");
    migrations = open_list_at(own_url_as("reader", ""), &patiently);
    assert_version(migrations, NIL, false); /* nothing is made for a question */
    assert_up_fails(migrations, LEASELOCK_PERMISSION, "create the version table");
    end_migrations(migrations);
    sql(here, "DROP ROLE reader");
    assert_nothing_left();
}

TEST(can_be_read_where_nothing_can_be_written)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int)");
    migration("2_b.up.sql", "CREATE TABLE b (x int)");
    leaselock_migrations *migrations = open_list("?default_transaction_read_only=on");
    assert_version(migrations, NIL, false);
    assert_up_fails(migrations, LEASELOCK_READ_ONLY, "read-only");
    end_migrations(migrations);
    migrations = open_list("");
    assert_ok(leaselock_migrations_goto(migrations, 1, NULL));
    end_migrations(migrations);
    migrations = open_list("?default_transaction_read_only=on");
    assert_version(migrations, 1, false);
    assert_up_fails(migrations, LEASELOCK_READ_ONLY, "2_b.up.sql:1:1: cannot execute CREATE TABLE in a read-only");
    assert_refused(LEASELOCK_READ_ONLY, leaselock_migrations_force(migrations, 2, NULL));
    end_migrations(migrations);
    assert_nothing_left();
}

/* ---- the log ---- */

static char logged[4096];

static void take_log(int level, const char *domain, const char *message, void *payload)
{
    (void)payload;
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%d %s: %s\n", level, domain, message);
}

TEST(of_another_schema_is_warned_of)
{
    migration("1_a.up.sql", "CREATE SCHEMA postgres");
    migration("2_b.up.sql", "DO $$BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END$$");
    logged[0] = '\0';
    leaselock_log_set(take_log, NULL, LEASELOCK_LOG_INFO);
    leaselock_migrations *migrations = open_list("");
    assert_null(strstr(logged, "there is no"));
    assert_up(migrations, DONE, 2);
    end_migrations(migrations);
    char expected[64];
    snprintf(expected, sizeof expected, "%d postgresql: one\n", LEASELOCK_LOG_INFO);
    assert_non_null(strstr(logged, expected));
    snprintf(expected, sizeof expected, "%d postgresql: two\n", LEASELOCK_LOG_WARNING);
    assert_non_null(strstr(logged, expected));
    migrations = open_list(""); /* current_schema() is another one now */
    assert_non_null(
        strstr(logged, "there is no \"postgres\".\"schema_migrations\", but a table of that name in public"));
    leaselock_log_set(NULL, NULL, 0);
    end_migrations(migrations);
}

/* ---- drop ---- */

TEST(goes_with_all_tables_and_views_but_those_of_leases)
{
    leaselock_lock *lock;
    migration(
        "1_a.up.sql",
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a); CREATE VIEW v AS SELECT * FROM a;"
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM v; CREATE TABLE p (x int) PARTITION BY RANGE (x);"
        "CREATE TABLE p1 PARTITION OF p DEFAULT; CREATE TYPE mood AS ENUM ('ok'); CREATE FUNCTION f() RETURNS int"
        " LANGUAGE sql AS 'SELECT 1'; CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.kept (x int)");
    assert_ok(leaselock_lock_open(own_url(""), NULL, &lock));
    leaselock_lock_free(lock);
    leaselock_migrations *migrations = open_list("");
    assert_up(migrations, DONE, 1);
    leaselock_migration_result *result = NULL;
    leaselock_status status = leaselock_migrations_drop(migrations, &result);
    assert_int_equal(leaselock_migration_result_from(result), 1);
    assert_run(status, result, DONE, NIL);
    assert_string_equal(
        rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p') AND relnamespace::regnamespace::text"
             " IN ('public', 'elsewhere') ORDER BY relname"),
        "kept;leaselock_control;leaselock_leases;leaselock_migrations");
    assert_string_equal(rows("SELECT 'ok'::mood, f()"), "ok|1");
    status = leaselock_migrations_drop(migrations, &result);
    assert_run(status, result, LEASELOCK_MIGRATION_NO_CHANGE, NIL);
    sql(here, "DROP TYPE mood; DROP FUNCTION f; DROP SCHEMA elsewhere CASCADE");
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
    assert_nothing_left();
}

TEST(is_dropped_in_one_transaction)
{
    migration("1_a.up.sql", "CREATE TABLE a (x int); CREATE TABLE z (x int)");
    leaselock_migrations *migrations =
        open_list("?x-migrations-table=%22other%22.%22t%22&x-migrations-table-quoted=true");
    sql(here, "CREATE SCHEMA other; CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS"
              " 'BEGIN IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_identity = ''public.z'')"
              " THEN RAISE ''not that one, %% locks'', (SELECT count(*) FROM pg_locks WHERE locktype = ''advisory''"
              " AND pid = pg_backend_pid()); END IF; END';"
              " CREATE EVENT TRIGGER refuse ON sql_drop EXECUTE FUNCTION refuse()");
    assert_up(migrations, DONE, 1);
    assert_refused(LEASELOCK_MIGRATION_FAILED, leaselock_migrations_drop(migrations, NULL));
    assert_message("not that one, 2 locks");
    assert_string_equal(rows("SELECT count(*) FROM a"), "0");
    assert_version(migrations, 1, false);
    sql(here, "DROP EVENT TRIGGER refuse");
    assert_ok(leaselock_migrations_drop(migrations, NULL));
    assert_string_equal(rows("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname IN ('a', 'z', 't')"), "0");
    end_migrations(migrations);
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(is_golang_migrates),
        IN_DATABASE(stays_where_the_first_migration_fails),
        IN_DATABASE(that_is_none_is_not_touched),
        IN_DATABASE(may_have_further_columns_and_other_whole_numbers),
        IN_DATABASE(whose_further_columns_want_values_is_said_so),
        IN_DATABASE(that_a_migration_drops_is_made_anew),
        IN_DATABASE(is_named_by_the_url_or_the_call),
        IN_DATABASE(can_be_read_by_whoever_may_read),
        IN_DATABASE(can_be_read_where_nothing_can_be_written),
        IN_DATABASE(of_another_schema_is_warned_of),
        IN_DATABASE(goes_with_all_tables_and_views_but_those_of_leases),
        IN_DATABASE(is_dropped_in_one_transaction),
    };
    return cmocka_run_group_tests_name("migrate_table", tests, NULL, NULL);
}
