/* The configuration: keys, types, and what a message says. */
#include "leaselock/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/target.h"
#include "support/check.h"
#include "util/alloc.h"

static leaselock_status parse(const char *text, leaselock_config **out)
{
    return leaselock_config_parse(text, strlen(text), "app.yaml", out);
}

TEST(defaults)
{
    static const struct {
        const char *key, *value;
    } defaults[] = {{"db.url", NULL},        {"db.engine", "postgresql"}, {"db.host", "localhost"},
                    {"db.port", "5432"},     {"db.dbname", "postgres"},   {"db.migrations", "/db/migrations"},
                    {"lock.ttl", "30"},      {"lock.client_id", NULL},    {"lock.operation", "5"},
                    {"lock.install", "true"}, {"db.password", NULL},      {"db", NULL},
                    {"", NULL}};
    static const char *const empty[] = {"",   "# nothing\n",       "---\n", "db:\n", "db: {}\nlock: ~\n",
                                        "{}", "db:\n  url: null\n"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        leaselock_config *config = NULL;
        assert_ok(parse(empty[i], &config));
        for (size_t j = 0; j < sizeof defaults / sizeof *defaults; j++) {
            const char *value = leaselock_config_get(config, defaults[j].key);
            assert_int_equal(value != NULL, defaults[j].value != NULL);
            if (value)
                assert_string_equal(value, defaults[j].value);
        }
        leaselock_config_free(config);
    }
    assert_string_equal(leaselock_config_key(0), "db.url");
    assert_string_equal(leaselock_config_key(8), "lock.operation");
    assert_string_equal(leaselock_config_key(9), "lock.install");
    assert_null(leaselock_config_key(10));
    leaselock_config_free(NULL);
}

TEST(values)
{
    leaselock_config *config = NULL;
    assert_ok(parse("db:\n  host: \"db.internal\"\n  port: 15432\n  dbname: 'x: y'\n  migrations: &m ./db/migrations/\n"
                    "lock: {ttl: 1.5, client_id: 7, install: FALSE}\n", &config));
    assert_string_equal(leaselock_config_get(config, "db.host"), "db.internal");
    assert_string_equal(leaselock_config_get(config, "db.port"), "15432");
    assert_string_equal(leaselock_config_get(config, "db.dbname"), "x: y");
    assert_string_equal(leaselock_config_get(config, "db.migrations"), "./db/migrations/");
    assert_string_equal(leaselock_config_get(config, "lock.ttl"), "1.5");
    assert_string_equal(leaselock_config_get(config, "lock.client_id"), "7");
    assert_string_equal(leaselock_config_get(config, "lock.install"), "FALSE");
    assert_ok(leaselock_config_set(config, "db.port", "1"));
    assert_string_equal(leaselock_config_get(config, "db.port"), "1");
    assert_refused(LEASELOCK_CONFIG, leaselock_config_set(config, "db.port", "0"));
    assert_refused(LEASELOCK_CONFIG, leaselock_config_set(config, "db.ports", "1"));
    assert_string_equal(leaselock_config_get(config, "db.port"), "1");
    leaselock_config_free(config);
}

static const struct {
    const char *text, *message;
} wrong[] = {
    {"db:\n  host: x\n  hots: y\n", "app.yaml:3: there is no key db.hots"},
    {"database:\n  url: x\n", "app.yaml:1: there is no section database"},
    {"db:\n  url: a\n\n  url: b\n", "app.yaml:4: this key is there twice: db.url"},
    {"db:\n  port: many\n", "app.yaml:2: db.port has to be a number from 1 to 65535"},
    {"db:\n  port: 65536\n", "app.yaml:2: db.port"},
    {"db:\n  port: \"5432\"\n", "app.yaml:2: db.port"},
    {"db:\n  port: 0x10\n", "app.yaml:2: db.port"},
    {"db:\n  port: -1\n", "app.yaml:2: db.port"},
    {"db:\n  port: 99999999999999999999\n", "app.yaml:2: db.port"},
    {"lock:\n  ttl: soon\n", "app.yaml:2: lock.ttl has to be a number of seconds"},
    {"lock:\n  ttl: 0\n", "app.yaml:2: lock.ttl"},
    {"lock:\n  ttl: 1.2.3\n", "app.yaml:2: lock.ttl"},
    {"lock:\n  ttl: .inf\n", "app.yaml:2: lock.ttl"},
    {"lock:\n  ttl: [30]\n", "app.yaml:2: lock.ttl"},
    {"lock:\n  install: maybe\n", "app.yaml:2: lock.install has to be true or false"},
    {"lock:\n  install: \"false\"\n", "app.yaml:2: lock.install"},
    {"lock:\n  install: 0\n", "app.yaml:2: lock.install"},
    {"db:\n  host:\n    name: x\n", "app.yaml:3: db.host has to be a text"},
    {"db:\n  host: \"\"\n", "app.yaml:2: db.host has to be a text"},
    {"db:\n  host: \"a\\0b\"\n", "app.yaml:2: db.host has to be a text"},
    {"db: sqlite\n", "app.yaml:1: keys and values are wanted here: db"},
    {"- db\n", "app.yaml:1: keys and values are wanted here"},
    {"sqlite:app.db\n", "app.yaml:1: keys and values are wanted here"},
    {"? [a]\n: b\n", "app.yaml:1: a key has to be a text"},
    {"db: {}\n---\ndb: {}\n", "app.yaml:3: only one document"},
    {"db:\n  url: [\n", "app.yaml:"},
    {"db:\n\turl: x\n", "app.yaml:2:"},
    {"db: *nowhere\n", "app.yaml:1:"},
    {"\xff\xfe\xff", "app.yaml:"},
};

