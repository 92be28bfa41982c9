/* Sequences: the block on the disk that covers them, the floor, and their end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engines.h"
#include "sqlite/database.h"
#include "util/clock.h"

static leaselock_lock *lock;
static sqlite3 *db; /* looks at what the lock wrote */

static int setup(void **state)
{
    if (folder_setup(state) != 0)
        return -1;
    lock = open_database();
    db = raw_open(database_path());
    return 0;
}

static int teardown(void **state)
{
    sqlite3_close(db);
    end_lock(lock);
    return folder_teardown(state);
}

static int64_t ceiling(void)
{
    return raw_number(db, "SELECT ceiling FROM leaselock_control");
}

/* Puts a resource's counter where it would be after so many grants. */
static void set_sequence(const char *resource, int64_t sequence)
{
    char *sql = sqlite3_mprintf("UPDATE leaselock_leases SET sequence = %lld WHERE resource = %Q", (long long)sequence,
                                resource);
    raw_run(db, sql);
    sqlite3_free(sql);
}

/* --- blocks ---------------------------------------------------------------------------------------------------- */

TEST(the_ceiling_is_above_every_number_and_rises_once_in_a_thousand)
{
    int raises = 0;
    int64_t before = ceiling();
    for (int i = 1; i <= 2500; i++) {
        assert_int_equal(next_sequence(lock, "r"), i);
        int64_t now = ceiling();
        assert_true(now >= i);
        raises += now != before;
        before = now;
    }
    assert_in_range(raises, 1, 2);
}

TEST(resources_share_a_block)
{
    int64_t before = ceiling();
    for (int i = 0; i < 1500; i++) {
        char resource[16];
        snprintf(resource, sizeof resource, "r%d", i);
        assert_int_equal(next_sequence(lock, resource), 1);
    }
    assert_int_equal(ceiling(), before);
}

TEST(a_fresh_handle_trusts_no_ceiling_but_its_own)
{
    assert_int_equal(next_sequence(lock, "r"), 1);
    for (int i = 0; i < 3; i++) {
        int64_t before = ceiling();
        leaselock_lock *fresh = open_database();
        assert_int_equal(ceiling(), before); /* not before it is needed */
        assert_int_equal(next_sequence(fresh, "r"), 2 + 2 * i);
        int64_t own = ceiling();
        assert_true(own > before);
        assert_int_equal(next_sequence(fresh, "r"), 3 + 2 * i);
        assert_int_equal(ceiling(), own);
        end_lock(fresh);
    }
}

/* Another handle put a higher ceiling there; ours must not go above what it has put on the disk itself. */
TEST(a_handle_stays_below_its_own_ceiling)
{
    assert_int_equal(next_sequence(lock, "r"), 1);
    int64_t own = ceiling();
    leaselock_lock *other = open_database();
    while (next_sequence(other, "r") < own)
        ;
    int64_t others = ceiling();
    assert_true(others > own);
    assert_int_equal(next_sequence(lock, "r"), own + 1);
    assert_true(ceiling() > others);
    end_lock(other);
}

static leaselock_status keep_waiting(const leaselock_call *call, int64_t microseconds)
{
    (void)call, (void)microseconds;
    return LEASELOCK_OK;
}

/* At the table: all of an array is granted, whichever of its numbers the block does not reach. */
TEST(an_array_that_crosses_the_ceiling)
{
    next_sequence(lock, "a"), next_sequence(lock, "b"), next_sequence(lock, "c");
    int64_t own = ceiling();
    set_sequence("b", own);
    const leaselock_engine *engine = NULL;
    assert_ok(ll_engine_for_url(database_url(), &engine));
    const leaselock_call call = {ll_clock_after(PATIENCE_MS), keep_waiting};
    leaselock_connection *connection = NULL;
    assert_ok(engine->open(database_url(), &call, &connection));
    assert_ok(engine->start(connection, &call));
    const char *id = "0123456789abcdef0123456789abcdef";
    const leaselock_claim claims[] = {{"a", "me", id, 0, 1000}, {"b", "me", id, 0, 1000}, {"c", "me", id, 0, 1000}};
    leaselock_outcome outcomes[3];
    for (int again = 0; again < 2; again++) { /* the second time it finds its own grants */
        assert_ok(engine->obtain(connection, claims, 3, &call, outcomes));
        assert_int_equal(outcomes[0].sequence, 2);
        assert_int_equal(outcomes[1].sequence, own + 1);
        assert_int_equal(outcomes[2].sequence, 2);
    }
    assert_true(ceiling() > own + 1);
    engine->close(connection);
}

/* --- the floor ------------------------------------------------------------------------------------------------- */

static int64_t raise_floor(leaselock_lock *of, int64_t to)
{
    int64_t floor = -1;
    assert_ok(leaselock_lock_raise_floor(of, to, &floor));
    return floor;
}

TEST(a_raised_floor_is_below_every_later_number)
{
    assert_int_equal(next_sequence(lock, "old"), 1);
    assert_int_equal(raise_floor(lock, 50000), 50000);
    assert_true(ceiling() > 50000);
    assert_int_equal(next_sequence(lock, "old"), 50001);
    assert_int_equal(next_sequence(lock, "old"), 50002);
    assert_int_equal(next_sequence(lock, "new"), 50001);
}

TEST(it_is_never_lowered)
{
    assert_int_equal(raise_floor(lock, 700), 700);
    assert_int_equal(raise_floor(lock, 699), 700);
    assert_int_equal(raise_floor(lock, 0), 700);
    assert_int_equal(next_sequence(lock, "r"), 701);
}

