/*
 * Waiting: a thread sleeps on a word until somebody changes it, time is over, or its interrupt hook says stop.
 * A futex, since a wait must end on EINTR (condition variables do not) and must not cost a descriptor per handle.
 */
#ifndef LL_UTIL_WAIT_H
#define LL_UTIL_WAIT_H

#include <stdatomic.h>

#include "leaselock/common.h"

/* Read it with atomic_load(); the lowest bit says that somebody sleeps, and does not count as a change. */
typedef atomic_uint ll_word;

/* Changes the word and wakes all who sleep on it. */
void ll_wake(ll_word *word);

/*
 * Sleeps until the word is no longer `seen`, at most `microseconds`. May return early: look again.
 * Calls the interrupt hook on EINTR and every 100 ms. OK or INTERRUPTED.
 */
leaselock_status ll_sleep(ll_word *word, unsigned seen, int64_t microseconds);

/* The same for a pause that belongs to an operation: under the test clock it moves that clock instead of sleeping. */
leaselock_status ll_pause(ll_word *word, unsigned seen, int64_t microseconds);

/* The same for the library's own threads: no hook is called. */
void ll_sleep_quietly(ll_word *word, unsigned seen, int64_t microseconds);

#endif
