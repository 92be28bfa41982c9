/* A lease: what was granted (immutable), and what is known of it now (two atomics, read without a mutex). */
#ifndef LL_CORE_LEASE_H
#define LL_CORE_LEASE_H

#include <stdatomic.h>

#include "core/lock.h"

struct leaselock_lease {
    atomic_uint references; /* the handle's own, and the keeper's while it renews */
    leaselock_lock *lock;
    char *resource;
    char *client;
    char acquisition[LEASELOCK_ACQUISITION_LENGTH + 1];
    int64_t sequence;
    int64_t ttl_ms;

    /* HELD, UNKNOWN, LOST or RELEASED; EXPIRED is what HELD and UNKNOWN are past the deadline. */
    atomic_int mark;
    /* By the boot clock. 0 once somebody saw that it had passed: a late renewal by the keeper must not turn it back. */
    _Atomic int64_t deadline_ms;
    _Atomic int64_t expires_at_ms;
    char lost_to[LEASELOCK_ID_MAX + 1]; /* written once, before mark is LOST */

    /* The keeper's, under its mutex; `keeper` is set once, under the lock's turn. */
    ll_keeper *keeper;
    leaselock_lease *next_kept;
    int64_t renew_at_ms;
    unsigned failed_renewals;
};

/* A copy of the claim's ids with a reference to the lock; neither held nor anything else yet. NULL: NOMEM. */
leaselock_lease *ll_lease_new(leaselock_lock *lock, const leaselock_claim *claim);
void ll_lease_reference(leaselock_lease *lease);
void ll_lease_unreference(leaselock_lease *lease);

leaselock_claim ll_lease_claim(const leaselock_lease *lease);

/*
 * First line of every public function on a lease that does I/O: INVALID for NULL or another lock's, then the lock's
 * own.
 */
leaselock_status ll_lease_check(const leaselock_lock *lock, const leaselock_lease *lease);

/* The holder's own, conservative deadline of an answer. */
int64_t ll_lease_deadline(const leaselock_outcome *outcome);

/* What an answer of the engine means. An explicit renewal may revive; the keeper's may not. */
void ll_lease_set_held(leaselock_lease *lease, const leaselock_outcome *outcome);
void ll_lease_prolong(leaselock_lease *lease, const leaselock_outcome *outcome);
void ll_lease_set_unknown(leaselock_lease *lease);
void ll_lease_set_lost(leaselock_lease *lease, const char *to);
void ll_lease_set_released(leaselock_lease *lease);

#endif
