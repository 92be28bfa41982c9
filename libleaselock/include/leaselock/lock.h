/**
 * A lock: a handle on one database of leases.
 *
 * Threads: a handle may be used from several threads. Its mutex covers one engine call, never a wait, and is given
 * first come first served. Waits end by leaselock_lock_close(), leaselock_lock_interrupt() and the thread's interrupt
 * hook.
 *
 * Errors that any function here may return, beside its own: INVALID (bad argument; nothing changed), NOMEM, CLOSED,
 * FORKED, INTERRUPTED, UNAVAILABLE (the operation's time was over), IO, FULL, PERMISSION, READ_ONLY, CORRUPT, MOVED,
 * CLOCK, INTERNAL.
 */
#ifndef LEASELOCK_LOCK_H
#define LEASELOCK_LOCK_H

#include "leaselock/backoff.h"
#include "leaselock/common.h"
#include "leaselock/lease.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The highest floor of the sequences that can be asked for: 2^62. */
#define LEASELOCK_FLOOR_MAX ((int64_t)1 << 62)

/** Zeroed means all defaults; struct_size must be sizeof(leaselock_lock_options). Append only. */
typedef struct leaselock_lock_options {
    size_t struct_size;
    const char *client;   /**< client id of obtains that name none; default "host:pid" */
    int64_t ttl_ms;       /**< ttl of obtains that name none; default 30 s, from 100 ms to 24 h */
    int64_t operation_ms; /**< time of one operation, default 5 s; LEASELOCK_FOREVER is refused */
    bool no_install;      /**< the tables are only checked: nothing is created, upgraded or converted */
} leaselock_lock_options;

/** Zeroed means all defaults; struct_size must be sizeof(leaselock_obtain_options). Append only. */
typedef struct leaselock_obtain_options {
    size_t struct_size;
    int64_t ttl_ms;  /**< default: the lock's */
    int64_t wait_ms; /**< see leaselock_lock_obtain(); default: no overall wait. May be LEASELOCK_FOREVER */
} leaselock_obtain_options;

/**
 * Opens a database of leases and installs the tables where they are missing or older.
 * With options->no_install it only checks them, for a role or a program that may change no schema; what is missing is
 * NOT_FOUND (the file) or NO_TABLES, whose message names the version that is there, the one that is needed, and two
 * ways to get it. Still written is what every first open of a boot writes into a SQLite database: that boot.
 * @param url      sqlite:PATH, sqlite:///absolute/path, postgresql://…, memory:NAME
 * @param options  NULL for the defaults
 * @param out      close it, then free it
 * Specific errors: SCHEME, NOT_FOUND, DIRECTORY, NOT_A_DATABASE, NETWORK_FILE_SYSTEM, FOREIGN_TABLES, NEWER_DATABASE,
 * NO_TABLES, FORKED (a SQLite file that this process had open when it was forked). Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_open(const char *url,
                                                                        const leaselock_lock_options *options,
                                                                        leaselock_lock **out);

/**
 * Ends all waits, stops the keeper, closes the connection. Releases nothing: what is still held ends by its ttl.
 * Idempotent; later calls on the handle and its leases answer CLOSED. In the interrupt hook of a wait on this lock it
 * only ends the waits: the rest is done when it is called again, or by free. Since 0.1.
 */
LEASELOCK_API leaselock_status leaselock_lock_close(leaselock_lock *lock);

/** Drops the handle; the lock lives on while leases of it do. Since 0.1. */
LEASELOCK_API void leaselock_lock_free(leaselock_lock *lock);

/** The client id of obtains that name none. Borrowed. Since 0.1. */
LEASELOCK_API const char *leaselock_lock_client(const leaselock_lock *lock);

/** Ends the waits in progress on this handle as INTERRUPTED; later ones are not concerned. Since 0.1. */
LEASELOCK_API leaselock_status leaselock_lock_interrupt(leaselock_lock *lock);

