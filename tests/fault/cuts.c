#include "fault/cuts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/guard.h"
#include "leaselock/sys/probes.h"

static const char *const resources[POWER_RESOURCES] = {"r0", "r1", "r2", "r3"};
static unsigned boots;
static const char *demand; /* NULL: none */

static int boot_id_probe(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    (void)payload;
    snprintf(id, LEASELOCK_BOOT_ID_MAX + 1, "boot %u", boots);
    return 0;
}

int cuts_setup(void **state)
{
    static const leaselock_probes probes = {.struct_size = sizeof probes, .boot_id = boot_id_probe};
    if (folder_setup(state) != 0 || mkdir(in_folder("after"), 0777) != 0)
        return -1;
    leaselock_probes_set(&probes);
    leaselock_test_clock_start(1000000, 1700000000000);
    boots++;
    demand = NULL;
    guard_start();
    power_start();
    return 0;
}

int cuts_teardown(void **state)
{
    power_stop();
    return folder_teardown(state);
}

bool cuts_are_long(void)
{
    return getenv("LEASELOCK_LONG_TESTS") != NULL;
}

void cuts_demand(const char *sql)
{
    demand = sql;
}

void cuts_reboot(void)
{
    boots++;
}

/* --- what is recorded ------------------------------------------------------------------------------------------ */

leaselock_status cuts_grant(leaselock_lock *lock, int resource)
{
    leaselock_lease *lease = NULL;
    leaselock_status status = leaselock_lock_obtain_with_no_wait(lock, resources[resource], NULL, NULL, &lease);
    if (status != LEASELOCK_OK)
        return status;
    power_note_grant(resource, leaselock_lease_sequence(lease));
    status = leaselock_lock_release(lock, lease, NULL);
    leaselock_lease_free(lease);
    return status;
}

void cuts_grant_often(leaselock_lock *lock, int resource, int count)
{
    for (int i = 0; i < count; i++)
        assert_ok(cuts_grant(lock, resource));
}

/* --- and what a cut leaves of it ------------------------------------------------------------------------------- */

static const char *after_path(void)
{
    return in_folder("after/leases.db");
}

static void check_numbers(const power_disk *disk, const char *when)
{
    leaselock_lock *lock = NULL;
    if (leaselock_lock_open(url_of(after_path()), NULL, &lock) != LEASELOCK_OK)
        fail_msg("%s: %s", when, leaselock_error_last()->message);
    for (int i = 0; i < POWER_RESOURCES; i++) {
        int64_t granted = power_disk_granted(disk, i), sequence = next_sequence(lock, resources[i]);
        if (sequence <= granted)
            fail_msg("%s: %s had %lld, and was granted %lld", when, resources[i], (long long)granted,
                     (long long)sequence);
    }
    end_lock(lock);
}

static void check_database(const char *when)
{
    sqlite3 *db = raw_open(after_path());
    bool whole = raw_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1;
    /* a page whose frames were dropped may be torn by the cut: SQLite has no copy of it any more */
    if (!whole && !power_sync_failed())
        fail_msg("%s: the database is damaged", when);
    if (demand && raw_number(db, demand) != 1)
        fail_msg("%s: not so: %s", when, demand);
    sqlite3_close(db);
}

/* The machine comes up again with what the disk has: everything works, and every number is new. */
static void check_cut(const power_disk *disk, size_t at, power_cut cut, unsigned seed)
{
    char when[64];
    snprintf(when, sizeof when, "cut after event %zu, kind %d, seed %u", at, cut, seed);
    power_disk_save(disk, cut, seed, after_path());
    unlink(in_folder("after/leases.db-shm"));
    boots++;
    leaselock_test_clock_advance(60000);
    check_numbers(disk, when);
    check_database(when);
}

static void check_all_cuts(const power_disk *disk, size_t at, unsigned seeds)
{
    check_cut(disk, at, POWER_NOTHING_UNSYNCED, 0);
    check_cut(disk, at, POWER_ALL, 0);
    for (unsigned seed = 1; seed <= seeds; seed++) {
        check_cut(disk, at, POWER_SOME_WRITES, (unsigned)at * 31 + seed);
        check_cut(disk, at, POWER_SOME_SECTORS, (unsigned)at * 31 + seed);
    }
}

void cuts_check(size_t first, size_t stride, unsigned seeds)
{
    power_stop();
    power_disk *disk = power_disk_new();
    size_t count = power_events();
    if (cuts_are_long())
        seeds *= 10;
    for (size_t at = 0; at < count; at++) {
        bool is_sync = power_disk_step(disk);
        if (at >= first && (is_sync || at % stride == 0 || at + 1 == count))
            check_all_cuts(disk, at, seeds);
    }
    power_disk_free(disk);
    assert_int_equal(guard_violations(), 0);
}
