/* One engine call on a thread of its own, for tests that hold it at some point. */
#ifndef POSTGRESQL_BACKGROUND_H
#define POSTGRESQL_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>

#include "postgresql/database.h"

typedef struct background {
    pthread_t thread;
    leaselock_status (*run)(struct background *);
    leaselock_connection *connection;
    leaselock_claim claim;
    int64_t floor;
    int64_t time_ms; /* of the call */
    atomic_bool done;
    leaselock_status status;
    leaselock_outcome outcome;
    int64_t raised_to;
} background;

/* What `run` can be. */
leaselock_status background_obtain(background *);
leaselock_status background_renew(background *);
leaselock_status background_release(background *);
leaselock_status background_raise_floor(background *);

void background_start(background *, leaselock_status (*run)(background *), leaselock_connection *);
/* Waits for its end; the status. */
leaselock_status background_join(background *);

#endif
