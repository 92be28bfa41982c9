/* Opening with installing switched off: what is there is left as it is, to the byte. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "sqlite/database.h"

static leaselock_status try_as_it_is(leaselock_lock **out)
{
    const leaselock_lock_options options = {.struct_size = sizeof options, .no_install = true};
    return leaselock_lock_open(database_url(), &options, out);
}

static void assert_refused_as_it_is(leaselock_status expected, const char *message)
{
    char *picture = folder_picture();
    leaselock_lock *lock = NULL;
    assert_refused(expected, try_as_it_is(&lock));
    if (!strstr(leaselock_error_last()->message, message))
        fail_msg("\"%s\" is not in: %s", message, leaselock_error_last()->message);
    assert_null(lock);
    assert_folder_is(picture);
}

/* What a file is: its content, and when it was written. */
typedef struct portrait {
    char bytes[65536];
    size_t size;
    struct timespec written;
} portrait;

static portrait *portrait_of(const char *path)
{
    portrait *of = calloc(1, sizeof *of);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    of->size = read_file(path, of->bytes, sizeof of->bytes);
    assert_true(of->size < sizeof of->bytes);
    of->written = found.st_mtim;
    return of;
}

static void assert_is(const char *path, portrait *before)
{
    portrait *now = portrait_of(path);
    assert_memory_equal(now, before, sizeof *now);
    free(now);
    free(before);
}

TEST(up_to_date_opens_and_writes_nothing)
{
    leaselock_lock *lock = open_database();
    next_sequence(lock, "r");
    end_lock(lock);
    const char *wal = in_folder("leases.db-wal");
    portrait *database = portrait_of(database_path()), *log = portrait_of(wal);
    assert_ok(try_as_it_is(&lock));
    end_lock(lock);
    assert_is(database_path(), database);
    assert_is(wal, log);
    assert_ok(try_as_it_is(&lock));
    assert_int_equal(next_sequence(lock, "r"), 2);
    end_lock(lock);
}

TEST(a_missing_file_is_not_made)
{
    assert_refused_as_it_is(LEASELOCK_NOT_FOUND, "installing is switched off");
    assert_int_equal(size_of(database_path()), -1);
}

TEST(an_empty_file_stays_empty)
{
    write_file(database_path(), "", 0);
    assert_refused_as_it_is(LEASELOCK_NO_TABLES, "at version none, this library needs 1");
    assert_int_equal(size_of(database_path()), 0);
}

TEST(a_users_database_is_not_converted)
{
    database_run("CREATE TABLE mine (x)");
    assert_refused_as_it_is(LEASELOCK_NO_TABLES, "then PRAGMA journal_mode = WAL");
}

/* As it is after another tool has run the files of our tables, whose last step is still missing. */
TEST(leases_without_a_wal_are_refused)
{
    leaselock_lock *lock = open_database();
    end_lock(lock);
    database_run("PRAGMA journal_mode = DELETE");
    assert_refused_as_it_is(LEASELOCK_NO_TABLES, "run PRAGMA journal_mode = WAL");
    database_run("PRAGMA journal_mode = WAL");
    assert_ok(try_as_it_is(&lock));
    assert_int_equal(next_sequence(lock, "r"), 1);
    end_lock(lock);
}

TEST(what_another_tool_left_half_way_is_not_ours)
{
    end_lock(open_database());
    database_run("PRAGMA journal_mode = DELETE");
    database_run("UPDATE leaselock_migrations SET dirty = 1");
    assert_refused_as_it_is(LEASELOCK_FOREIGN_TABLES, "dirty at version 1");
    database_run("DROP TABLE leaselock_migrations; CREATE TABLE leaselock_migrations (x)");
    assert_refused_as_it_is(LEASELOCK_FOREIGN_TABLES, "leaselock_migrations");
}

/* Built with the header that ended before the option: what lies behind the struct is not the library's to read. */
TEST(older_callers_install)
{
    struct {
        leaselock_lock_options options;
        char behind[64];
    } caller;
    leaselock_lock *lock = NULL;
    memset(&caller, 0xff, sizeof caller);
    memset(&caller, 0, offsetof(leaselock_lock_options, no_install));
    caller.options.struct_size = offsetof(leaselock_lock_options, no_install);
    assert_ok(leaselock_lock_open(database_url(), &caller.options, &lock));
    assert_int_equal(next_sequence(lock, "r"), 1);
    end_lock(lock);
}

TEST(a_configuration_says_it_too)
{
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        leaselock_config *config = NULL;
        leaselock_lock *lock = NULL;
        delete_database();
        assert_ok(leaselock_config_new(&config));
        assert_ok(leaselock_config_set(config, "db.url", database_url()));
        assert_ok(leaselock_config_set(config, "lock.install", words[i]));
        leaselock_status status = leaselock_lock_open_config(config, NULL, &lock);
        assert_int_equal(status, strcasecmp(words[i], "true") == 0 ? LEASELOCK_OK : LEASELOCK_NOT_FOUND);
        if (lock)
            end_lock(lock);
        leaselock_config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(up_to_date_opens_and_writes_nothing),
        IN_FOLDER(a_missing_file_is_not_made),
        IN_FOLDER(an_empty_file_stays_empty),
        IN_FOLDER(a_users_database_is_not_converted),
        IN_FOLDER(leases_without_a_wal_are_refused),
        IN_FOLDER(what_another_tool_left_half_way_is_not_ours),
        IN_FOLDER(older_callers_install),
        IN_FOLDER(a_configuration_says_it_too),
    };
    return cmocka_run_group_tests_name("no_install", tests, NULL, NULL);
}
