/* A URL leads to exactly the file that it names, from wherever. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leaselock/sys/probes.h"
#include "sqlite/database.h"

/* Obtains through the URL; the lease has to be in the file of this name in the folder, and nowhere else. */
static void assert_leads_to(const char *url, const char *name)
{
    leaselock_lock *lock = open_lock(url, 0);
    release_now(obtain_now(lock, url, 0));
    end_lock(lock);
    sqlite3 *db = raw_open(in_folder(name));
    char *sql = sqlite3_mprintf("SELECT count(*) FROM leaselock_leases WHERE resource = %Q", url);
    assert_int_equal(raw_number(db, sql), 1);
    sqlite3_free(sql);
    sqlite3_close(db);
}

TEST(names_that_mean_something_to_somebody)
{
    static const char *const names[] = {
        "with space.db",  "per%41cent.db",  "100%.db",      "sharp#fragment.db", "question?mode=memory",
        "amp&and=is.db",  "plus+.db",       "colon:.db",    "sqlite:.db",        "quote'\".db",
        "back\\slash.db", "ümläut-日本.db", "new\nline.db", "-dash.db",          ".hidden",
        "a;DROP TABLE",   ":memory:.db",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_leads_to(url_of(in_folder(names[i])), names[i]);
}

/* SQLite would take these for URIs of its own: Debian's is built so. */
TEST(names_that_sqlite_takes_for_uris)
{
    assert_leads_to("sqlite:file:one.db", "file:one.db");
    assert_leads_to("sqlite:file:two.db%3Fmode=memory", "file:two.db?mode=memory");
}

TEST(percent_codes_in_either_case_and_what_needs_none)
{
    assert_leads_to("sqlite:a%2dB%2D%c3%BC.db", "a-B-ü.db");
    assert_leads_to("SQLite:plain ümläut#.db", "plain ümläut#.db");
}

TEST(relative_and_absolute_paths_are_one)
{
    char url[2 * PATH_MAX];
    assert_leads_to("sqlite:leases.db", "leases.db");
    assert_leads_to("sqlite:./leases.db", "leases.db");
    snprintf(url, sizeof url, "sqlite://%s/../%s/leases.db", folder, strrchr(folder, '/') + 1);
    assert_leads_to(url, "leases.db");
    assert_int_equal(database_number("SELECT count(*) FROM leaselock_leases"), 3);
}

TEST(links_lead_to_one_database)
{
    assert_int_equal(mkdir("real", 0777) | mkdir("sub", 0777), 0);
    assert_int_equal(symlink("real/leases.db", "link.db"), 0); /* to what is not there yet */
    assert_int_equal(symlink("../link.db", "sub/link to link.db"), 0);
    assert_int_equal(symlink("real", "folder"), 0);
    leaselock_lock *first = open_lock("sqlite:link.db", 0);
    leaselock_lease *lease = obtain_now(first, "r", 0);
    static const char *const ways[] = {"sqlite:real/leases.db", "sqlite:link.db", "sqlite:sub/link to link.db",
                                       "sqlite:folder/leases.db", "sqlite:sub/../folder/leases.db"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        leaselock_lock *lock = open_lock(ways[i], 0);
        assert_refused(LEASELOCK_BUSY, try_obtain(lock, "r"));
        end_lock(lock);
    }
    release_now(lease);
    end_lock(first);
    assert_int_equal(size_of("link.db-wal"), -1);
    assert_true(size_of("real/leases.db-wal") >= 0);
}

TEST(links_that_lead_nowhere)
{
    leaselock_lock *lock = NULL;
    assert_int_equal(symlink("no/leases.db", "dangling"), 0);
    assert_refused(LEASELOCK_NOT_FOUND, leaselock_lock_open("sqlite:dangling", NULL, &lock));
    assert_int_equal(symlink("circle", "circle"), 0);
    assert_refused(LEASELOCK_IO, leaselock_lock_open("sqlite:circle", NULL, &lock));
}

/* The keeper opens its own connection later, and has to find the file of before, not one of the same name. */
TEST(the_keeper_follows_no_change_of_the_folder)
{
    leaselock_test_clock_start(1000000, 1700000000000);
    leaselock_lock *lock = open_lock("sqlite:leases.db", 0);
    leaselock_lease *lease = obtain_now(lock, "r", 3000);
    assert_int_equal(mkdir("elsewhere", 0777), 0);
    assert_int_equal(chdir("elsewhere"), 0);
    assert_ok(leaselock_lease_keep(lease));
    for (int i = 0; i < 10; i++) {
        leaselock_test_clock_advance(1000);
        assert_eventually(leaselock_lease_remaining(lease) > 2000);
    }
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_int_equal(size_of("leases.db"), -1);
    release_now(lease);
    end_lock(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(names_that_mean_something_to_somebody),
        IN_FOLDER(names_that_sqlite_takes_for_uris),
        IN_FOLDER(percent_codes_in_either_case_and_what_needs_none),
        IN_FOLDER(relative_and_absolute_paths_are_one),
        IN_FOLDER(links_lead_to_one_database),
        IN_FOLDER(links_that_lead_nowhere),
        IN_FOLDER(the_keeper_follows_no_change_of_the_folder),
    };
    return cmocka_run_group_tests_name("sqlite_paths", tests, NULL, NULL);
}
