#include "soak/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "soak/calls.h"
#include "support/clock.h"

enum { TTL_MIN_MS = 100, TTL_MAX_MS = 500, REST_MS = 250, MS = 1000 };

static uint8_t any_resource(soak_worker *worker)
{
    return (uint8_t)dice_between(&worker->dice, 0, RESOURCES - 1);
}

static int64_t any_ttl(soak_worker *worker)
{
    return dice_between(&worker->dice, TTL_MIN_MS, TTL_MAX_MS);
}

static soak_hold *free_hold(soak_worker *worker)
{
    for (int i = 0; i < HOLDS; i++)
        if (!worker->holds[i].lease)
            return &worker->holds[i];
    return NULL;
}

/* Leaves it alone for a while; its ttl may be over then, or not. */
static void rest(soak_worker *worker, soak_hold *hold, int64_t longest_ms)
{
    hold->rest_until_us = real_boot_us() + dice_between(&worker->dice, 0, longest_ms * MS);
}

/* Releases it, now and then twice, and drops it, now and then after another look. */
static void give(soak_worker *worker, soak_hold *hold)
{
    call_release(worker, hold);
    look_at(worker, hold);
    if (dice_once_in(&worker->dice, 10))
        call_release(worker, hold);
    if (dice_once_in(&worker->dice, 50))
        call_renew(worker, hold);
    drop(hold);
}

static void take_and_give(soak_worker *worker)
{
    soak_hold *hold = free_hold(worker);
    if (!hold || call_obtain(worker, OBTAIN_NO_WAIT, any_resource(worker), any_ttl(worker), hold) != LEASELOCK_OK)
        return;
    look_at(worker, hold);
    give(worker, hold);
}

static void take_and_hold(soak_worker *worker, diary_kind kind)
{
    soak_hold *hold = free_hold(worker);
    if (hold && call_obtain(worker, kind, any_resource(worker), any_ttl(worker), hold) == LEASELOCK_OK)
        rest(worker, hold, REST_MS);
}

static void take_at_once(soak_worker *worker)
{
    take_and_hold(worker, OBTAIN_NO_WAIT);
}

static void take_by_backoff(soak_worker *worker)
{
    take_and_hold(worker, OBTAIN_BACKOFF);
}

static void take_by_wait(soak_worker *worker)
{
    take_and_hold(worker, OBTAIN_WAIT);
}

/* Looks on while it expires, at the very time when others take it. */
static void take_and_watch(soak_worker *worker)
{
    soak_hold *hold = free_hold(worker);
    if (!hold || call_obtain(worker, OBTAIN_NO_WAIT, any_resource(worker), TTL_MIN_MS, hold) != LEASELOCK_OK)
        return;
    int64_t give_up_us = real_boot_us() + 3 * TTL_MIN_MS * MS;
    while (real_boot_us() < give_up_us) {
        look_at(worker, hold);
        usleep((useconds_t)dice_between(&worker->dice, 100, 1000));
    }
    if (dice_once_in(&worker->dice, 2))
        call_renew(worker, hold);
    give(worker, hold);
}

static void keep(soak_worker *worker, soak_hold *hold)
{
    call_keep(worker, hold);
    rest(worker, hold, 3 * TTL_MAX_MS);
}

static void renew(soak_worker *worker, soak_hold *hold)
{
    call_renew(worker, hold);
    rest(worker, hold, REST_MS);
}

static void offer(soak_worker *worker, soak_hold *hold)
{
    diary_offer_lease(worker->lane, hold->resource, hold->lease);
    rest(worker, hold, TTL_MIN_MS);
}

static void take_and_keep(soak_worker *worker)
{
    soak_hold *hold = free_hold(worker);
    if (hold && call_obtain(worker, OBTAIN_NO_WAIT, any_resource(worker), any_ttl(worker), hold) == LEASELOCK_OK)
        keep(worker, hold);
}

static void forget(soak_worker *worker, soak_hold *hold)
{
    (void)worker;
    drop(hold);
}

/* Does something to one lease that has rested. */
static void attend(soak_worker *worker)
{
    static void (*const doings[])(soak_worker *, soak_hold *) = {give, give, renew, renew, keep, offer, forget};
    for (int i = 0; i < HOLDS; i++) {
        soak_hold *hold = &worker->holds[i];
        if (!hold->lease || real_boot_us() < hold->rest_until_us)
            continue;
        doings[dice_between(&worker->dice, 0, sizeof doings / sizeof *doings - 1)](worker, hold);
        return;
    }
}

