/* Secrets, wherever they come from. */
#include "leaselock/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/check.h"

static void assert_secret(leaselock_secrets *secrets, const char *name, const char *expected)
{
    char value[LEASELOCK_SECRET_MAX + 1] = "untouched";
    if (!expected) {
        assert_refused(LEASELOCK_SECRET, leaselock_secrets_get(secrets, name, value, sizeof value));
        assert_string_equal(value, "untouched");
        return;
    }
    assert_ok(leaselock_secrets_get(secrets, name, value, sizeof value));
    assert_string_equal(value, expected);
}

TEST(a_static_list)
{
    leaselock_secrets *secrets;
    char small[4] = "abc";
    assert_ok(leaselock_secrets_new_static(&secrets));
    assert_secret(secrets, "A", NULL);
    assert_ok(leaselock_secrets_set(secrets, "A", "one"));
    assert_ok(leaselock_secrets_set(secrets, "B", "two"));
    assert_ok(leaselock_secrets_set(secrets, "C", ""));
    assert_ok(leaselock_secrets_set(secrets, "A", "three"));
    assert_secret(secrets, "A", "three");
    assert_secret(secrets, "B", "two");
    assert_secret(secrets, "C", "");
    assert_refused(LEASELOCK_SECRET, leaselock_secrets_get(secrets, "A", small, sizeof small));
    assert_string_equal(small, "abc");
    assert_null(strstr(leaselock_error_last()->message, "thr"));
    assert_refused(LEASELOCK_INVALID, leaselock_secrets_get(secrets, "", small, sizeof small));
    assert_refused(LEASELOCK_INVALID, leaselock_secrets_get(secrets, "A", small, 0));
    char longest[LEASELOCK_SECRET_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[LEASELOCK_SECRET_MAX + 1] = '\0';
    assert_refused(LEASELOCK_INVALID, leaselock_secrets_set(secrets, "A", longest));
    longest[LEASELOCK_SECRET_MAX] = '\0';
    assert_ok(leaselock_secrets_set(secrets, "A", longest));
    assert_secret(secrets, "A", longest);
    leaselock_secrets_free(secrets);
    leaselock_secrets_free(NULL);
}

TEST(the_environment)
{
    leaselock_secrets *secrets;
    assert_ok(leaselock_secrets_new_environment(&secrets));
    setenv("LEASELOCK_TEST_SECRET", "from here", 1);
    assert_secret(secrets, "LEASELOCK_TEST_SECRET", "from here");
    unsetenv("LEASELOCK_TEST_SECRET");
    assert_secret(secrets, "LEASELOCK_TEST_SECRET", NULL);
    assert_refused(LEASELOCK_INVALID, leaselock_secrets_set(secrets, "A", "b"));
    leaselock_secrets_free(secrets);
}

static void write_secret(const char *directory, const char *name, const char *bytes, size_t size)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

TEST(a_folder)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
        const char *value;
    } files[] = {{"plain", "p w", 3, "p w"},   {"line", "pw\n", 3, "pw"}, {"crlf", "pw\r\n", 4, "pw"},
                 {"two", "pw\n\n", 4, "pw\n"}, {"cr", "pw\r", 3, "pw\r"}, {"empty", "", 0, ""},
                 {"newline", "\n", 1, ""},     {"nul", "a\0b", 3, NULL}};
    char directory[] = "/tmp/leaselock-secrets-XXXXXX", path[200];
    leaselock_secrets *secrets;
    assert_non_null(mkdtemp(directory));
    assert_ok(leaselock_secrets_new_directory(directory, &secrets));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_secret(directory, files[i].name, files[i].bytes, files[i].size);
        assert_secret(secrets, files[i].name, files[i].value);
        snprintf(path, sizeof path, "%s/%s", directory, files[i].name);
        unlink(path);
    }
    assert_secret(secrets, "plain", NULL);
    assert_secret(secrets, "../etc/passwd", NULL);
    assert_secret(secrets, "..", NULL);
    leaselock_secrets_free(secrets);
    rmdir(directory);
}

typedef struct own {
    int asked, freed;
    leaselock_status status;
} own;

static leaselock_status own_get(void *payload, const char *name, char *value, size_t size)
{
    own *self = payload;
    self->asked++;
    snprintf(value, size, "%s!", name);
    return self->status;
}

static void own_free(void *payload)
{
    ((own *)payload)->freed++;
}

TEST(a_function)
{
    own self = {0};
    leaselock_secrets_slots slots = {sizeof slots, &self, own_get, own_free};
    leaselock_secrets *secrets;
    char value[64] = "untouched";
    assert_ok(leaselock_secrets_new_custom(&slots, &secrets));
    assert_secret(secrets, "A", "A!");
    self.status = LEASELOCK_SECRET;
    assert_secret(secrets, "A", NULL);
    self.status = 17;
    assert_refused(LEASELOCK_CALLBACK, leaselock_secrets_get(secrets, "A", value, sizeof value));
    assert_string_equal(value, "untouched");
    assert_int_equal(self.asked, 3);
    leaselock_secrets_free(secrets);
    assert_int_equal(self.freed, 1);
    slots.get = NULL;
    assert_refused(LEASELOCK_INVALID, leaselock_secrets_new_custom(&slots, &secrets));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_static_list), cmocka_unit_test(the_environment),
                                       cmocka_unit_test(a_folder), cmocka_unit_test(a_function)};
    return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
