/*
 * fake:NAME is memory:NAME behind a wire that a test can cut: it says what goes wrong with a slot's next calls, and
 * sees what was asked. It has no `watch`, so that the core polls. For programs on the test clock.
 */
#ifndef SUPPORT_FAKE_ENGINE_H
#define SUPPORT_FAKE_ENGINE_H

#include <pthread.h>
#include <signal.h>

#include "leaselock/sys/engine.h"

typedef enum fake_slot {
    FAKE_OPEN,
    FAKE_OPEN_AGAIN,
    FAKE_START,
    FAKE_CLOSE,
    FAKE_OBTAIN,
    FAKE_RENEW,
    FAKE_RELEASE,
    FAKE_LIST,
    FAKE_RAISE_FLOOR,
    FAKE_SLOT_COUNT
} fake_slot;

/* What happens to one call, in this order. */
typedef struct fake_fault {
    void (*before)(void *payload); /* runs inside the call, before anything is done */
    leaselock_status refused;      /* the answer, and nothing was done */
    int64_t request_ms;            /* how far the test clock moves while the request is on its way */
    int64_t reply_ms;              /* … and the reply; both only for obtain, renew and release */
    void (*after)(void *payload);  /* runs inside the call, when all is done */
    leaselock_status lost_reply;   /* the answer, though all was done */
    const char *unknown;           /* renew: the resource of which the reply says that nothing is known */
    void *payload;
} fake_fault;

/* A call, as the engine saw it. */
typedef struct fake_call {
    size_t count;     /* of claims */
    int64_t at_ms;    /* boot clock */
    int64_t until_ms; /* how long it was given */
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1]; /* of the first claim */
    int64_t sequence;                                   /* likewise */
    pthread_t thread;
    sigset_t blocked; /* signals, on that thread */
} fake_call;

/* Forgets all faults and calls. */
void fake_reset(void);
/* The slot's next call that has no fault yet gets this one. */
void fake_next(fake_slot slot, fake_fault fault);
/* Every call of the slot without a fault of its own gets this one; a zeroed one ends that. */
void fake_always(fake_slot slot, fake_fault fault);

size_t fake_calls(fake_slot slot);
/* The slot's call number `index`, from 0. */
fake_call fake_call_at(fake_slot slot, size_t index);

#endif