TEST(what_is_wrong_is_said_with_its_line)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        leaselock_config *config = NULL;
        assert_refused(LEASELOCK_CONFIG, parse(wrong[i].text, &config));
        assert_null(config);
        if (!strstr(leaselock_error_last()->message, wrong[i].message))
            fail_msg("not in it: %s: %s", wrong[i].message, leaselock_error_last()->message);
    }
}

TEST(a_value_is_never_repeated)
{
    leaselock_config *config = NULL;
    assert_refused(LEASELOCK_CONFIG, parse("db:\n  port: hunter2\n", &config));
    assert_null(strstr(leaselock_error_last()->message, "hunter2"));
    assert_refused(LEASELOCK_CONFIG, parse("db:\n  password: hunter2\n", &config));
    assert_null(strstr(leaselock_error_last()->message, "hunter2"));
}

TEST(files)
{
    char path[] = "/tmp/leaselock-config-XXXXXX";
    int descriptor = mkstemp(path);
    leaselock_config *config = NULL;
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "db: {dbname: x}\n", 16), 16);
    close(descriptor);
    assert_ok(leaselock_config_load(path, &config));
    assert_string_equal(leaselock_config_get(config, "db.dbname"), "x");
    leaselock_config_free(config);
    unlink(path);
    assert_refused(LEASELOCK_NOT_FOUND, leaselock_config_load(path, &config));
    assert_refused(LEASELOCK_DIRECTORY, leaselock_config_load("/tmp", &config));
    assert_refused(LEASELOCK_INVALID, leaselock_config_load(NULL, &config));
}

/* ---- which database it means ---- */

static const struct {
    const char *text, *url;
} targets[] = {
    {"db: {url: 'sqlite:a b.db'}", "sqlite:a b.db"},
    {"db: {engine: sqlite, dbname: 'dir/a b%.db'}", "sqlite:dir/a%20b%25.db"},
    {"db: {engine: memory, dbname: x}", "memory:x"},
    {"", "postgresql://us%40er:p%2F%3Aw%C3%A4@localhost:5432/postgres"},
    {"db: {host: '::1', port: 1, dbname: a/b}", "postgresql://us%40er:p%2F%3Aw%C3%A4@%3A%3A1:1/a%2Fb"},
};

TEST(targets_with_and_without_secrets)
{
    leaselock_secrets *secrets;
    assert_ok(leaselock_secrets_new_static(&secrets));
    assert_ok(leaselock_secrets_set(secrets, "POSTGRES_USER", "us@er"));
    assert_ok(leaselock_secrets_set(secrets, "POSTGRES_PASSWORD", "p/:w\xc3\xa4"));
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        leaselock_config *config = NULL;
        char *url = NULL;
        assert_ok(parse(targets[i].text, &config));
        assert_ok(ll_target_url(config, secrets, &url));
        assert_string_equal(url, targets[i].url);
        ll_target_free(url);
        leaselock_config_free(config);
    }
    leaselock_config *config = NULL;
    char *url = NULL;
    assert_ok(leaselock_config_new(&config));
    assert_ok(ll_target_url(config, NULL, &url));
    assert_string_equal(url, "postgresql://localhost:5432/postgres");
    ll_target_free(url);
    leaselock_secrets_free(secrets);
    assert_ok(leaselock_secrets_new_static(&secrets));
    assert_refused(LEASELOCK_SECRET, ll_target_url(config, secrets, &url));
    leaselock_secrets_free(secrets);
    leaselock_config_free(config);
}

TEST(a_lock_is_opened_by_it)
{
    leaselock_config *config = NULL;
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    assert_ok(parse("db: {url: 'memory:config-test'}\nlock: {ttl: 12.5, client_id: me}\n", &config));
    assert_ok(leaselock_lock_open_config(config, NULL, &lock));
    assert_string_equal(leaselock_lock_client(lock), "me");
    assert_ok(leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease));
    assert_int_equal(leaselock_lease_ttl(lease), 12500);
    leaselock_lease_free(lease);
    leaselock_lock_free(lock);
    assert_ok(leaselock_config_set(config, "lock.ttl", "0.01"));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_open_config(config, NULL, &lock));
    leaselock_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(values),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(a_value_is_never_repeated),
        cmocka_unit_test(files),
        cmocka_unit_test(targets_with_and_without_secrets),
        cmocka_unit_test(a_lock_is_opened_by_it),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
