/* The clock that decides: the boot clock of this boot. What a wall clock, a suspend, another boot do to leases. */
#include <errno.h>
#include <stdio.h>

#include "leaselock/sys/probes.h"
#include "sqlite/child.h"
#include "sqlite/database.h"

#define YEAR_MS (INT64_C(365) * 86400 * 1000)
#define WALL_MS INT64_C(1700000000000)

static struct machine {
    const char *boot_id; /* NULL: cannot be trusted */
    int64_t boot_offset_ms;
    bool offset_unknown;
} machine;

static int boot_id_probe(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    (void)payload;
    if (!machine.boot_id)
        return ENOTSUP;
    snprintf(id, LEASELOCK_BOOT_ID_MAX + 1, "%s", machine.boot_id);
    return 0;
}

static int boot_offset_probe(void *payload, int64_t *ms)
{
    (void)payload;
    *ms = machine.boot_offset_ms;
    return machine.offset_unknown ? ENOTSUP : 0;
}

static int setup(void **state)
{
    static const leaselock_probes probes = {
        .struct_size = sizeof probes, .boot_id = boot_id_probe, .boot_offset = boot_offset_probe};
    if (folder_setup(state) != 0)
        return -1;
    machine = (struct machine){.boot_id = "first boot"};
    leaselock_probes_set(&probes);
    leaselock_test_clock_start(1000000, WALL_MS);
    return 0;
}

/* The machine comes up again: its boot clock begins anew, while the wall clock went on. */
static void reboot(const char *boot_id, int64_t wall_ms)
{
    machine.boot_id = boot_id;
    leaselock_test_clock_start(5000, wall_ms);
}

/* --- within one boot ------------------------------------------------------------------------------------------- */

static void assert_wall_step_changes_nothing(int64_t step_ms)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 30000);
    leaselock_test_clock_advance(10000);
    leaselock_test_clock_step_wall(step_ms);
    leaselock_lock *other = open_database(); /* one from after the step, too */
    assert_int_equal(listed_remaining(lock, "r"), 20000);
    assert_int_equal(listed_remaining(other, "r"), 20000);
    assert_true(leaselock_lease_valid(lease));
    assert_refused(LEASELOCK_BUSY, try_obtain(lock, "r"));
    assert_refused(LEASELOCK_BUSY, try_obtain(other, "r"));
    assert_int_equal(leaselock_error_last()->remaining_ms, 20000);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(listed_remaining(other, "r"), 30000);
    assert_int_equal(leaselock_lease_expiry(lease), WALL_MS + 10000 + step_ms + 30000);
    leaselock_test_clock_advance(29999);
    assert_refused(LEASELOCK_BUSY, try_obtain(other, "r"));
    leaselock_test_clock_advance(1);
    assert_int_equal(next_sequence(other, "r"), 2);
    leaselock_lease_free(lease);
    end_lock(other);
    end_lock(lock);
}

TEST(the_wall_clock_goes_a_year_ahead)
{
    assert_wall_step_changes_nothing(YEAR_MS);
}

TEST(the_wall_clock_goes_a_year_back)
{
    assert_wall_step_changes_nothing(-YEAR_MS);
}

TEST(a_suspended_machine_ends_its_leases)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 30000);
    leaselock_test_clock_advance(8 * 3600 * 1000); /* as the boot clock does, and a monotonic one does not */
    assert_false(leaselock_lease_valid(lease));
    assert_int_equal(listed_remaining(lock, "r"), 0);
    assert_int_equal(next_sequence(lock, "r"), 2);
    leaselock_lease_free(lease);
    end_lock(lock);
}

/* --- another boot ---------------------------------------------------------------------------------------------- */

/* Grants for 30 s, and ends as a machine does that loses its power. */
static int64_t grant_before_the_reboot(void)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 30000);
    int64_t sequence = leaselock_lease_sequence(lease);
    leaselock_lease_free(lease);
    end_lock(lock);
    return sequence;
}

static void assert_remaining_after_reboot(int64_t wall_ms, int64_t remaining_ms)
{
    grant_before_the_reboot();
    reboot("second boot", wall_ms);
    leaselock_lock *lock = open_database();
    assert_int_equal(listed_remaining(lock, "r"), remaining_ms);
    if (remaining_ms > 0) {
        assert_refused(LEASELOCK_BUSY, try_obtain(lock, "r"));
        assert_int_equal(leaselock_error_last()->remaining_ms, remaining_ms);
        leaselock_test_clock_advance(remaining_ms);
    }
    assert_true(next_sequence(lock, "r") > 1);
    end_lock(lock);
}

TEST(what_the_wall_clock_says_is_left_is_left)
{
    assert_remaining_after_reboot(WALL_MS + 12000, 18000);
}

TEST(nothing_is_left_when_its_time_is_over)
{
    assert_remaining_after_reboot(WALL_MS + 30000, 0);
}

