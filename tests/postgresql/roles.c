/* Who may do what, in which schema, and what a role's own settings must not change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engines/postgresql/postgresql.h"
#include "postgresql/database.h"

static PGconn *admin;

static int setup(void **state)
{
    (void)state;
    admin = session();
    sql(admin, "DROP TABLE IF EXISTS leaselock_leases, leaselock_control, leaselock_migrations;"
               "DROP FUNCTION IF EXISTS leaselock_fence(text, bigint), leaselock_lock_row();"
               "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    sql(admin, "DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN PASSWORD 'sesame'");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sql(admin, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'");
    sql(admin, "DROP SCHEMA IF EXISTS elsewhere CASCADE; DROP SCHEMA IF EXISTS \"Odd \"\"one\" CASCADE;"
               "DROP OWNED BY app; DROP ROLE app");
    PQfinish(admin);
    return 0;
}

/* The server's URL with another user before the @, and options behind it. */
static const char *url_for(const char *user, const char *options)
{
    static char text[512];
    const char *url = server("_TCP"), *host = strrchr(url, '@');
    snprintf(text, sizeof text, "postgresql://%s%s%s", user, host, options);
    return text;
}

static void refused(leaselock_status expected, const char *url)
{
    leaselock_connection *none = NULL;
    int64_t start = real_clock();
    assert_refused(expected, engine_try_connect(url, &none));
    assert_true(real_clock() - start < 3000); /* at once */
}

/* One lease from its beginning to its end. */
static void use(leaselock_connection *connection)
{
    leaselock_claim claim = obtained(connection, new_resource(), "c", 30000);
    assert_kind(RENEWED, renew(connection, claim));
    assert_kind(RELEASED, release(connection, claim));
}

static void install(void)
{
    engine_close(engine_connect());
}

static void grant_what_clients_need(void)
{
    sql(admin, "GRANT SELECT ON leaselock_migrations TO app; GRANT SELECT, INSERT, UPDATE ON leaselock_leases TO app;"
               "GRANT SELECT, UPDATE ON leaselock_control TO app");
}

/*
 * --- schemas
 * ----------------------------------------------------------------------------------------------------------
 */

TEST(the_url_names_the_schema)
{
    sql(admin, "CREATE SCHEMA \"Odd \"\"one\"");
    leaselock_connection *connection = engine_connect_to(url_for("postgres", "?schema=Odd%20%22one&sslmode=prefer"));
    use(connection);
    assert_int_equal(number(admin, "SELECT count(*) FROM \"Odd \"\"one\".leaselock_leases"), 1);
    assert_string_equal(sqlstate(admin, "SELECT 1 FROM leaselock_leases"), "42P01");
    assert_string_equal(sqlstate(admin, "SELECT \"Odd \"\"one\".leaselock_fence('none', 1)"), "LL001");
    engine_close(connection);
}

