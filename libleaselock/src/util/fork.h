/* Knows in which process of a chain of forks this is, and carries chosen mutexes safely over a fork. */
#ifndef LL_UTIL_FORK_H
#define LL_UTIL_FORK_H

#include <pthread.h>

/* Grows by one in every forked child. A handle that remembers another value was inherited. */
unsigned ll_fork_generation(void);

/*
 * The mutex is taken around every fork from now on, so that a child never inherits it locked. For few, process-wide
 * ones.
 */
void ll_fork_protect(pthread_mutex_t *mutex);

#endif