/* Takes up a lease that a worker, itself perhaps, has offered. The owner keeps its handle. */
static void take_up(soak_worker *worker)
{
    unsigned lane = (unsigned)dice_between(&worker->dice, 0, LANES - 1);
    soak_hold *hold = free_hold(worker);
    diary_offer offer;
    if (hold && diary_read_offer(&worker->diary->lanes[lane], &worker->offers_seen[lane], &offer) &&
        call_resume(worker, &offer, hold) == LEASELOCK_OK)
        rest(worker, hold, REST_MS);
}

static void list(soak_worker *worker)
{
    call_list(worker);
}

static void raise_floor(soak_worker *worker)
{
    call_raise_floor(worker, worker->highest + dice_between(&worker->dice, 0, 50));
}

static void close_and_open(soak_worker *worker)
{
    static const int64_t operation_ms[] = {0, 0, 1000, 100};
    if (worker->lock)
        call_close(worker);
    call_open(worker, operation_ms[dice_between(&worker->dice, 0, 3)]);
}

/* What a second thread does to a wait of the first. */
typedef struct soak_heckler {
    leaselock_lock *lock;
    useconds_t after_us;
    bool closes;
} soak_heckler;

static void *heckle(void *argument)
{
    const soak_heckler *heckler = argument;
    usleep(heckler->after_us);
    leaselock_status status =
        heckler->closes ? leaselock_lock_close(heckler->lock) : leaselock_lock_interrupt(heckler->lock);
    if (status != LEASELOCK_OK)
        fprintf(stderr, "heckler: %s\n", leaselock_error_last()->message);
    return NULL;
}

static void wait_and_be_heckled(soak_worker *worker)
{
    soak_hold *hold = free_hold(worker);
    if (!hold)
        return;
    soak_heckler heckler = {worker->lock, (useconds_t)dice_between(&worker->dice, 0, 30 * MS),
                       dice_once_in(&worker->dice, 10)};
    pthread_t thread;
    if (pthread_create(&thread, NULL, heckle, &heckler) != 0)
        return;
    call_obtain(worker, OBTAIN_WAIT, any_resource(worker), any_ttl(worker), hold);
    pthread_join(thread, NULL);
    if (heckler.closes)
        close_and_open(worker);
}

/* Ends the process, with or without a good-bye to the lock; its leases are left to expire. */
static void leave(soak_worker *worker)
{
    if (dice_once_in(&worker->dice, 2))
        call_close(worker);
    exit(0);
}

typedef struct doing {
    int weight;
    void (*act)(soak_worker *);
} doing;

/* The rarer ones take long, and what is held stands in the others' way. */
static const doing doings[] = {
    {7000, take_and_give}, {1000, attend}, {300, take_up}, {20, take_at_once}, {50, list}, {20, take_by_backoff},
    {20, take_and_keep}, {10, take_by_wait}, {10, take_and_watch}, {10, wait_and_be_heckled}, {10, call_fork},
    {5, raise_floor}, {2, close_and_open}, {1, leave},
};

static void act(soak_worker *worker)
{
    int total = 0;
    for (size_t i = 0; i < sizeof doings / sizeof *doings; i++)
        total += doings[i].weight;
    int64_t choice = dice_between(&worker->dice, 0, total - 1);
    const doing *chosen = doings;
    for (; choice >= chosen->weight; chosen++)
        choice -= chosen->weight;
    chosen->act(worker);
}

static void look_around(soak_worker *worker)
{
    for (int i = 0; i < HOLDS; i++)
        if (worker->holds[i].lease && dice_once_in(&worker->dice, 3))
            look_at(worker, &worker->holds[i]);
}

_Noreturn void worker_run(soak_diary *diary, uint8_t lane, uint64_t seed, const char *url)
{
    static soak_worker worker;
    worker.diary = diary;
    worker.lane = &diary->lanes[lane];
    worker.number = lane;
    worker.dice.state = seed;
    snprintf(worker.client, sizeof worker.client, "worker-%d", lane);
    snprintf(worker.url, sizeof worker.url, "%s", url);
    close_and_open(&worker);
    while (!atomic_load(&diary->stop)) {
        act(&worker);
        look_around(&worker);
    }
    call_close(&worker);
    exit(0);
}
