/* A worker's calls of the library, each written into its diary. */
#ifndef SOAK_CALLS_H
#define SOAK_CALLS_H

#include "soak/dice.h"
#include "soak/diary.h"

/* A lease of the worker. */
typedef struct soak_hold {
    leaselock_lease *lease; /* NULL: none */
    uint8_t resource;
    bool valid;            /* at the last look */
    int64_t rest_until_us; /* nothing is done with it before then */
} soak_hold;

typedef struct soak_worker {
    soak_diary *diary;
    diary_lane *lane;
    uint8_t number; /* of the lane */
    char client[16];
    soak_dice dice;
    char url[4096];
    leaselock_lock *lock;
    soak_hold holds[HOLDS];
    unsigned offers_seen[LANES];
    int64_t highest; /* sequence that it knows of */
} soak_worker;

/* Opens the lock, trying until it is open or the soak is over; 0 is the default operation time. */
void call_open(soak_worker *worker, int64_t operation_ms);
/* Closes it, which frees all holds. */
void call_close(soak_worker *worker);

/* `kind` says which obtain; the lease goes into the hold. */
leaselock_status call_obtain(soak_worker *worker, diary_kind kind, uint8_t resource, int64_t ttl_ms, soak_hold *hold);
leaselock_status call_release(soak_worker *worker, soak_hold *hold);
leaselock_status call_renew(soak_worker *worker, soak_hold *hold);
leaselock_status call_keep(soak_worker *worker, soak_hold *hold);
/* Takes up the offered lease. */
leaselock_status call_resume(soak_worker *worker, const diary_offer *offer, soak_hold *hold);
leaselock_status call_list(soak_worker *worker);
leaselock_status call_raise_floor(soak_worker *worker, int64_t floor);
/* Forks; the child checks that all of the worker's handles are dead to it. */
void call_fork(soak_worker *worker);

/* Looks whether the lease is valid. */
void look_at(soak_worker *worker, soak_hold *hold);
/* Drops the handle. */
void drop(soak_hold *hold);

#endif