TEST(a_number_above_the_floor_goes_on_from_there)
{
    for (int i = 0; i < 10; i++)
        next_sequence(lock, "r");
    raise_floor(lock, 5);
    assert_int_equal(next_sequence(lock, "r"), 11);
    assert_int_equal(next_sequence(lock, "s"), 6);
}

TEST(holders_stay_current)
{
    leaselock_lease *lease = obtain_now(lock, "r", 0);
    raise_floor(lock, 1000000);
    assert_ok(leaselock_lock_renew(lock, lease));
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    assert_refused(LEASELOCK_BUSY, try_obtain(lock, "r"));
    release_now(lease);
    assert_int_equal(next_sequence(lock, "r"), 1000001);
}

/* And reserve numbers above it themselves: it was another handle that has put this floor on the disk. */
TEST(other_handles_see_it)
{
    leaselock_lock *other = open_database();
    assert_int_equal(next_sequence(other, "old"), 1);
    for (int64_t floor = 1000000; floor < 5000000; floor += 1000000) {
        raise_floor(lock, floor);
        int64_t before = ceiling();
        assert_int_equal(next_sequence(other, floor == 1000000 ? "new" : "old"), floor + 1);
        assert_true(ceiling() > before);
    }
    end_lock(other);
}

TEST(floors_that_are_none)
{
    int64_t floor = -7;
    assert_refused(LEASELOCK_INVALID, leaselock_lock_raise_floor(lock, -1, &floor));
    assert_refused(LEASELOCK_INVALID, leaselock_lock_raise_floor(lock, LEASELOCK_FLOOR_MAX + 1, &floor));
    assert_int_equal(floor, -7);
    assert_int_equal(next_sequence(lock, "r"), 1);
    assert_int_equal(raise_floor(lock, LEASELOCK_FLOOR_MAX), LEASELOCK_FLOOR_MAX);
    assert_true(next_sequence(lock, "r") == LEASELOCK_FLOOR_MAX + 1);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

/* Both tables as one text. Yours to free. */
static char *all_rows(void)
{
    static const char sql[] =
        "SELECT (SELECT group_concat(floor || ' ' || typeof(floor) || ' ' || ceiling || ' ' || typeof(ceiling) || ' ' ||"
        " boot ||"
        "        ' ' || boot_id) FROM leaselock_control) || char(10) ||"
        "       (SELECT group_concat(resource || ' ' || client || ' ' || sequence || ' ' || typeof(sequence) || ' ' ||"
        "        acquisition || ' ' || deadline_ms || ' ' || released, char(10)) FROM leaselock_leases)";
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

static void assert_rows_are(char *before)
{
    char *now = all_rows();
    assert_string_equal(before, now);
    free(before);
    free(now);
}

TEST(a_resource_that_has_no_number_left)
{
    next_sequence(lock, "r"), next_sequence(lock, "other");
    for (int64_t last = INT64_MAX - 3; last < INT64_MAX; last++) {
        set_sequence("r", last);
        char *before = all_rows();
        leaselock_lock *fresh = open_database();
        assert_refused(LEASELOCK_EXHAUSTED, try_obtain(lock, "r"));
        assert_refused(LEASELOCK_EXHAUSTED, try_obtain(fresh, "r"));
        assert_rows_are(before);
        end_lock(fresh);
    }
    assert_int_equal(next_sequence(lock, "other"), 2);
}

static void assert_all_exhausted(void)
{
    int64_t floor = 0;
    char *before = all_rows();
    leaselock_lock *fresh = open_database();
    assert_refused(LEASELOCK_EXHAUSTED, try_obtain(fresh, "r"));
    assert_refused(LEASELOCK_EXHAUSTED, try_obtain(fresh, "new"));
    assert_refused(LEASELOCK_EXHAUSTED, leaselock_lock_raise_floor(fresh, 5, &floor));
    assert_rows_are(before);
    end_lock(fresh);
}

TEST(a_floor_that_leaves_no_number)
{
    next_sequence(lock, "r");
    raw_run(db, "UPDATE leaselock_control SET floor = 9223372036854775000, ceiling = 9223372036854775800");
    assert_all_exhausted();
}

TEST(a_ceiling_that_leaves_no_number)
{
    next_sequence(lock, "r");
    raw_run(db, "UPDATE leaselock_control SET ceiling = 9223372036854775807");
    assert_all_exhausted();
}

int main(void)
{
#define NUMBERS(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        NUMBERS(the_ceiling_is_above_every_number_and_rises_once_in_a_thousand),
        NUMBERS(resources_share_a_block),
        NUMBERS(a_fresh_handle_trusts_no_ceiling_but_its_own),
        NUMBERS(a_handle_stays_below_its_own_ceiling),
        NUMBERS(an_array_that_crosses_the_ceiling),
        NUMBERS(a_raised_floor_is_below_every_later_number),
        NUMBERS(it_is_never_lowered),
        NUMBERS(a_number_above_the_floor_goes_on_from_there),
        NUMBERS(holders_stay_current),
        NUMBERS(other_handles_see_it),
        NUMBERS(floors_that_are_none),
        NUMBERS(a_resource_that_has_no_number_left),
        NUMBERS(a_floor_that_leaves_no_number),
        NUMBERS(a_ceiling_that_leaves_no_number),
    };
    return cmocka_run_group_tests_name("sqlite_numbers", tests, NULL, NULL);
}
