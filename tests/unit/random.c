/* Acquisition ids, jitter, and a machine that has no randomness. */
#include "util/random.h"

#include <errno.h>
#include <string.h>

#include "leaselock/sys/probes.h"
#include "support/check.h"
#include "util/text.h"

/* The probe of the test: every byte is *payload, or there is none at all. */
static int random_byte(void *payload, void *bytes, size_t count)
{
    memset(bytes, *(unsigned char *)payload, count);
    return 0;
}

static int no_random(void *payload, void *bytes, size_t count)
{
    (void)payload, (void)bytes, (void)count;
    return EIO;
}

static void set_random(int (*probe)(void *, void *, size_t), void *payload)
{
    leaselock_probes probes = {.struct_size = sizeof probes, .payload = payload, .random = probe};
    leaselock_probes_set(&probes);
}

static int restore_probes(void **state)
{
    (void)state;
    leaselock_probes_set(NULL);
    return 0;
}

TEST(an_acquisition_id_is_the_bytes_as_lower_case_digits)
{
    unsigned char byte = 0xA7;
    char id[LEASELOCK_ACQUISITION_LENGTH + 1];
    set_random(random_byte, &byte);
    assert_ok(ll_random_acquisition(id));
    assert_string_equal(id, "a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7");
}

TEST(acquisition_ids_are_valid_and_do_not_repeat)
{
    enum { COUNT = 200 };
    static char ids[COUNT][LEASELOCK_ACQUISITION_LENGTH + 1];
    for (int i = 0; i < COUNT; i++) {
        assert_ok(ll_random_acquisition(ids[i]));
        assert_ok(ll_text_check_acquisition(ids[i]));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

/* An id that is not random would make two acquisitions one. */
TEST(without_randomness_there_is_no_acquisition_id)
{
    char untouched[LEASELOCK_ACQUISITION_LENGTH + 1] = "untouched";
    set_random(no_random, NULL);
    assert_refused(LEASELOCK_INTERNAL, ll_random_acquisition(untouched));
    assert_int_equal(leaselock_error_last()->native_code, EIO);
    assert_string_equal(untouched, "untouched");
}

TEST(a_number_between_reaches_both_ends_and_not_beyond)
{
    bool seen[3] = {false};
    for (int i = 0; i < 1000; i++) {
        int64_t number = ll_random_between(5, 7);
        assert_in_range(number, 5, 7);
        seen[number - 5] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_int_equal(ll_random_between(4, 4), 4);
    assert_int_equal(ll_random_between(4, 3), 4);
}

TEST(without_randomness_jitter_is_its_lower_end)
{
    set_random(no_random, NULL);
    assert_int_equal(ll_random_between(50, 250), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_acquisition_id_is_the_bytes_as_lower_case_digits, restore_probes),
        cmocka_unit_test(acquisition_ids_are_valid_and_do_not_repeat),
        cmocka_unit_test_teardown(without_randomness_there_is_no_acquisition_id, restore_probes),
        cmocka_unit_test(a_number_between_reaches_both_ends_and_not_beyond),
        cmocka_unit_test_teardown(without_randomness_jitter_is_its_lower_end, restore_probes),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
