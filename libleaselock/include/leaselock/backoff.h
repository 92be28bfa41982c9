/**
 * How often a busy resource is tried again, and after which pauses.
 *
 * "Three attempts" are three retries after the first try: the default sleeps 1.0, 1.5 and 2.25 s, so a resource that
 * stays busy is tried four times in 4.75 s. Pauses are initial × multiplierⁿ in double arithmetic, rounded to whole
 * milliseconds, saturating at INT64_MAX.
 *
 * Threads: every obtain works on its own copy of a built-in backoff, so one object serves all threads. An object made
 * by leaselock_backoff_new_custom() serves one obtain at a time (a second one answers LEASELOCK_INVALID), and its
 * functions are called on the thread that obtains, with no mutex held.
 */
#ifndef LEASELOCK_BACKOFF_H
#define LEASELOCK_BACKOFF_H

#include "leaselock/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The delay that says: no further try. */
#define LEASELOCK_BACKOFF_END ((int64_t)-1)

typedef struct leaselock_backoff leaselock_backoff;

/**
 * Your own backoff. Each function returns LEASELOCK_OK, or anything else to end the obtain as LEASELOCK_CALLBACK.
 * All four are needed; free_payload may be NULL.
 */
typedef struct leaselock_backoff_slots {
    size_t struct_size; /**< sizeof(leaselock_backoff_slots) */
    void *payload;      /**< passed to each function, yours */
    leaselock_status (*start)(void *payload);                       /**< back to the beginning */
    leaselock_status (*next)(void *payload, int64_t *delay_ms);     /**< the next pause, or LEASELOCK_BACKOFF_END */
    leaselock_status (*attempts)(void *payload, int64_t *count);    /**< pauses given since start */
    leaselock_status (*max_attempts)(void *payload, int64_t *count); /**< pauses that start..end gives */
    void (*free_payload)(void *payload);                            /**< called once by leaselock_backoff_free() */
} leaselock_backoff_slots;

/** 3 attempts, 1 s, × 1.5. Yours to free. Specific errors: NOMEM. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_new_default(leaselock_backoff **out);

/** Never a further try. Yours to free. Specific errors: NOMEM. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_new_none(leaselock_backoff **out);

/**
 * @param max_attempts  retries after the first try, 0 or more
 * @param initial_ms    first pause in milliseconds, 0 or more
 * @param multiplier    factor from pause to pause, finite and more than 0
 * @param out           yours to free
 * Specific errors: INVALID, NOMEM. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_new_exponential(int64_t max_attempts,
                                                                                      int64_t initial_ms,
                                                                                      double multiplier,
                                                                                      leaselock_backoff **out);

/** The slots are copied. On failure free_payload is not called. Specific errors: INVALID, NOMEM. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_new_custom(const leaselock_backoff_slots *slots,
                                                                                 leaselock_backoff **out);

/**
 * Back to the beginning. Specific errors: INVALID, CALLBACK. Not for two threads at once, like the next three.
 * Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_start(leaselock_backoff *backoff);

/** The next pause in milliseconds, or LEASELOCK_BACKOFF_END. Specific errors: INVALID, CALLBACK. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_next(leaselock_backoff *backoff,
                                                                           int64_t *delay_ms);

/** How many pauses were given since the start. Specific errors: INVALID, CALLBACK. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_attempts(leaselock_backoff *backoff,
                                                                               int64_t *count);

/** How many pauses there are in all. Specific errors: INVALID, CALLBACK. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_backoff_max_attempts(leaselock_backoff *backoff,
                                                                                   int64_t *count);

/** Not while an obtain uses it. Since 0.1. */
LEASELOCK_API void leaselock_backoff_free(leaselock_backoff *backoff);

#ifdef __cplusplus
}
#endif

#endif