/**
 * Obtains a lease, trying again by the default backoff (3 retries, 1 s, × 1.5) while somebody holds it.
 * With options->wait_ms it keeps trying with pauses of 50 to 250 ms until then instead.
 * @param resource  1 to 255 bytes
 * @param client    1 to 255 bytes; NULL for the lock's own
 * @param options   NULL for the defaults
 * @param out       release it, then free it
 * Specific errors: BUSY (held by anybody, the same client included; the error record names the holder), EXHAUSTED.
 * Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_obtain(leaselock_lock *lock, const char *resource,
                                                                          const char *client,
                                                                          const leaselock_obtain_options *options,
                                                                          leaselock_lease **out);

/**
 * The same, with pauses by the given backoff; options->wait_ms cuts it (the last pause is shortened, then one last
 * try).
 * Specific errors: BUSY, EXHAUSTED, CALLBACK. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status
leaselock_lock_obtain_with_backoff(leaselock_lock *lock, const char *resource, const char *client,
                                   leaselock_backoff *backoff, const leaselock_obtain_options *options,
                                   leaselock_lease **out);

/** One try, which does take over an expired lease; wait_ms is refused. Specific errors: BUSY, EXHAUSTED. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status
leaselock_lock_obtain_with_no_wait(leaselock_lock *lock, const char *resource, const char *client,
                                   const leaselock_obtain_options *options, leaselock_lease **out);

/**
 * Gives the lease its whole ttl again, from now. Revives an expired lease that nobody took since, with the same
 * sequence.
 * Specific errors: LOST (the record names who took it), RELEASED, INVALID (a lease of another lock). Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_renew(leaselock_lock *lock, leaselock_lease *lease);

/**
 * Gives the lease up. It is not valid from before the request on, even if that fails; a failed release can be tried
 * again.
 * @param was_ours  true: released by this lease; false: it was not ours any more. May be NULL
 * Specific errors: INVALID (a lease of another lock). Since 0.1.
 */
LEASELOCK_API leaselock_status leaselock_lock_release(leaselock_lock *lock, leaselock_lease *lease, bool *was_ours);

/**
 * Takes up again a lease that was obtained elsewhere, such as by another process, by one renewal.
 * Every handle with the same ids is one holder: a release through one is news to the others only at their next renewal.
 * Specific errors: LOST. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_resume(leaselock_lock *lock, const char *resource,
                                                                          const char *client, int64_t sequence,
                                                                          const char *acquisition,
                                                                          leaselock_lease **out);

/**
 * From now on every sequence of this database is greater than floor; it only ever raises. Holders stay current.
 * For after a restore from an older copy, a fail-over that lost commits, or a deleted -wal file.
 * @param floor  0 or more, at most 2^62
 * @param out    the floor now in force; may be NULL
 * Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_raise_floor(leaselock_lock *lock, int64_t floor,
                                                                               int64_t *out);

/** A snapshot of the leases in a database. */
typedef struct leaselock_listing leaselock_listing;

/** Zeroed means all that are held; struct_size must be sizeof(leaselock_list_options). Append only. */
typedef struct leaselock_list_options {
    size_t struct_size;
    const char *resource; /**< only this one, held or not; NULL for all */
    bool all;             /**< also what is released or expired */
} leaselock_list_options;

/** Sorted by resource, in byte order. @param out yours to free. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_lock_list(leaselock_lock *lock,
                                                                        const leaselock_list_options *options,
                                                                        leaselock_listing **out);

/** How many leases. The getters below take an index below it; they answer NULL or 0 beyond. Since 0.1. */
LEASELOCK_API size_t leaselock_listing_count(const leaselock_listing *listing);
LEASELOCK_API const char *leaselock_listing_resource(const leaselock_listing *listing, size_t index);
/** Who has it, or had it last. Since 0.1. */
LEASELOCK_API const char *leaselock_listing_client(const leaselock_listing *listing, size_t index);
LEASELOCK_API int64_t leaselock_listing_sequence(const leaselock_listing *listing, size_t index);
/** Its ttl in milliseconds. Since 0.1. */
LEASELOCK_API int64_t leaselock_listing_ttl(const leaselock_listing *listing, size_t index);
/** Milliseconds it had left when it was listed; 0 when it is not held. Since 0.1. */
LEASELOCK_API int64_t leaselock_listing_remaining(const leaselock_listing *listing, size_t index);
/** Milliseconds since 1970 UTC by the engine's clock. Since 0.1. */
LEASELOCK_API int64_t leaselock_listing_expiry(const leaselock_listing *listing, size_t index);
/** HELD, EXPIRED or RELEASED. Since 0.1. */
LEASELOCK_API leaselock_state leaselock_listing_state(const leaselock_listing *listing, size_t index);
LEASELOCK_API void leaselock_listing_free(leaselock_listing *listing);

#ifdef __cplusplus
}
#endif

#endif
