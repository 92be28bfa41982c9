/**
 * What is held. Getters do no I/O, take no mutex and never fail; they may be called from any thread.
 * A lease keeps its lock alive: free them in any order.
 */
#ifndef LEASELOCK_LEASE_H
#define LEASELOCK_LEASE_H

#include "leaselock/common.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leaselock_lock leaselock_lock;
typedef struct leaselock_lease leaselock_lease;

/** What is known of a lease. Only HELD and UNKNOWN are valid. */
typedef int leaselock_state;
enum {
    LEASELOCK_STATE_HELD = 1,     /**< ours until the deadline at least */
    LEASELOCK_STATE_UNKNOWN = 2,  /**< the engine could not be asked; still ours until the deadline */
    LEASELOCK_STATE_LOST = 3,     /**< the engine says: somebody else was granted, or it was released by force */
    LEASELOCK_STATE_EXPIRED = 4,  /**< the deadline passed; an explicit renew may revive it */
    LEASELOCK_STATE_RELEASED = 5, /**< given up by this holder; a failed release can be tried again */
    LEASELOCK_STATE_FORKED = 6    /**< this process is a fork of the holder */
};

/** "HELD", "UNKNOWN", … Since 0.1. */
LEASELOCK_API const char *leaselock_state_name(leaselock_state state);

/** The lock it came from, borrowed. Since 0.1. */
LEASELOCK_API leaselock_lock *leaselock_lease_lock(const leaselock_lease *lease);

/** Borrowed. Since 0.1. */
LEASELOCK_API const char *leaselock_lease_resource(const leaselock_lease *lease);

/** Who holds it: the client id given to obtain, or the lock's own. Since 0.1. */
LEASELOCK_API const char *leaselock_lease_client(const leaselock_lease *lease);

/**
 * The random id of this acquisition, 32 hexadecimal digits. It is what proves ownership: keep it to yourself.
 * Since 0.1.
 */
LEASELOCK_API const char *leaselock_lease_acquisition(const leaselock_lease *lease);

/** The fencing token: grows with every grant of the resource, at least 1. Since 0.1. */
LEASELOCK_API int64_t leaselock_lease_sequence(const leaselock_lease *lease);

/** The ttl of the grant in milliseconds; renewals keep it. Since 0.1. */
LEASELOCK_API int64_t leaselock_lease_ttl(const leaselock_lease *lease);

/**
 * When the engine lets others have it: milliseconds since 1970 UTC by the engine's clock. For people; `valid` decides.
 * Since 0.1.
 */
LEASELOCK_API int64_t leaselock_lease_expiry(const leaselock_lease *lease);

/** Since 0.1. */
LEASELOCK_API leaselock_state leaselock_lease_state(const leaselock_lease *lease);

/**
 * True only while nobody else can have been granted the resource. The deadline is the boot clock (which counts
 * suspended time) just before the request that was answered, plus what the engine said remained, less a margin of
 * ttl / 50, at least 50 ms. Since 0.1.
 */
LEASELOCK_API bool leaselock_lease_valid(const leaselock_lease *lease);

/** Milliseconds until that deadline; 0 when not valid. Since 0.1. */
LEASELOCK_API int64_t leaselock_lease_remaining(const leaselock_lease *lease);

/** Who took it, once the state is LOST; NULL before, and when it was released by force. Borrowed. Since 0.1. */
LEASELOCK_API const char *leaselock_lease_lost_to(const leaselock_lease *lease);

/**
 * From now on the lock's keeper (a background thread, started by the first such call) renews the lease at a third
 * of its ttl, until it is released, lost, expired or freed, or the lock is closed.
 * Does I/O once: the keeper gets a connection of its own. Calling it again does nothing, unless the lease had expired
 * and was revived.
 * Specific errors: INVALID, NOMEM, CLOSED, FORKED, RELEASED, LOST, and those of opening. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lease_keep(leaselock_lease *lease);

/**
 * Waits until the lease is no longer valid, at most timeout_ms (0: do not wait; LEASELOCK_FOREVER).
 * @param state  the state at that moment, valid or not
 * Specific errors: INVALID, INTERRUPTED, CLOSED, FORKED. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lease_wait(leaselock_lease *lease, int64_t timeout_ms,
                                                                         leaselock_state *state);

/** Stops the keeping and drops the handle. It does not release: an unreleased lease ends by its ttl. Since 0.1. */
LEASELOCK_API void leaselock_lease_free(leaselock_lease *lease);

#ifdef __cplusplus
}
#endif

#endif
