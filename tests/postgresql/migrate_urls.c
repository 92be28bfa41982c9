/* URLs as golang-migrate and its drivers read them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgresql/migrations.h"

#define DONE LEASELOCK_MIGRATION_DONE

static const struct {
    const char *options, *setting, *value; /* NULL: refused, and the message says `value` */
} urls[] = {
    {"", "client_encoding", "UTF8"},
    {"", "DateStyle", "ISO, MDY"},
    {"", "application_name", "libleaselock"},
    {"?client_encoding=LATIN1", "client_encoding", "UTF8"},
    {"?application_name=me&x-statement-timeout=1000", "application_name", "me"},
    {"?search_path=s%2C%20public", "search_path", "s, public"},
    {"?search_path=s%2C+public&application_name=a+b", "search_path", "s, public"},
    {"?search_path=s%2C+public&application_name=a+b", "application_name", "a+b"}, /* libpq's */
    {"?timezone=Etc/GMT%2B3", "TimeZone", "Etc/GMT+3"},
    {"?statement_timeout=12345&lock_timeout=1s", "statement_timeout", "12345ms"},
    {"?timezone=Asia/Tokyo", "TimeZone", "Asia/Tokyo"},
    {"?search_path=a%5Cb&options=-c%20work_mem%3D3MB", "work_mem", "3MB"},
    {"?search_path=a%5Cb", "search_path", "a\\b"},
    {"?binary_parameters=yes&pool_max_conns=7&default_query_exec_mode=exec&statement_cache_capacity=3&schema=s",
     "search_path", "\"$user\", public"},
    {"?sslmode=disable&x-nobody-knows=1&x-no-lock=true&x-lock-strategy=advisory&x-lock-table=t", "search_path",
     "\"$user\", public"},
    {"?x-lock-strategy=table", NULL, "x-lock-strategy=table: only advisory locks"},
    {"?x-statement-timeout=soon", NULL, "x-statement-timeout is a whole number"},
    {"?x-statement-timeout=-1", NULL, "x-statement-timeout is a whole number"},
    {"?x-multi-statement=yes", NULL, "x-multi-statement is true or false"},
    {"?x-multi-statement-max-size=big", NULL, "x-multi-statement-max-size is a whole number"},
    {"?nobody_knows=1", NULL, "nobody_knows"},
    {"?not-a-setting=1", NULL, "invalid URI query parameter: \"not-a-setting\""},
    {"?search_path=%zz", NULL, "percent"},
};

TEST(options_are_read_or_refused)
{
    sql(here, "CREATE SCHEMA s; CREATE SCHEMA \"a\\b\"");
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        print_message("%s\n", urls[i].options);
        char body[160];
        snprintf(body, sizeof body, "CREATE TABLE public.seen AS SELECT current_setting('%s') AS value",
                 urls[i].setting ? urls[i].setting : "");
        migration("1_a.up.sql", body);
        leaselock_migrations *migrations = NULL;
        leaselock_status status = try_open(own_url(urls[i].options), &patiently, &migrations);
        if (!urls[i].setting) {
            assert_true(status != LEASELOCK_OK);
            assert_message(urls[i].value);
            continue;
        }
        assert_ok(status);
        assert_up(migrations, DONE, 1);
        end_migrations(migrations);
        assert_string_equal(rows("SELECT value FROM seen"), urls[i].value);
        sql(here, "DROP TABLE seen; DROP TABLE IF EXISTS public.schema_migrations, s.schema_migrations, "
                  "\"a\\b\".schema_migrations");
    }
}

/* No message shows the password, whatever is wrong. */
TEST(the_password_stays_secret)
{
    static const char *const bad[] = {"postgresql://app:s3cret@127.0.0.1:1/x",
                                      "postgresql://app:s3cret@nowhere.invalid:1/x",
                                      "postgresql://app:s3cret@127.0.0.1:port/x",
                                      "postgresql://app:s3cret@127.0.0.1:1/x?x-lock-strategy=table",
                                      "postgresql://app:s3cret@127.0.0.1:1/x?search_path=%zz",
                                      "postgresql://app:s3cret@%zz/x",
                                      "postgresql://app:s3cret@127.0.0.1:1/x?connect_timeout=s3cret"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leaselock_migrations *migrations = NULL;
        assert_true(try_open(bad[i], &at_once, &migrations) != LEASELOCK_OK);
        assert_null(strstr(leaselock_error_last()->message, "s3cret"));
    }
}

static void write_migration(const char *directory, const char *name, const char *body)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(body, file);
    assert_int_equal(fclose(file), 0);
}

/* A server in a configuration, its user among the secrets, the files in a folder. */
TEST(a_configuration_leads_to_it)
{
    char directory[] = "/tmp/leaselock-migrations-XXXXXX", command[128];
    assert_non_null(mkdtemp(directory));
    write_migration(directory, "000001_a.up.sql", "CREATE TABLE a AS SELECT current_user::text AS name;\n");
    write_migration(directory, "README", "nothing");
    leaselock_config *config;
    leaselock_secrets *secrets;
    leaselock_migrations *migrations = NULL;
    assert_ok(leaselock_config_new(&config));
    const char *const values[][2] = {{"db.engine", "postgresql"},
                                     {"db.host", PQhost(here)},
                                     {"db.port", PQport(here)},
                                     {"db.dbname", own_database()},
                                     {"db.migrations", directory}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_ok(leaselock_config_set(config, values[i][0], values[i][1]));
    assert_ok(leaselock_secrets_new_static(&secrets));
    assert_ok(leaselock_secrets_set(secrets, "POSTGRES_USER", "postgres"));
    assert_ok(leaselock_secrets_set(secrets, "POSTGRES_PASSWORD", "s3cret/?@"));
    assert_ok(leaselock_migrations_open(config, secrets, &patiently, &migrations));
    leaselock_secrets_free(secrets);
    leaselock_config_free(config);
    assert_up(migrations, DONE, 1);
    end_migrations(migrations);
    assert_string_equal(rows("SELECT * FROM a"), "postgres");
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DATABASE(options_are_read_or_refused),
        IN_DATABASE(the_password_stays_secret),
        IN_DATABASE(a_configuration_leads_to_it),
    };
    return cmocka_run_group_tests_name("migrate_urls", tests, NULL, NULL);
}
