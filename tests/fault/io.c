/*
 * Every call on a file, and every allocation of SQLite, fails once, and then from there on: nothing crashes, leaks,
 * lies, or comes twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/guard.h"
#include "fault/resources.h"
#include "fault/story.h"
#include "leaselock/sys/probes.h"
#include "sqlite/database.h"
#include "support/allocator.h"

static const char *boot_id = "first boot";

static int boot_id_probe(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    (void)payload;
    snprintf(id, LEASELOCK_BOOT_ID_MAX + 1, "%s", boot_id);
    return 0;
}

static int setup(void **state)
{
    static const leaselock_probes probes = {.struct_size = sizeof probes, .boot_id = boot_id_probe};
    if (folder_setup(state) != 0)
        return -1;
    leaselock_probes_set(&probes);
    leaselock_test_clock_start(1000000, 1700000000000);
    guard_start();
    return 0;
}

/* --- what must not be left over -------------------------------------------------------------------------------- */

static void check_nothing_left(const story_place *place, const resources *before)
{
    assert_eventually(allocator_alive() == before->memory); /* the keeper frees itself when it has ended */
    resources after = resources_now();
    story_check(place, after.sqlite_memory == before->sqlite_memory);
    story_check(place, after.files == 0);
    story_check(place, after.descriptors == before->descriptors);
    story_check(place, guard_violations() == 0);
}

/* --- the file at the beginning --------------------------------------------------------------------------------- */

static char database_bytes[1 << 16], wal_bytes[1 << 21];
static size_t database_size, wal_size;

/* A database of the boot before, whose WAL has grown so far that a checkpoint comes due within the story. */
static void prepare_existing(int64_t *highest)
{
    enum { FRAME = 1024 + 24, NEARLY = 990 };
    boot_id = "boot before";
    leaselock_lock *lock = open_database();
    while (size_of(in_folder("leases.db-wal")) < NEARLY * FRAME)
        *highest = next_sequence(lock, "r");
    end_lock(lock);
    database_size = read_file(database_path(), database_bytes, sizeof database_bytes);
    wal_size = read_file(in_folder("leases.db-wal"), wal_bytes, sizeof wal_bytes);
    boot_id = "first boot";
}

static void begin_with_existing(void)
{
    delete_database();
    write_file(database_path(), database_bytes, database_size);
    write_file(in_folder("leases.db-wal"), wal_bytes, wal_size);
}

/* --- every call ------------------------------------------------------------------------------------------------ */

/* With faults over, a fresh handle works, and goes on above all that was handed out. */
static void check_aftermath(const story_place *place, const story_numbers *numbers)
{
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    leaselock_test_clock_advance(60000);
    story_check(place, leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
    story_check(place, leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease) == LEASELOCK_OK);
    story_check(place, leaselock_lease_sequence(lease) > numbers->highest);
    story_check(place, leaselock_lease_sequence(lease) > numbers->floor);
    story_check(place, leaselock_lock_release(lock, lease, NULL) == LEASELOCK_OK);
    leaselock_lease_free(lease);
    story_check(place, leaselock_lock_close(lock) == LEASELOCK_OK);
    leaselock_lock_free(lock);
    story_check(place, database_number("SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1);
}

/*
 * Tells the story again and again, with a later call failing each time, until none is left. Returns how many there
 * were.
 */
static int tell_all(story_place place, int64_t highest)
{
    bool failed = true;
    story_numbers numbers = {highest, 0};
    int stride = place.mode == FAULTS_NOMEM && !getenv("LEASELOCK_LONG_TESTS") ? 13 : 1;
    for (place.call = 1; failed; place.call += stride) {
        if (highest)
            begin_with_existing();
        else
            delete_database();
        leaselock_test_clock_start(1000000, 1700000000000);
        resources before = resources_now();
        numbers = (story_numbers){highest, 0};
        failed = story_tell(&place, &numbers);
        check_aftermath(&place, &numbers);
        check_nothing_left(&place, &before);
    }
    return place.call - stride;
}

static void fail_everywhere(faults_mode mode, int fewest_calls)
{
    int64_t highest = 0;
    for (int lasting = 0; lasting < 2; lasting++) {
        int calls = tell_all((story_place){.beginning = "new", .mode = mode, .lasting = lasting}, 0);
        assert_true(calls > fewest_calls);
    }
    delete_database();
    prepare_existing(&highest);
    for (int lasting = 0; lasting < 2; lasting++) {
        int calls = tell_all((story_place){.beginning = "existing", .mode = mode, .lasting = lasting}, highest);
        assert_true(calls > fewest_calls);
    }
}

TEST(errors)
{
    fail_everywhere(FAULTS_ERROR, 60);
}

TEST(a_full_disk)
{
    fail_everywhere(FAULTS_FULL, 10);
}

TEST(torn_writes)
{
    fail_everywhere(FAULTS_TORN, 10);
}

TEST(locks_that_are_held)
{
    fail_everywhere(FAULTS_BUSY, 30);
}

/* What SQLite has no code for is looked into: are the tables gone? A look that fails has no answer. */
TEST(tables_that_could_not_be_looked_for_are_not_called_missing)
{
    bool failed = true;
    leaselock_lock *lock = open_lock(database_url(), 1);
    database_run("ALTER TABLE leaselock_leases RENAME COLUMN client TO somebody");
    for (int call = 1; failed; call++) {
        leaselock_lease *lease = NULL;
        faults_arm(FAULTS_BUSY, call, true);
        leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease);
        failed = faults_disarm();
        assert_status(failed ? LEASELOCK_UNAVAILABLE : LEASELOCK_INTERNAL, status);
    }
    database_run("ALTER TABLE leaselock_leases RENAME COLUMN somebody TO client");
    end_lock(lock);
}

TEST(no_memory_for_sqlite)
{
    fail_everywhere(FAULTS_NOMEM, 1000);
}

int main(void)
{
    static const shim_observer observers[] = {
        {guard_before, guard_after},
        {faults_before, NULL},
        {NULL, NULL},
    };
    allocator_install();
    faults_install_memory();
    guard_start();
    shim_install(observers);
    shim_take_no_time(true);
#define WITH_FAULTS(name) cmocka_unit_test_setup_teardown(name, setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FAULTS(errors),
        WITH_FAULTS(a_full_disk),
        WITH_FAULTS(torn_writes),
        WITH_FAULTS(locks_that_are_held),
        WITH_FAULTS(no_memory_for_sqlite),
        WITH_FAULTS(tables_that_could_not_be_looked_for_are_not_called_missing),
    };
    return cmocka_run_group_tests_name("fault_io", tests, NULL, NULL);
}
