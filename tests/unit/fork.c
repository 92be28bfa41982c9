/* A forked child has no part in its parent's leases, and the parent does not notice the fork. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaselock/sys/probes.h"
#include "support/fake_lock.h"

enum { FORKS = 200, TTL_MS = 30000 };

static leaselock_lock *lock;

static int setup(void **state)
{
    fake_setup(state);
    fake_choose_jitter(0);
    lock = fake_lock_open(TTL_MS, 0);
    return 0;
}

static int teardown(void **state)
{
    end_lock(lock);
    return fake_teardown(state);
}

/* In a child: ends it with a message where the condition does not hold. */
#define EXPECT(condition)                                                                      \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);      \
            _exit(1);                                                                          \
        }                                                                                      \
    } while (0)

/* Runs it in a forked child, which is killed should it hang; fails where the child does. */
static void run_in_child(void (*body)(leaselock_lease *), leaselock_lease *lease)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE_MS / 1000);
        body(lease);
        _exit(0);
    }
    assert_true(child > 0);
    int end;
    assert_int_equal(waitpid(child, &end, 0), child);
    if (!WIFEXITED(end) || WEXITSTATUS(end) != 0)
        fail_msg("the child ended with 0x%x (0x%x is a hang)", end, SIGALRM);
}

static void expect_forked(leaselock_lease *lease)
{
    leaselock_lease *another = NULL;
    leaselock_listing *listing = NULL;
    leaselock_state state = 0;
    leaselock_backoff *backoff = NULL;
    EXPECT(leaselock_lock_obtain(lock, "x", NULL, NULL, &another) == LEASELOCK_FORKED);
    EXPECT(leaselock_error_last()->code == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_obtain_with_no_wait(lock, "x", NULL, NULL, &another) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_obtain_with_backoff(lock, "x", NULL, backoff, NULL, &another) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_resume(lock, "r", NULL, 1, leaselock_lease_acquisition(lease), &another) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_renew(lock, lease) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_release(lock, lease, NULL) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_list(lock, NULL, &listing) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_raise_floor(lock, 1, NULL) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_interrupt(lock) == LEASELOCK_FORKED);
    EXPECT(leaselock_lease_keep(lease) == LEASELOCK_FORKED);
    EXPECT(leaselock_lease_wait(lease, 0, &state) == LEASELOCK_FORKED);
    EXPECT(leaselock_lock_close(lock) == LEASELOCK_FORKED);
    EXPECT(!another && !listing && state == 0);
    EXPECT(leaselock_lease_state(lease) == LEASELOCK_STATE_FORKED);
    EXPECT(!leaselock_lease_valid(lease));
    EXPECT(leaselock_lease_remaining(lease) == 0);
    EXPECT(strcmp(leaselock_lease_resource(lease), "r") == 0);
    leaselock_lease_free(lease);
    leaselock_lock_free(lock);
}

TEST(every_handle_answers_forked_in_the_child)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    assert_ok(leaselock_lease_keep(lease));
    run_in_child(expect_forked, lease);
    assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    assert_ok(leaselock_lock_renew(lock, lease));
    release_now(lease);
}

/* What was freed in the child was the child's copy; and the other way round, its last reference closes nothing. */
static void drop_lock_first(leaselock_lease *lease)
{
    leaselock_lock_free(lock);
    leaselock_lease_free(lease);
}

TEST(a_free_in_the_child_talks_to_nobody)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    run_in_child(drop_lock_first, lease);
    assert_int_equal(fake_calls(FAKE_CLOSE), 0);
    release_now(lease);
}

/* `keep`: with a keeper of its own; the thread sanitizer forbids that where the parent has threads. */
static void use_an_own_lock(bool keep)
{
    leaselock_lock *own = NULL;
    leaselock_lease *lease = NULL, *twin = NULL;
    EXPECT(leaselock_lock_open("memory:child", NULL, &own) == LEASELOCK_OK);
    EXPECT(leaselock_lock_obtain_with_no_wait(own, "r", "c", NULL, &lease) == LEASELOCK_OK);
    EXPECT(!keep || leaselock_lease_keep(lease) == LEASELOCK_OK);
    EXPECT(leaselock_lease_state(lease) == LEASELOCK_STATE_HELD);
    EXPECT(leaselock_lock_resume(own, "r", "c", 1, leaselock_lease_acquisition(lease), &twin) == LEASELOCK_OK);
    EXPECT(leaselock_lock_release(own, twin, NULL) == LEASELOCK_OK);
    EXPECT(leaselock_lock_renew(own, lease) == LEASELOCK_LOST);
    leaselock_lease_free(lease);
    leaselock_lease_free(twin);
    EXPECT(leaselock_lock_close(own) == LEASELOCK_OK);
    leaselock_lock_free(own);
}

