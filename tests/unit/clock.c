/* The probes, the clocks behind them, and the clock of tests. */
#include "util/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "support/check.h"

static int restore(void **state)
{
    (void)state;
    leaselock_probes_set(NULL);
    leaselock_test_clock_stop();
    return 0;
}

/* A machine of the test's making: every probe answers by this, or fails with `failure`. */
typedef struct machine {
    int failure;
    int64_t boot_ms, wall_ms, offset_ms, type;
    const char *boot_id;
} machine;

static int boot_clock(void *payload, int64_t *ms)
{
    *ms = ((machine *)payload)->boot_ms;
    return ((machine *)payload)->failure;
}

static int wall_clock(void *payload, int64_t *ms)
{
    *ms = ((machine *)payload)->wall_ms;
    return ((machine *)payload)->failure;
}

static int boot_id(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    strcpy(id, ((machine *)payload)->boot_id);
    return ((machine *)payload)->failure;
}

static int boot_offset(void *payload, int64_t *ms)
{
    *ms = ((machine *)payload)->offset_ms;
    return ((machine *)payload)->failure;
}

static int file_system(void *payload, const char *path, int64_t *type)
{
    (void)path;
    *type = ((machine *)payload)->type;
    return ((machine *)payload)->failure;
}

static void set_machine(machine *of)
{
    const leaselock_probes probes = {sizeof probes, of, boot_clock, wall_clock, boot_id, boot_offset, file_system, NULL};
    leaselock_probes_set(&probes);
}

static int64_t system_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST(the_machines_own_clocks_are_boot_time_and_real_time)
{
    int64_t before = system_ms(CLOCK_BOOTTIME);
    assert_in_range(ll_clock_boot(), before, system_ms(CLOCK_BOOTTIME));
    before = system_ms(CLOCK_REALTIME);
    assert_in_range(ll_clock_wall(), before - 1, system_ms(CLOCK_REALTIME) + 1);
}

TEST(the_machine_names_its_boot_and_its_file_systems)
{
    char id[LEASELOCK_BOOT_ID_MAX + 1] = "", again[LEASELOCK_BOOT_ID_MAX + 1] = "";
    int64_t offset, type = 0;
    assert_ok(ll_clock_boot_id(id));
    assert_int_equal(strlen(id), 36);
    assert_ok(ll_clock_boot_id(again));
    assert_string_equal(id, again);
    assert_ok(ll_clock_boot_offset(&offset));
    assert_ok(ll_file_system_type("/proc", &type));
    assert_int_equal(type, 0x9fa0);
    assert_refused(LEASELOCK_NOT_FOUND, ll_file_system_type("/nowhere/at/all", &type));
    assert_refused(LEASELOCK_NOT_FOUND, ll_file_system_type("/etc/hostname/below", &type));
}

TEST(every_probe_can_be_replaced_and_comes_back)
{
    machine other = {.boot_ms = 11, .wall_ms = 22, .offset_ms = 33, .type = 44, .boot_id = "other"};
    char id[LEASELOCK_BOOT_ID_MAX + 1];
    int64_t number;
    set_machine(&other);
    assert_int_equal(ll_clock_boot(), 11);
    assert_int_equal(ll_clock_wall(), 22);
    assert_ok(ll_clock_boot_id(id));
    assert_string_equal(id, "other");
    assert_ok(ll_clock_boot_offset(&number));
    assert_int_equal(number, 33);
    assert_ok(ll_file_system_type("/", &number));
    assert_int_equal(number, 44);
    assert_ok(ll_random(&number, sizeof number)); /* its slot is NULL: the machine's own */
    leaselock_probes_set(NULL);
    assert_true(ll_clock_boot() > 11);
}

