/*
 * The keeper: one thread per lock that renews the leases it was asked to keep, all in one call of the engine, on a
 * connection of its own. It holds no reference to a lease, so that a dropped lease stops being renewed.
 */
#ifndef LL_CORE_KEEPER_H
#define LL_CORE_KEEPER_H

#include "core/lease.h"

/* Starts a keeper that takes over `connection`, also where this fails. `operation_ms` bounds each renewal. */
leaselock_status ll_keeper_start(const leaselock_engine *engine, leaselock_connection *connection, int64_t operation_ms,
                                 ll_keeper **out);

/* An expired lease leaves by itself; one that was revived is added again. */
void ll_keeper_add(ll_keeper *keeper, leaselock_lease *lease);
void ll_keeper_remove(ll_keeper *keeper, leaselock_lease *lease);

/* Tells the thread to end and drops the lock's reference; a busy keeper frees itself. NULL is a no-op. */
void ll_keeper_stop(ll_keeper *keeper);
/* The same, and waits until the thread has closed its connection. */
void ll_keeper_stop_and_wait(ll_keeper *keeper);

void ll_keeper_reference(ll_keeper *keeper);
void ll_keeper_unreference(ll_keeper *keeper);

#endif
