/*
 * No memory for what surrounds a run: configuration, secrets, sources, new files, opening. (tests/fault/migrations.c:
 * runs.)
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrate/fixture.h"
#include "support/allocator.h"
#include "support/nomem.h"

static leaselock_config *config, *made;
static leaselock_secrets *secrets;
static leaselock_migration_source *source;
static leaselock_migrations *opened;
static leaselock_lock *lock;

/* ---- configuration ---- */

static leaselock_status run_load(void)
{
    return leaselock_config_load(in_folder("app.yaml"), &made);
}

static leaselock_status run_set(void)
{
    made = NULL;
    leaselock_status status = leaselock_config_new(&made);
    if (status == LEASELOCK_OK)
        status = leaselock_config_set(made, "db.url", "sqlite:one.db");
    if (status == LEASELOCK_OK)
        status = leaselock_config_set(made, "db.url", "sqlite:two.db");
    if (status != LEASELOCK_OK)
        leaselock_config_free(made);
    return status;
}

static void undo_config(void)
{
    leaselock_config_free(made);
}

/* ---- secrets ---- */

/* Asks for the secret A, and frees them. */
static leaselock_status ask(leaselock_status status, leaselock_secrets *asked)
{
    char value[LEASELOCK_SECRET_MAX + 1];
    if (status != LEASELOCK_OK)
        return status;
    status = leaselock_secrets_get(asked, "A", value, sizeof value);
    leaselock_secrets_free(asked);
    return status;
}

static leaselock_status run_static(void)
{
    leaselock_secrets *list = NULL;
    leaselock_status status = leaselock_secrets_new_static(&list);
    if (status == LEASELOCK_OK)
        status = leaselock_secrets_set(list, "A", "one");
    if (status == LEASELOCK_OK)
        status = leaselock_secrets_set(list, "A", "two");
    if (status == LEASELOCK_OK)
        return ask(status, list);
    leaselock_secrets_free(list);
    return status;
}

static leaselock_status run_environment(void)
{
    leaselock_secrets *environment = NULL;
    leaselock_status status = leaselock_secrets_new_environment(&environment);
    return ask(status, environment);
}

static leaselock_status run_directory(void)
{
    leaselock_secrets *directory = NULL;
    leaselock_status status = leaselock_secrets_new_directory(folder, &directory);
    return ask(status, directory);
}

static leaselock_status get_nothing(void *payload, const char *name, char *value, size_t size)
{
    (void)payload, (void)name, (void)size;
    value[0] = '\0';
    return LEASELOCK_OK;
}

static leaselock_status run_custom(void)
{
    static const leaselock_secrets_slots slots = {.struct_size = sizeof slots, .get = get_nothing};
    leaselock_secrets *custom = NULL;
    leaselock_status status = leaselock_secrets_new_custom(&slots, &custom);
    return ask(status, custom);
}

/* ---- sources ---- */

enum { VERSIONS = 20 }; /* more than the list has room for at first */

static leaselock_status run_source(void)
{
    source = NULL;
    leaselock_status status = leaselock_migration_source_new(&source);
    for (int i = 0; i < VERSIONS && status == LEASELOCK_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d_x.up.sql", VERSIONS - i);
        status = leaselock_migration_source_add(source, name, "SELECT 1", 8);
    }
    if (status == LEASELOCK_OK)
        status = leaselock_migrations_open_source(database_url(), source, NULL, &opened);
    if (status != LEASELOCK_OK)
        leaselock_migration_source_free(source);
    return status;
}

static void undo_opened(void)
{
    end_migrations(opened);
}

static void undo_source(void)
{
    leaselock_migration_source_free(source);
    undo_opened();
}

/* ---- opening by a configuration ---- */

static leaselock_status run_open(void)
{
    return leaselock_migrations_open(config, secrets, NULL, &opened);
}

static leaselock_status run_open_lock(void)
{
    return leaselock_lock_open_config(config, secrets, &lock);
}

static void undo_open_lock(void)
{
    end_lock(lock);
}

/* ---- new files ---- */

static int left_over; /* files of a create that failed */

static int files_in_new_directory(void)
{
    int count = 0;
    DIR *listing = opendir(in_folder("new"));
    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;)
        count += entry->d_name[0] != '.';
    if (listing)
        closedir(listing);
    return count;
}

static leaselock_status run_create(void)
{
    leaselock_status status = leaselock_migrations_create(in_folder("new"), "x", NULL, NULL);
    if (status != LEASELOCK_OK)
        left_over += files_in_new_directory();
    return status;
}

static void undo_create(void)
{
    assert_int_equal(files_in_new_directory(), 2);
    assert_int_equal(unlink(in_folder("new/000001_x.up.sql")), 0);
    assert_int_equal(unlink(in_folder("new/000001_x.down.sql")), 0);
}

static const nomem_call calls[] = {
    {"load a configuration", run_load, undo_config, LEASELOCK_OK},
    {"set keys", run_set, undo_config, LEASELOCK_OK},
    {"static secrets", run_static, NULL, LEASELOCK_OK},
    {"secrets of the environment", run_environment, NULL, LEASELOCK_OK},
    {"secrets in a folder", run_directory, NULL, LEASELOCK_OK},
    {"secrets by a function", run_custom, NULL, LEASELOCK_OK},
    {"open a source", run_source, undo_source, LEASELOCK_OK},
    {"open migrations by a configuration", run_open, undo_opened, LEASELOCK_OK},
    {"open a lock by a configuration", run_open_lock, undo_open_lock, LEASELOCK_OK},
    {"create", run_create, undo_create, LEASELOCK_OK},
};

static void fail_all(bool lasting)
{
    static const char yaml[] = "db:\n  url: sqlite:app.db\n  migrations: .\nlock: {ttl: 1.5, client_id: me}\n";
    write_file(in_folder("app.yaml"), yaml, sizeof yaml - 1);
    write_file(in_folder("A"), "secret\n", 7);
    setenv("A", "secret", 1);
    assert_ok(leaselock_config_load(in_folder("app.yaml"), &config));
    assert_ok(leaselock_secrets_new_environment(&secrets));
    end_lock(open_database()); /* what an engine remembers for as long as the process lives */
    left_over = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        nomem_fail_each(&calls[i], lasting);
    assert_int_equal(left_over, 0);
    leaselock_secrets_free(secrets);
    leaselock_config_free(config);
}

TEST(each_allocation_fails_once)
{
    fail_all(false);
}

TEST(each_allocation_fails_and_all_that_follow)
{
    fail_all(true);
}

int main(void)
{
    allocator_install();
    const struct CMUnitTest tests[] = {
        IN_FOLDER(each_allocation_fails_once),
        IN_FOLDER(each_allocation_fails_and_all_that_follow),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