TEST(else_the_search_path_leads_to_it_once)
{
    sql(admin, "CREATE SCHEMA elsewhere");
    leaselock_connection *connection =
        engine_connect_to(url_for("postgres", "?options=-csearch_path%3Delsewhere"));
    leaselock_claim claim = obtained(connection, new_resource(), "c", 30000);
    sql(admin, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'libleaselock'");
    assert_eventually(
        number(admin, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'libleaselock'") == 0);
    assert_kind(RENEWED, renew(connection, claim));
    assert_int_equal(number(admin, "SELECT count(*) FROM elsewhere.leaselock_leases"), 1);
    engine_close(connection);
    install(); /* and public has tables of its own */
    assert_int_equal(number(admin, "SELECT count(*) FROM leaselock_leases"), 0);
}

TEST(a_schema_that_is_not_there_is_said_to_be)
{
    refused(LEASELOCK_NOT_FOUND, url_for("postgres", "?schema=nowhere"));
    assert_non_null(strstr(leaselock_error_last()->message, "nowhere"));
    refused(LEASELOCK_NOT_FOUND, url_for("postgres", "?options=-csearch_path%3Dnowhere"));
}

/*
 * --- roles
 * ------------------------------------------------------------------------------------------------------------
 */

TEST(a_role_without_ddl_rights_uses_what_others_installed)
{
    install();
    grant_what_clients_need();
    leaselock_connection *connection = engine_connect_to(url_for("app:sesame", ""));
    use(connection);
    int64_t floor;
    assert_ok(ll_engine_postgresql.raise_floor(connection, 50, patient_call(), &floor));
    engine_close(connection);
}

TEST(it_says_what_is_missing)
{
    refused(LEASELOCK_NO_TABLES, url_for("app:sesame", ""));
    const char *message = leaselock_error_last()->message;
    assert_non_null(strstr(message, "public"));
    assert_non_null(strstr(message, "app"));
    assert_non_null(strstr(message, "share/leaselock/migrations/postgresql"));
    assert_non_null(strstr(message, "x-migrations-table=leaselock_migrations"));
    install();
    refused(LEASELOCK_PERMISSION, url_for("app:sesame", ""));
    assert_non_null(strstr(leaselock_error_last()->message, "leaselock_migrations"));
    assert_string_equal(leaselock_error_last()->sqlstate, "42501");
}

TEST(a_role_that_may_only_read_lists_and_is_refused_the_rest)
{
    install();
    sql(admin, "GRANT SELECT ON leaselock_migrations, leaselock_leases, leaselock_control TO app");
    leaselock_connection *connection = engine_connect_to(url_for("app:sesame", ""));
    leaselock_claim claim = claim_on(new_resource(), "c", 30000);
    leaselock_outcome outcome;
    assert_refused(LEASELOCK_PERMISSION, ll_engine_postgresql.obtain(connection, &claim, 1, patient_call(), &outcome));
    assert_non_null(strstr(leaselock_error_last()->message, "leaselock_leases"));
    engine_close(connection);
}

TEST(a_role_that_owns_only_a_schema_installs_there)
{
    sql(admin, "CREATE SCHEMA elsewhere AUTHORIZATION app");
    leaselock_connection *connection = engine_connect_to(url_for("app:sesame", "?schema=elsewhere"));
    use(connection);
    assert_int_equal(
        number(admin, "SELECT count(*) FROM pg_tables WHERE schemaname = 'elsewhere' AND tableowner = 'app'"), 3);
    engine_close(connection);
}

TEST(first_opens_at_once_exclude_each_other)
{
    enum { OPENERS = 8 };
    pid_t openers[OPENERS];
    for (int i = 0; i < OPENERS; i++) {
        openers[i] = fork();
        if (openers[i] == 0) {
            leaselock_connection *connection = NULL;
            _exit(engine_try_connect(server(""), &connection) == LEASELOCK_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < OPENERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(openers[i], &status, 0), openers[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(number(admin, "SELECT count(*) FROM leaselock_control"), 1);
    assert_int_equal(number(admin, "SELECT count(*) FROM leaselock_migrations"), 1);
}

/*
 * --- what is in the place of our tables
 * --------------------------------------------------------------------------------
 */

/* The snapshot of a look is older than the tables, whose names are known already. */
TEST(tables_that_another_open_makes_meanwhile_are_not_foreign)
{
    static const leaselock_version_table table = {.name = "leaselock_migrations"};
    leaselock_version_row row;
    leaselock_connection *connection = engine_connect();
    sql(admin, "DROP TABLE leaselock_migrations");
    assert_ok(ll_pg_run_script(connection, patient_call(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1", "begin"));
    sql(admin, "CREATE TABLE leaselock_migrations (version bigint not null primary key, dirty boolean not null);"
               "INSERT INTO leaselock_migrations VALUES (1, false)");
    assert_ok(ll_pg_installation.read_version(connection, &table, patient_call(), &row));
    assert_int_equal(row.kind, LEASELOCK_VERSION_NONE);
    engine_close(connection);
}

TEST(tables_of_others_are_left_alone)
{
    sql(admin, "CREATE TABLE leaselock_leases (mine text)");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
    assert_string_equal(sqlstate(admin, "SELECT 1 FROM leaselock_migrations"), "42P01"); /* nothing was made */
    sql(admin, "DROP TABLE leaselock_leases; CREATE TABLE leaselock_migrations (other text)");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
}

TEST(what_the_fence_stands_on_is_checked)
{
    install();
    sql(admin, "ALTER TABLE leaselock_leases DROP CONSTRAINT leaselock_leases_pkey");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
    sql(admin, "ALTER TABLE leaselock_leases ADD PRIMARY KEY (sequence, resource)");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
    sql(admin, "ALTER TABLE leaselock_leases DROP CONSTRAINT leaselock_leases_pkey, ADD PRIMARY KEY (resource),"
               " DISABLE TRIGGER leaselock_lock_row");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
    sql(admin, "ALTER TABLE leaselock_leases ENABLE TRIGGER leaselock_lock_row");
    engine_close(engine_connect());
    sql(admin, "ALTER TABLE leaselock_leases SET UNLOGGED");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
    sql(admin, "ALTER TABLE leaselock_leases SET LOGGED; ALTER TABLE leaselock_leases DROP COLUMN ttl_ms");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
}

TEST(tables_that_vanish_are_missing_and_not_busy)
{
    leaselock_connection *connection = engine_connect();
    sql(admin, "DROP TABLE leaselock_leases");
    leaselock_claim claim = claim_on(new_resource(), "c", 30000);
    leaselock_outcome outcome;
    assert_refused(LEASELOCK_NO_TABLES, ll_engine_postgresql.obtain(connection, &claim, 1, patient_call(), &outcome));
    engine_close(connection);
    refused(LEASELOCK_NO_TABLES, server("")); /* the version says that they are there */
}

TEST(a_newer_database_is_refused)
{
    install();
    sql(admin, "UPDATE leaselock_migrations SET version = 99");
    refused(LEASELOCK_NEWER_DATABASE, server(""));
    sql(admin, "UPDATE leaselock_migrations SET version = 1, dirty = true");
    refused(LEASELOCK_FOREIGN_TABLES, server(""));
}

/*
 * --- connecting
 * -------------------------------------------------------------------------------------------------------
 */

TEST(refusals_to_connect_have_codes_of_their_own)
{
    refused(LEASELOCK_PERMISSION, url_for("nobody_of_this_name", ""));
    refused(LEASELOCK_PERMISSION, url_for("app:wrong", ""));
    assert_string_equal(leaselock_error_last()->sqlstate, "28P01");
    refused(LEASELOCK_PERMISSION, url_for("app", "")); /* no password at all */
    refused(LEASELOCK_INVALID, url_for("app:sesame", "?sslmode=sometimes"));
    refused(LEASELOCK_INVALID, url_for("app:sesame", "?no_such_option=1"));
    assert_non_null(strstr(leaselock_error_last()->message, "no_such_option"));
    refused(LEASELOCK_INVALID, "postgres:app:sesame@localhost/app");
    assert_non_null(strstr(leaselock_error_last()->message, "two slashes"));
    refused(LEASELOCK_INVALID, url_for("app:sesame", "?schema="));
    refused(LEASELOCK_INVALID, url_for("app:sesame", "?schema=a&schema=b"));
    refused(LEASELOCK_NOT_FOUND, url_for("postgres", "?dbname=no_such_database"));
}

TEST(no_message_has_the_password)
{
    static const char *const urls[] = {
        "postgresql://app:sec%zzret@127.0.0.1/x", "postgresql://app:se?cret@[127.0.0.1/x",
        "postgresql://app:secret@127.0.0.1:no/x",
        "postgresql://app:secret@127.0.0.1/x?password=sec%zzret", "postgresql://app:secret@127.0.0.1/x?sslmode=secret",
        "postgresql://app:secret@127.0.0.1:1/x?connect_timeout=2",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        leaselock_connection *none = NULL;
        assert_true(engine_try_connect(urls[i], &none) != LEASELOCK_OK);
        const char *message = leaselock_error_last()->message;
        if (strstr(message, "sec") && !strstr(message, "second"))
            fail_msg("%s", message);
    }
}

TEST(options_files_and_variables_of_libpq_work)
{
    install();
    grant_what_clients_need();
    char passwords[] = "/tmp/leaselock-pass-XXXXXX", services[] = "/tmp/leaselock-service-XXXXXX";
    FILE *file = fdopen(mkstemp(passwords), "w");
    fputs("*:*:*:app:sesame\n", file);
    fclose(file);
    const char *port = strrchr(server("_TCP"), ':') + 1, *name = strrchr(server("_TCP"), '/') + 1;
    file = fdopen(mkstemp(services), "w");
    fprintf(file, "[leases]\nhost=127.0.0.1\nport=%.*s\ndbname=%s\nuser=app\n", (int)strcspn(port, "/"), port, name);
    fclose(file);
    setenv("PGPASSFILE", passwords, 1);
    setenv("PGSERVICEFILE", services, 1);
    leaselock_connection *connection = engine_connect_to("postgres://?service=leases");
    use(connection);
    engine_close(connection);
    unsetenv("PGPASSFILE");
    unsetenv("PGSERVICEFILE");
    unlink(passwords);
    unlink(services);
}

TEST(tls_is_used_where_it_is_asked_for)
{
    need_own_server();
    assert_string_equal(sql(admin, "SHOW ssl"), "on"); /* server.py has made a certificate */
    leaselock_connection *connection = engine_connect_to(url_for("postgres", "?sslmode=require"));
    use(connection);
    assert_int_equal(number(admin, "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                                   " WHERE application_name = 'libleaselock' AND ssl"), 1);
    engine_close(connection);
}

/*
 * --- what a role is set to
 * ---------------------------------------------------------------------------------------------
 */

TEST(isolation_by_default_does_no_harm)
{
    install();
    grant_what_clients_need();
    static const char *const levels[] = {"repeatable read", "serializable"};
    for (size_t i = 0; i < 2; i++) {
        sql(admin, "ALTER ROLE app SET default_transaction_isolation = '%s'", levels[i]);
        leaselock_connection *connection = engine_connect_to(url_for("app:sesame", ""));
        use(connection);
        engine_close(connection);
    }
}

/* Whether the log has bytes that a crash would take. */
static int is_unflushed(void)
{
    return number(admin, "SELECT (pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn())::bigint") > 0;
}

typedef struct durability {
    int grants, renewals, releases; /* after which something was not flushed */
} durability;

static void watch_the_log(leaselock_connection *connection, size_t count, durability *seen)
{
    leaselock_claim claims[2] = {claim_on(new_resource(), "c", 30000), claim_on(new_resource(), "c", 30000)};
    leaselock_outcome outcomes[2];
    assert_ok(ll_engine_postgresql.obtain(connection, claims, count, patient_call(), outcomes));
    seen->grants += is_unflushed();
    for (size_t i = 0; i < count; i++)
        claims[i].sequence = outcomes[i].sequence;
    assert_ok(ll_engine_postgresql.renew(connection, claims, count, patient_call(), outcomes));
    seen->renewals += is_unflushed();
    assert_ok(ll_engine_postgresql.release(connection, claims, count, patient_call(), outcomes));
    seen->releases += is_unflushed();
}

/* The server writes a little of its own now and then, hence not zero and not all. */
TEST(grants_and_renewals_are_on_the_disk_when_they_are_reported_and_releases_need_not_be)
{
    enum { ROUNDS = 20, OTHERS = 3 };
    install();
    grant_what_clients_need();
    static const char *const settings[] = {"off", "local", "on"};
    for (size_t i = 0; i < 6; i++) {
        sql(admin, "ALTER ROLE app SET synchronous_commit = '%s'", settings[i % 3]);
        leaselock_connection *connection = engine_connect_to(url_for("app:sesame", ""));
        durability seen = {0};
        for (int round = 0; round < ROUNDS; round++)
            watch_the_log(connection, 1 + i / 3, &seen);
        assert_true(seen.grants <= OTHERS && seen.renewals <= OTHERS);
        assert_true(seen.releases >= ROUNDS - OTHERS);
        engine_close(connection);
    }
}

/* First of rows to come alone, then with a row. */
TEST(raised_floors_are_on_the_disk)
{
    enum { ROUNDS = 20, OTHERS = 3 };
    install();
    grant_what_clients_need();
    sql(admin, "ALTER ROLE app SET synchronous_commit = off");
    leaselock_connection *connection = engine_connect_to(url_for("app:sesame", ""));
    int64_t floor = 0;
    for (int rows = 0; rows <= 1; rows++) {
        int unflushed = 0;
        for (int round = 0; round < ROUNDS; round++) {
            assert_ok(ll_engine_postgresql.raise_floor(connection, floor + 1, patient_call(), &floor));
            unflushed += is_unflushed();
        }
        assert_true(unflushed <= OTHERS);
        obtained(connection, new_resource(), "c", 30000);
    }
    engine_close(connection);
}

static void set_standby(const char *name)
{
    sql(admin, "ALTER SYSTEM SET synchronous_standby_names = '%s'", name);
    sql(admin, "SELECT pg_reload_conf()");
    assert_eventually(strcmp(sql(admin, "SHOW synchronous_standby_names"), name) == 0);
}

/* The server's own processes take a new setting up one after the other. */
static bool commits_wait_for_a_standby(void)
{
    PGconn *probe = session();
    sql(probe, "SET synchronous_commit = on");
    send_sql(probe, "SELECT pg_logical_emit_message(true, 'probe', '')");
    bool waits = false;
    assert_eventually((waits = number(admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d"
                                             " AND wait_event = 'SyncRep'", PQbackendPID(probe)) == 1) ||
                      has_answered(probe));
    PQfinish(probe);
    return waits;
}

/*
 * What is reported as granted has reached the standby that a fail-over would promote, whatever the role's own setting.
 */
TEST(a_grant_waits_for_the_synchronous_standby)
{
    need_own_server();
    install();
    grant_what_clients_need();
    sql(admin, "ALTER ROLE app SET synchronous_commit = 'local'; SET synchronous_commit = local");
    leaselock_connection *connection = engine_connect_to(url_for("app:sesame", ""));
    leaselock_claim held = obtained(connection, new_resource(), "c", 30000);
    leaselock_claim claim = claim_on(held.resource, "d", 30000);
    set_standby("nobody");
    assert_eventually(commits_wait_for_a_standby());
    assert_kind(RELEASED, release(connection, held)); /* which waits for nothing */
    leaselock_outcome outcome;
    assert_refused(LEASELOCK_UNAVAILABLE, ll_engine_postgresql.obtain(connection, &claim, 1, call_of(500), &outcome));
    /* The first try still waits, with the row in its hands; that is not somebody else's lease. */
    assert_refused(LEASELOCK_UNAVAILABLE, ll_engine_postgresql.obtain(connection, &claim, 1, call_of(500), &outcome));
    set_standby("");
    assert_eventually(ll_engine_postgresql.obtain(connection, &claim, 1, patient_call(), &outcome) == LEASELOCK_OK);
    assert_kind(GRANTED, outcome);
    assert_int_equal(outcome.sequence, held.sequence + 1);
    engine_close(connection);
}

int main(void)
{
#define ROLE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROLE_TEST(the_url_names_the_schema),
        ROLE_TEST(else_the_search_path_leads_to_it_once),
        ROLE_TEST(a_schema_that_is_not_there_is_said_to_be),
        ROLE_TEST(a_role_without_ddl_rights_uses_what_others_installed),
        ROLE_TEST(it_says_what_is_missing),
        ROLE_TEST(a_role_that_may_only_read_lists_and_is_refused_the_rest),
        ROLE_TEST(a_role_that_owns_only_a_schema_installs_there),
        ROLE_TEST(first_opens_at_once_exclude_each_other),
        ROLE_TEST(tables_that_another_open_makes_meanwhile_are_not_foreign),
        ROLE_TEST(tables_of_others_are_left_alone),
        ROLE_TEST(what_the_fence_stands_on_is_checked),
        ROLE_TEST(tables_that_vanish_are_missing_and_not_busy),
        ROLE_TEST(a_newer_database_is_refused),
        ROLE_TEST(refusals_to_connect_have_codes_of_their_own),
        ROLE_TEST(no_message_has_the_password),
        ROLE_TEST(options_files_and_variables_of_libpq_work),
        ROLE_TEST(tls_is_used_where_it_is_asked_for),
        ROLE_TEST(isolation_by_default_does_no_harm),
        ROLE_TEST(grants_and_renewals_are_on_the_disk_when_they_are_reported_and_releases_need_not_be),
        ROLE_TEST(raised_floors_are_on_the_disk),
        ROLE_TEST(a_grant_waits_for_the_synchronous_standby),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