static void use_and_keep(leaselock_lease *inherited)
{
    (void)inherited;
    use_an_own_lock(true);
}

TEST(the_child_can_open_a_lock_of_its_own)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    run_in_child(use_and_keep, lease);
    release_now(lease);
}

/* memory: is the process's own: a child does not share its parent's leases, and starts with none. */
static void see_nothing_of_the_parent(leaselock_lease *lease)
{
    leaselock_lock *own = NULL;
    leaselock_lease *another = NULL;
    EXPECT(leaselock_lock_open("memory:shared-before", NULL, &own) == LEASELOCK_OK);
    EXPECT(leaselock_lock_obtain_with_no_wait(own, "r", NULL, NULL, &another) == LEASELOCK_OK);
    EXPECT(leaselock_lease_sequence(another) == 1);
    (void)lease;
}

TEST(leases_in_memory_are_not_inherited)
{
    leaselock_lock *shared;
    assert_ok(leaselock_lock_open("memory:shared-before", NULL, &shared));
    leaselock_lease *lease = obtain_now(shared, "r", NULL, 0);
    run_in_child(see_nothing_of_the_parent, lease);
    release_now(lease);
    end_lock(shared);
}

TEST(a_kept_lease_survives_200_forks_during_its_renewals)
{
    leaselock_lease *lease = obtain_now(lock, "r", NULL, 0);
    assert_ok(leaselock_lease_keep(lease));
    for (int i = 0; i < FORKS; i++) {
        uint64_t plans = fake_pauses_chosen();
        leaselock_test_clock_advance(TTL_MS / 3); /* the keeper wakes while the process forks */
        run_in_child(expect_forked, lease);
        assert_eventually(fake_pauses_chosen() == plans + 1);
        assert_ok(leaselock_lease_keep(lease)); /* now the next renewal is planned */
        assert_int_equal(leaselock_lease_state(lease), LEASELOCK_STATE_HELD);
    }
    assert_int_equal(leaselock_lease_sequence(lease), 1);
    release_now(lease);
}

#ifndef __SANITIZE_ADDRESS__ /* whose allocator does not survive a fork while another thread allocates */
static atomic_bool stop;

static void use_only(leaselock_lease *inherited)
{
    (void)inherited;
    use_an_own_lock(false);
}

/* Keeps the library's process-wide mutexes busy: a lease that is lost is lost again at every renewal. */
static void *lose_again_and_again(void *lost)
{
    leaselock_lease *lease = lost;
    while (!atomic_load(&stop))
        if (leaselock_lock_renew(leaselock_lease_lock(lease), lease) != LEASELOCK_LOST)
            return lost;
    return NULL;
}

TEST(a_child_of_a_busy_parent_inherits_no_locked_mutex)
{
    pthread_t threads[2];
    leaselock_lock *plain = fake_rival_open();
    leaselock_lease *lease = obtain_now(plain, "r", "c", 0), *twin;
    assert_ok(leaselock_lock_resume(plain, "r", "c", 1, leaselock_lease_acquisition(lease), &twin));
    release_now(twin);
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, lose_again_and_again, lease), 0);
    for (int i = 0; i < FORKS; i++)
        run_in_child(use_only, NULL);
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        void *failure;
        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
    leaselock_lease_free(lease);
    end_lock(plain);
}
#endif

int main(void)
{
#define FORK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FORK_TEST(every_handle_answers_forked_in_the_child),
        FORK_TEST(a_free_in_the_child_talks_to_nobody),
        FORK_TEST(the_child_can_open_a_lock_of_its_own),
        FORK_TEST(leases_in_memory_are_not_inherited),
        FORK_TEST(a_kept_lease_survives_200_forks_during_its_renewals),
#ifndef __SANITIZE_ADDRESS__
        FORK_TEST(a_child_of_a_busy_parent_inherits_no_locked_mutex),
#endif
    };
#undef FORK_TEST
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