TEST(nothing_is_left_a_year_later)
{
    assert_remaining_after_reboot(WALL_MS + YEAR_MS, 0);
}

TEST(never_more_than_the_ttl_when_the_wall_clock_was_set_back)
{
    assert_remaining_after_reboot(WALL_MS - YEAR_MS, 30000);
}

/* Up for longer than before: a deadline of the old clock would be in the past at once, or in the far future. */
TEST(the_old_boot_clock_does_not_count)
{
    grant_before_the_reboot();
    machine.boot_id = "second boot";
    leaselock_test_clock_start(900000000, WALL_MS + 1000);
    leaselock_lock *lock = open_database();
    assert_int_equal(listed_remaining(lock, "r"), 29000);
    end_lock(lock);
}

TEST(a_holder_can_resume_after_the_reboot)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 30000), *resumed = NULL;
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
    snprintf(acquisition, sizeof acquisition, "%s", leaselock_lease_acquisition(lease));
    leaselock_lease_free(lease);
    end_lock(lock);
    reboot("second boot", WALL_MS + 5000);
    lock = open_database();
    assert_ok(leaselock_lock_resume(lock, "r", NULL, 1, acquisition, &resumed));
    assert_int_equal(listed_remaining(lock, "r"), 30000);
    release_now(resumed);
    end_lock(lock);
}

TEST(numbers_go_on_above_the_ceiling)
{
    int64_t last = 0;
    static const char *const boots[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < sizeof boots / sizeof *boots; i++) {
        reboot(boots[i], WALL_MS + (int64_t)(i + 1) * 60000);
        leaselock_lock *lock = open_database();
        int64_t ceiling = database_number("SELECT ceiling FROM leaselock_control");
        assert_int_equal(database_number("SELECT boot FROM leaselock_control"), (int64_t)i + 1);
        assert_true(next_sequence(lock, "old") > last);
        assert_true(next_sequence(lock, boots[i]) > last); /* nor may one that was lost with the power come again */
        last = next_sequence(lock, "old");
        assert_true(last <= ceiling);
        assert_true(database_number("SELECT floor FROM leaselock_control") == 1000 * (int64_t)i);
        end_lock(lock);
    }
}

TEST(a_boot_is_recorded_once)
{
    grant_before_the_reboot();
    reboot("second boot", WALL_MS + 1000);
    end_lock(open_database());
    char *before = folder_picture();
    leaselock_test_clock_advance(3000);
    end_lock(open_database());
    end_lock(open_database());
    assert_folder_is(before);
}

static int64_t floor_of_boot; /* known to the children by the fork */

/* The rows keep what is left, whoever comes first; numbers are above the old ceiling for all. */
static int open_after_reboot(void *number)
{
    char own[32];
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    snprintf(own, sizeof own, "%s, child %d", machine.boot_id, (int)(intptr_t)number);
    expect(leaselock_lock_open(database_url(), NULL, &lock) == LEASELOCK_OK);
    expect(leaselock_lock_obtain_with_no_wait(lock, "r", NULL, NULL, &lease) == LEASELOCK_BUSY);
    expect(leaselock_lock_obtain_with_no_wait(lock, own, NULL, NULL, &lease) == LEASELOCK_OK);
    expect(leaselock_lease_sequence(lease) == floor_of_boot + 1);
    leaselock_lease_free(lease);
    expect(leaselock_lock_close(lock) == LEASELOCK_OK);
    leaselock_lock_free(lock);
    return 0;
}

TEST(processes_record_a_boot_at_once)
{
    static const char *const boots[] = {"b", "c", "d", "e", "f", "g"};
    for (size_t i = 0; i < sizeof boots / sizeof *boots; i++) {
        leaselock_test_clock_start(1000000, WALL_MS + (int64_t)i * YEAR_MS);
        grant_before_the_reboot();
        floor_of_boot = database_number("SELECT ceiling FROM leaselock_control");
        reboot(boots[i], WALL_MS + (int64_t)i * YEAR_MS + 1000);
        in_children_at_once(4, open_after_reboot);
        assert_int_equal(database_number("SELECT boot FROM leaselock_control"), (int64_t)i + 2);
        assert_int_equal(database_number("SELECT floor FROM leaselock_control"), floor_of_boot);
    }
}

/* One file serves one host: a boot that somebody else recorded meanwhile is not ours to grant in. */
TEST(two_machines_on_one_file)
{
    leaselock_lock *lock = open_database();
    int64_t sequence = next_sequence(lock, "r");
    machine.boot_id = "another machine";
    leaselock_lock *other = open_database();
    assert_true(next_sequence(other, "r") > sequence);
    assert_refused(LEASELOCK_CLOCK, try_obtain(lock, "r"));
    assert_refused(LEASELOCK_CLOCK, leaselock_lock_raise_floor(lock, 5, NULL));
    end_lock(other);
    end_lock(lock);
}