/* A caller with a shorter struct: what lies behind it is not read. */
TEST(probes_of_an_older_caller_keep_the_rest)
{
    machine other = {.boot_ms = 11, .wall_ms = 22};
    leaselock_probes probes = {offsetof(leaselock_probes, wall_clock), &other, boot_clock, wall_clock, NULL,
                               NULL, NULL, NULL};
    leaselock_probes_set(&probes);
    assert_int_equal(ll_clock_boot(), 11);
    assert_true(ll_clock_wall() > 22);
}

TEST(a_probe_that_fails_has_its_own_code)
{
    machine broken = {.failure = EIO, .boot_id = "x"};
    char id[LEASELOCK_BOOT_ID_MAX + 1];
    int64_t number;
    set_machine(&broken);
    assert_true(ll_clock_boot() == LL_CLOCK_BROKEN);
    assert_true(ll_clock_wall() == LL_CLOCK_BROKEN);
    assert_refused(LEASELOCK_CLOCK, ll_clock_boot_id(id));
    assert_int_equal(leaselock_error_last()->native_code, EIO);
    assert_refused(LEASELOCK_CLOCK, ll_clock_boot_offset(&number));
    assert_refused(LEASELOCK_IO, ll_file_system_type("/", &number));
    broken.failure = EACCES;
    assert_refused(LEASELOCK_PERMISSION, ll_file_system_type("/", &number));
    broken.failure = ENOTSUP;
    assert_refused(LEASELOCK_CLOCK, ll_clock_boot_id(id));
    assert_refused(LEASELOCK_CLOCK, ll_clock_boot_offset(&number));
}

TEST(an_empty_boot_id_names_no_boot)
{
    machine nameless = {.boot_id = ""};
    char id[LEASELOCK_BOOT_ID_MAX + 1];
    set_machine(&nameless);
    assert_refused(LEASELOCK_CLOCK, ll_clock_boot_id(id));
}

TEST(a_time_far_from_now_saturates)
{
    machine at = {.boot_ms = 1000};
    set_machine(&at);
    assert_int_equal(ll_clock_after(5), 1005);
    assert_true(ll_clock_after(INT64_MAX) == INT64_MAX);
    assert_true(ll_clock_after(INT64_MAX - 1000) == INT64_MAX);
    assert_true(ll_clock_after(INT64_MAX - 1001) == INT64_MAX - 1);
}

TEST(the_test_clock_stands_still_until_it_is_moved)
{
    leaselock_test_clock_start(5000, 70000);
    assert_true(ll_clock_is_test());
    assert_int_equal(ll_clock_boot(), 5000);
    assert_int_equal(ll_clock_wall(), 70000);
    leaselock_test_clock_advance(250);
    assert_int_equal(ll_clock_boot(), 5250);
    assert_int_equal(ll_clock_wall(), 70250);
    leaselock_test_clock_step_wall(-60000);
    assert_int_equal(ll_clock_boot(), 5250);
    assert_int_equal(ll_clock_wall(), 10250);
    ll_clock_test_advance(400); /* microseconds add up */
    ll_clock_test_advance(600);
    assert_int_equal(ll_clock_boot(), 5251);
    leaselock_test_clock_advance(-251);
    assert_int_equal(ll_clock_boot(), 5000);
    leaselock_test_clock_stop();
    assert_false(ll_clock_is_test());
    assert_true(ll_clock_boot() != 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machines_own_clocks_are_boot_time_and_real_time),
        cmocka_unit_test(the_machine_names_its_boot_and_its_file_systems),
        cmocka_unit_test_teardown(every_probe_can_be_replaced_and_comes_back, restore),
        cmocka_unit_test_teardown(probes_of_an_older_caller_keep_the_rest, restore),
        cmocka_unit_test_teardown(a_probe_that_fails_has_its_own_code, restore),
        cmocka_unit_test_teardown(an_empty_boot_id_names_no_boot, restore),
        cmocka_unit_test_teardown(a_time_far_from_now_saturates, restore),
        cmocka_unit_test_teardown(the_test_clock_stands_still_until_it_is_moved, restore),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
