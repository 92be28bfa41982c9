/* The names of golang-migrate's locks: its own vectors (util_test.go), and those of the databases that people have. */
#include "engines/postgresql/advisory.h"

#include "support/check.h"

static uint32_t key(const char *database, const char *first, const char *second)
{
    const char *const names[] = {first, second};
    return ll_pg_advisory_key(database, names, (first != NULL) + (second != NULL));
}

TEST(golang_migrates_own_vectors)
{
    assert_int_equal(key("database_name", NULL, NULL), 1764327054);
    assert_int_equal(key("database_name", "schema_name_1", NULL), 2453313553);
    assert_int_equal(key("database_name", "schema_name_2", NULL), 235207038);
    assert_int_equal(key("database_name", "schema_name_1", "schema_name_2"), 3743845847);
    assert_int_equal(key("", NULL, NULL), 0);
}

static void assert_keys(const char *database, const char *path, size_t count, uint32_t first, uint32_t second,
                        uint32_t third)
{
    uint32_t keys[LL_PG_KEYS_MAX] = {0, 0, 0};
    assert_int_equal(ll_pg_advisory_keys(database, path, "public", "schema_migrations", keys), count);
    assert_int_equal(keys[0], first);
    assert_int_equal(keys[1], second);
    assert_int_equal(keys[2], third);
}

TEST(both_ways_to_name_the_database_ascending_and_each_once)
{
    assert_keys("postgres", NULL, 2, 143310882, 3280485947, 0);
    assert_keys("postgres", "/postgres", 2, 143310882, 3280485947, 0);
    assert_keys("mydb", "/mydb", 2, 616192132, 2103762914, 0);
    assert_keys("postgres", "/", 3, 143310882, 2551455205, 3280485947);
    /* a pooler's other name for it */
    assert_keys("postgres", "/mydb", 3, 143310882, 616192132, 3280485947);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golang_migrates_own_vectors),
        cmocka_unit_test(both_ways_to_name_the_database_ascending_and_each_once),
    };
    return cmocka_run_group_tests_name("advisory", tests, NULL, NULL);
}
