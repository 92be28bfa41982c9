/* How obtain walks through a backoff. */
#ifndef LL_CORE_BACKOFF_H
#define LL_CORE_BACKOFF_H

#include <stdatomic.h>

#include "leaselock/backoff.h"

struct leaselock_backoff {
    bool is_custom;
    /* built-in: exponential */
    int64_t max_attempts;
    int64_t initial_ms;
    double multiplier;
    int64_t attempts; /* pauses given */
    double delay_ms;  /* the next one, before rounding */
    /* custom */
    leaselock_backoff_slots slots;
    atomic_flag in_use;
};

/*
 * One obtain's walk: a copy of a built-in backoff, or the user's own object, taken for this obtain (INVALID where
 * another obtain has it) and started.
 */
typedef struct ll_backoff_walk {
    struct leaselock_backoff copy;
    leaselock_backoff *backoff;
} ll_backoff_walk;

leaselock_status ll_backoff_walk_begin(ll_backoff_walk *walk, leaselock_backoff *backoff);
void ll_backoff_walk_end(ll_backoff_walk *walk);

/* The default of leaselock_lock_obtain(), and the one of obtain_with_no_wait: for copying only. */
extern const leaselock_backoff ll_backoff_default;
extern const leaselock_backoff ll_backoff_none;

#endif
