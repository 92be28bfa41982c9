/*
 * What happened, written while it happens: every worker has a lane of one mapped file, so that kill -9 loses nothing
 * that was written. One process reads all lanes meanwhile. Times are microseconds of the boot clock.
 */
#ifndef SOAK_HISTORY_H
#define SOAK_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "leaselock.h"

enum { LANES = 12, LANE_EVENTS = 8192, RESOURCES = 48, HOLDS = 3 };

typedef enum history_kind {
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
    /* of another SQLite client */
    NEIGHBOUR_WRITE,
    NEIGHBOUR_READ,
    /* what was seen by the way */
    LISTED, /* a row of a list; before_us is the list's */
    LOOK,   /* at a lease: before_us is just before it was asked whether it is valid */
    HISTORY_KINDS
} history_kind;

/* The status of an operation whose worker was killed: it may or may not have happened. */
#define HISTORY_KILLED 1

typedef struct history_event {
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
    uint8_t valid;   /* LOOK: what the lease said; RELEASE: whether it was ours */
    uint8_t expired; /* LOOK: the state, read after `valid`, is EXPIRED */
} history_event;

/* A lease that is offered to whoever wants to take it up. */
typedef struct history_offer {
    atomic_uint version; /* odd: being written */
    uint8_t resource;
    char client[16];
    int64_t sequence;
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
} history_offer;

typedef struct history_lane {
    /* The worker's. */
    _Atomic int64_t reached_us; /* no event to come began before it */
    uint64_t numbers;
    _Atomic uint64_t pending_number;
    history_event pending; /* the operation of that number, begun */
    _Atomic uint64_t head;
    history_offer offer;
    /* The reader's. */
    _Atomic uint64_t tail;
    uint64_t ended; /* the last operation that was read */

    history_event ring[LANE_EVENTS];
} history_lane;

typedef struct soak_history {
    atomic_bool stop; /* the workers are to end */
    history_lane lanes[LANES];
} soak_history;

/* Maps the file, which is made where it is missing. Ends the process where that fails. */
soak_history *history_map(const char *path);

/* Around an operation: begin fills before_us and number, end fills after_us. */
void history_begin(history_lane *lane, history_event *event);
void history_end(history_lane *lane, history_event *event);
/* Something by the way. */
void history_note(history_lane *lane, history_event *event);

/* Offers a lease; takes up the one that is offered in `lane`, false without one. */
void history_offer_lease(history_lane *lane, uint8_t resource, const leaselock_lease *lease);
bool history_read_offer(const history_lane *lane, unsigned *version, history_offer *offer);

/* The reader. No event that is read after this call began before the time that it answers. */
int64_t history_reached(const soak_history *history);
bool history_read(history_lane *lane, history_event *event);
/* After the worker of the lane is dead, and its lane was read: the operation that it had begun. */
bool history_read_pending(history_lane *lane, history_event *event);

const char *history_kind_name(history_kind kind);
const char *history_status_name(const history_event *event);

#endif
