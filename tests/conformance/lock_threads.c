/* Many threads at once, in real time: on one handle, on one handle each, and across a close. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "support/history.h"

enum { THREADS = 4, TURNS = 20 };

typedef struct worker {
    leaselock_lock *lock;
    const char *resource;
    int number;
    leaselock_status status; /* what ended it; OK when it had all its turns */
    char message[512];
    pthread_t thread;
} worker;

static history book;

/* From a moment after the grant to a moment after a while, each seen as valid afterwards. */
static void write_down(const worker *self, const leaselock_lease *lease, int64_t while_ms)
{
    int64_t from_us = real_boot_us();
    if (!leaselock_lease_valid(lease))
        return;
    history_entry *entry = history_begin(&book, 0, self->number, leaselock_lease_sequence(lease), from_us);
    real_sleep(while_ms);
    int64_t to_us = real_boot_us();
    if (entry && leaselock_lease_valid(lease))
        history_held_until(entry, to_us);
}

static leaselock_status take_turns(worker *self, leaselock_backoff *backoff)
{
    for (int i = 0; i < TURNS; i++) {
        leaselock_lease *lease;
        leaselock_status status =
            leaselock_lock_obtain_with_backoff(self->lock, self->resource, NULL, backoff, NULL, &lease);
        if (status != LEASELOCK_OK)
            return status;
        write_down(self, lease, i % 3 == 0);
        status = leaselock_lock_release(self->lock, lease, NULL);
        leaselock_lease_free(lease);
        if (status != LEASELOCK_OK)
            return status;
    }
    return LEASELOCK_OK;
}

static void *contend(void *payload)
{
    worker *self = payload;
    leaselock_backoff *backoff;
    self->status = leaselock_backoff_new_exponential(1000000, 1, 1.0, &backoff);
    if (self->status == LEASELOCK_OK) {
        self->status = take_turns(self, backoff);
        leaselock_backoff_free(backoff);
    }
    snprintf(self->message, sizeof self->message, "%s", leaselock_error_last()->message);
    return NULL;
}

static void start(worker *workers, void *(*body)(void *))
{
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
}

static void join(worker *workers)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

static void assert_all_well(const worker *workers)
{
    for (int i = 0; i < THREADS; i++)
        if (workers[i].status != LEASELOCK_OK)
            fail_msg("thread %d: %s (%s)", i, leaselock_error_name(workers[i].status), workers[i].message);
}

/* Everybody has its turns, never two at once, and the sequences are all the numbers there were. */
static void assert_good_history(const worker *workers)
{
    char why[256];
    assert_all_well(workers);
    if (!history_check(&book, why, sizeof why))
        fail_msg("%s", why);
    int64_t highest = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(history_turns(&book, i), TURNS);
    for (unsigned i = 0; i < THREADS * TURNS; i++)
        highest = book.entries[i].sequence > highest ? book.entries[i].sequence : highest;
    assert_int_equal(highest - book.entries[0].sequence + 1, THREADS * TURNS); /* no number was burned */
}

TEST(threads_on_one_handle_exclude_each_other)
{
    worker workers[THREADS] = {{0}};
    memset(&book, 0, sizeof book);
    for (int i = 0; i < THREADS; i++) {
        workers[i].lock = lock;
        workers[i].resource = resource("a");
    }
    start(workers, contend);
    join(workers);
    assert_good_history(workers);
}

TEST(threads_with_a_handle_each_exclude_each_other)
{
    worker workers[THREADS] = {{0}};
    memset(&book, 0, sizeof book);
    for (int i = 0; i < THREADS; i++) {
        workers[i].lock = open_lock();
        workers[i].resource = resource("a");
    }
    start(workers, contend);
    join(workers);
    assert_good_history(workers);
    for (int i = 0; i < THREADS; i++)
        close_lock(workers[i].lock);
}

/* Everything that a handle can do, on a resource of the thread's own. */
static leaselock_status do_everything(worker *self)
{
    leaselock_lease *lease;
    leaselock_listing *listing;
    leaselock_status status = leaselock_lock_obtain(self->lock, self->resource, NULL, NULL, &lease);
    if (status != LEASELOCK_OK)
        return status;
    status = leaselock_lease_keep(lease);
    if (status == LEASELOCK_OK)
        status = leaselock_lock_renew(self->lock, lease);
    if (status == LEASELOCK_OK)
        status = leaselock_lock_list(self->lock, NULL, &listing);
    if (status == LEASELOCK_OK) {
        leaselock_listing_free(listing);
        bool was_ours = false, was_valid = leaselock_lease_valid(lease);
        status = leaselock_lock_release(self->lock, lease, &was_ours);
        if (status == LEASELOCK_OK && !(was_valid && was_ours))
            status = LEASELOCK_LOST;
    }
    leaselock_lease_free(lease);
    return status;
}

static void *do_everything_often(void *payload)
{
    worker *self = payload;
    for (int i = 0; i < TURNS && self->status == LEASELOCK_OK; i++)
        self->status = do_everything(self);
    snprintf(self->message, sizeof self->message, "%s", leaselock_error_last()->message);
    return NULL;
}

static void give_own_resources(worker *workers, leaselock_lock *to)
{
    for (int i = 0; i < THREADS; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%d", i);
        workers[i].lock = to;
        workers[i].resource = resource(name);
    }
}

TEST(threads_on_one_handle_do_not_disturb_each_other)
{
    worker workers[THREADS] = {{0}};
    give_own_resources(workers, lock);
    start(workers, do_everything_often);
    join(workers);
    assert_all_well(workers);
}

static void *do_everything_until_closed(void *payload)
{
    worker *self = payload;
    do
        self->status = do_everything(self);
    while (self->status == LEASELOCK_OK);
    return NULL;
}

TEST(a_close_in_the_middle_ends_everything_in_order)
{
    for (int i = 0; i < 10; i++) {
        worker workers[THREADS] = {{0}};
        leaselock_lock *own = open_lock();
        give_own_resources(workers, own);
        start(workers, do_everything_until_closed);
        real_sleep(i);
        leaselock_status status = leaselock_lock_close(own);
        join(workers);
        assert_ok(status);
        for (int j = 0; j < THREADS; j++)
            assert_true(workers[j].status == LEASELOCK_CLOSED || workers[j].status == LEASELOCK_BUSY);
        leaselock_lock_free(own);
    }
}

int run_lock_threads(void)
{
    const struct CMUnitTest tests[] = {
        REAL_TIME_TEST(threads_on_one_handle_exclude_each_other),
        REAL_TIME_TEST(threads_with_a_handle_each_exclude_each_other),
        REAL_TIME_TEST(threads_on_one_handle_do_not_disturb_each_other),
        REAL_TIME_TEST(a_close_in_the_middle_ends_everything_in_order),
    };
    return cmocka_run_group_tests_name("lock: threads", tests, NULL, NULL);
}
