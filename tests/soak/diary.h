/*
 * What happened, written while it happens: every worker has a lane of one mapped file, so that kill -9 loses nothing
 * that was written. One process reads all lanes meanwhile. Times are microseconds of the boot clock.
 */
#ifndef SOAK_DIARY_H
#define SOAK_DIARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "leaselock.h"

enum { LANES = 12, LANE_EVENTS = 8192, RESOURCES = 48, HOLDS = 8 };

typedef enum diary_kind {
    /* operations */
    OBTAIN_NO_WAIT,
    OBTAIN_BACKOFF,
    OBTAIN_WAIT,
    RELEASE,
    RENEW,
    RESUME,
    KEEP,
    LIST,
    RAISE_FLOOR,
    OPEN,
    FORK,
    /* of another client of the database */
    NEIGHBOUR_WRITE,
    NEIGHBOUR_READ,
    NEIGHBOUR_KICK,
    /* what was seen by the way */
    LISTED, /* a row of a list; before_us is the list's */
    LOOK,   /* at a lease: before_us is just before it was asked whether it is valid */
    DIARY_KINDS
} diary_kind;

/* The status of an operation whose worker was killed: it may or may not have happened. */
#define DIARY_KILLED 1

typedef struct diary_event {
    uint64_t number;   /* of the operation in its lane; 0: by the way */
    int64_t before_us; /* before the request */
    int64_t after_us;  /* after the answer */
    int64_t sequence;  /* of the lease that this is about, the grant's own; or the floor in force */
    int64_t holder;    /* BUSY, LOST: the sequence of the holder that the answer tells of */
    int32_t ttl_ms;
    int32_t status;
    uint8_t kind;
    uint8_t lane;
    uint8_t resource;
    uint8_t hold;    /* the handle, one of the worker's HOLDS */
    uint8_t valid;   /* LOOK: what the lease said; LISTED: it is held; RELEASE: it was ours; BUSY: time remains */
    uint8_t expired; /* LOOK: the state, read after `valid`, is EXPIRED */
} diary_event;

/* A lease that is offered to whoever wants to take it up. */
typedef struct diary_offer {
    atomic_uint version; /* odd: being written */
    uint8_t resource;
    char client[16];
    int64_t sequence;
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
} diary_offer;

typedef struct diary_lane {
    /* The worker's. */
    _Atomic int64_t reached_us; /* no event to come began before it */
    uint64_t numbers;
    _Atomic uint64_t pending_number;
    diary_event pending; /* the operation of that number, begun */
    _Atomic uint64_t head;
    diary_offer offer;
    /* The reader's. */
    _Atomic uint64_t tail;
    uint64_t ended; /* the last operation that was read */

    diary_event ring[LANE_EVENTS];
} diary_lane;

typedef struct soak_diary {
    atomic_bool stop; /* the workers are to end */
    diary_lane lanes[LANES];
} soak_diary;

/* Maps the file, which is made where it is missing. Ends the process where that fails. */
soak_diary *diary_map(const char *path);

/* Around an operation: begin fills before_us and number, end fills after_us. */
void diary_begin(diary_lane *lane, diary_event *event);
void diary_end(diary_lane *lane, diary_event *event);
/* Something by the way. */
void diary_note(diary_lane *lane, diary_event *event);

/* Offers a lease; takes up the one that is offered in `lane`, false without one. */
void diary_offer_lease(diary_lane *lane, uint8_t resource, const leaselock_lease *lease);
bool diary_read_offer(const diary_lane *lane, unsigned *version, diary_offer *offer);

/* The reader. No event that is read after this call began before the time that it answers. */
int64_t diary_reached(const soak_diary *diary);
bool diary_read(diary_lane *lane, diary_event *event);
/* After the worker of the lane is dead, and its lane was read: the operation that it had begun. */
bool diary_read_pending(diary_lane *lane, diary_event *event);

const char *diary_kind_name(diary_kind kind);
const char *diary_status_name(const diary_event *event);

#endif