/* --- clocks that cannot be told -------------------------------------------------------------------------------- */

static void assert_clock_refused(void)
{
    leaselock_lock *lock = NULL;
    char *before = folder_picture();
    assert_refused(LEASELOCK_CLOCK, leaselock_lock_open(database_url(), NULL, &lock));
    assert_folder_is(before);
}

TEST(a_boot_id_that_is_not_the_kernels)
{
    machine.boot_id = NULL;
    assert_clock_refused();
    machine.boot_id = "";
    assert_clock_refused();
    machine.boot_id = "first boot";
    end_lock(open_database());
    machine.boot_id = NULL;
    assert_clock_refused(); /* nor is an existing one touched */
}

TEST(an_offset_that_cannot_be_known)
{
    machine.offset_unknown = true;
    assert_clock_refused();
    machine.offset_unknown = false;
    end_lock(open_database());
    machine.offset_unknown = true;
    assert_clock_refused();
}

TEST(a_keeper_needs_the_clock_too)
{
    leaselock_lock *lock = open_database();
    leaselock_lease *lease = obtain_now(lock, "r", 0);
    machine.offset_unknown = true;
    assert_refused(LEASELOCK_CLOCK, leaselock_lease_keep(lease));
    assert_true(leaselock_lease_valid(lease));
    leaselock_lease_free(lease);
    end_lock(lock);
}

/* --- time namespaces ------------------------------------------------------------------------------------------- */

/* This process is inside, or outside again: its boot clock differs by the offset. */
static void move_to_namespace(int64_t offset_ms)
{
    leaselock_test_clock_advance(offset_ms - machine.boot_offset_ms);
    leaselock_test_clock_step_wall(machine.boot_offset_ms - offset_ms);
    machine.boot_offset_ms = offset_ms;
}

static void assert_namespaces_agree(int64_t offset_ms)
{
    leaselock_lock *outside = open_database();
    leaselock_lease *lease = obtain_now(outside, "r", 30000);
    leaselock_test_clock_advance(10000);
    move_to_namespace(offset_ms);
    leaselock_lock *inside = open_database();
    assert_int_equal(listed_remaining(inside, "r"), 20000);
    assert_refused(LEASELOCK_BUSY, try_obtain(inside, "r"));
    assert_int_equal(leaselock_error_last()->remaining_ms, 20000);
    leaselock_lease *inner = obtain_now(inside, "s", 30000);
    assert_int_equal(leaselock_lease_remaining(inner), 30000 - 600);
    leaselock_test_clock_advance(20000);
    leaselock_lease *taken = obtain_now(inside, "r", 30000); /* its time is over, here as there */
    assert_int_equal(leaselock_lease_sequence(taken), 2);
    assert_int_equal(leaselock_lease_remaining(taken), 30000 - 600);
    move_to_namespace(0);
    assert_int_equal(listed_remaining(outside, "s"), 10000);
    assert_int_equal(listed_remaining(outside, "r"), 30000);
    assert_refused(LEASELOCK_LOST, leaselock_lock_renew(outside, lease));
    leaselock_lease_free(inner);
    leaselock_lease_free(taken);
    leaselock_lease_free(lease);
    end_lock(inside);
    end_lock(outside);
}

TEST(a_namespace_whose_clock_is_ahead)
{
    assert_namespaces_agree(86400000);
}

TEST(a_namespace_whose_clock_is_behind)
{
    assert_namespaces_agree(-900000);
}

int main(void)
{
#define ON_MACHINE(name) cmocka_unit_test_setup_teardown(name, setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        ON_MACHINE(the_wall_clock_goes_a_year_ahead),
        ON_MACHINE(the_wall_clock_goes_a_year_back),
        ON_MACHINE(a_suspended_machine_ends_its_leases),
        ON_MACHINE(what_the_wall_clock_says_is_left_is_left),
        ON_MACHINE(nothing_is_left_when_its_time_is_over),
        ON_MACHINE(nothing_is_left_a_year_later),
        ON_MACHINE(never_more_than_the_ttl_when_the_wall_clock_was_set_back),
        ON_MACHINE(the_old_boot_clock_does_not_count),
        ON_MACHINE(a_holder_can_resume_after_the_reboot),
        ON_MACHINE(numbers_go_on_above_the_ceiling),
        ON_MACHINE(a_boot_is_recorded_once),
        ON_MACHINE(processes_record_a_boot_at_once),
        ON_MACHINE(two_machines_on_one_file),
        ON_MACHINE(a_boot_id_that_is_not_the_kernels),
        ON_MACHINE(an_offset_that_cannot_be_known),
        ON_MACHINE(a_keeper_needs_the_clock_too),
        ON_MACHINE(a_namespace_whose_clock_is_ahead),
        ON_MACHINE(a_namespace_whose_clock_is_behind),
    };
    return cmocka_run_group_tests_name("sqlite_clock", tests, NULL, NULL);
}
