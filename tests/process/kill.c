/* Holders that are killed or stopped at any moment: no sequence twice, no two holders, and free by the ttl. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "process/crew.h"

enum { WORKERS = 4, DURATION_MS = 5000 };

static int between(int low, int high)
{
    return low + rand() % (high - low + 1);
}

static unsigned grants(void)
{
    return atomic_load(&crew_book()->count);
}

static void assert_good_history(void)
{
    char why[256];
    if (!history_check(crew_book(), why, sizeof why))
        fail_msg("%s", why);
}

static int64_t highest_sequence(void)
{
    int64_t highest = 0;
    for (unsigned i = 0; i < grants(); i++)
        if (crew_book()->entries[i].sequence > highest)
            highest = crew_book()->entries[i].sequence;
    return highest;
}

static void end_worker(pid_t worker)
{
    int end;
    kill(worker, SIGKILL);
    assert_int_equal(waitpid(worker, &end, 0), worker);
    assert_true(WIFSIGNALED(end)); /* else it had failed by itself */
}

/* Whoever was granted last, more often than not: it is the one that something may go wrong with. */
static int any_victim(void)
{
    unsigned count = grants();
    return count > 0 && between(0, 2) > 0 ? crew_book()->entries[count - 1].holder : between(0, WORKERS - 1);
}

TEST(whoever_is_killed_or_stopped_no_two_hold_at_once_and_no_sequence_comes_twice)
{
    pid_t workers[WORKERS];
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = crew_start(i, CREW_HOLD, 0);
    int64_t end_ms = real_clock() + DURATION_MS;
    while (real_clock() < end_ms) {
        real_sleep(between(1, 60));
        int victim = any_victim();
        if (between(0, 1)) {
            end_worker(workers[victim]);
            workers[victim] = crew_start(victim, CREW_HOLD, 0);
        } else {
            kill(workers[victim], SIGSTOP);
            real_sleep(between(1, 2 * CREW_TTL_MS)); /* the others go on, and may take over */
            kill(workers[victim], SIGCONT);
        }
    }
    for (int i = 0; i < WORKERS; i++)
        end_worker(workers[i]);
    assert_good_history();
    assert_true(grants() > 5);
}

/* From the kill on nobody renews: what was left then is what the next one waits. */
TEST(a_killed_holders_resource_is_free_by_its_ttl)
{
    const leaselock_obtain_options patient = {.struct_size = sizeof patient, .wait_ms = PATIENCE_MS};
    const leaselock_list_options one = {.struct_size = sizeof one, .resource = crew_resource()};
    pid_t worker = crew_start(0, CREW_HOLD, 0);
    assert_eventually(grants() == 1 && crew_book()->entries[0].from_us != 0);
    end_worker(worker);
    leaselock_lock *lock;
    leaselock_listing *listing;
    leaselock_lease *lease;
    assert_ok(leaselock_lock_open(crew_url(), NULL, &lock));
    int64_t begin = real_clock();
    assert_ok(leaselock_lock_list(lock, &one, &listing));
    int64_t left = leaselock_listing_remaining(listing, 0);
    assert_true(left <= CREW_TTL_MS);
    assert_ok(leaselock_lock_obtain(lock, crew_resource(), NULL, &patient, &lease));
    assert_true(real_clock() - begin >= left - 1);
    assert_true(leaselock_lease_sequence(lease) > highest_sequence());
    assert_ok(leaselock_lock_release(lock, lease, NULL));
    leaselock_listing_free(listing);
    leaselock_lease_free(lease);
    assert_ok(leaselock_lock_close(lock));
    leaselock_lock_free(lock);
}

int main(int count, char **arguments)
{
    int status;
    if (crew_is_worker(count, arguments, &status))
        return status;
    crew_use(count, arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_holders_resource_is_free_by_its_ttl, crew_setup, crew_teardown),
        cmocka_unit_test_setup_teardown(
            whoever_is_killed_or_stopped_no_two_hold_at_once_and_no_sequence_comes_twice, crew_setup, crew_teardown),
    };
    return cmocka_run_group_tests_name("processes: killed and stopped", tests, NULL, NULL);
}
