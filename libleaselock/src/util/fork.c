#include "util/fork.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PROTECTED_MAX = 8 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint generation;
static pthread_mutex_t registration = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *protected_mutexes[PROTECTED_MAX]; /* under the registration, as is the count */
static unsigned protected_count;

static void before_fork(void)
{
    pthread_mutex_lock(&registration);
    for (unsigned i = 0; i < protected_count; i++)
        pthread_mutex_lock(protected_mutexes[i]);
}

static void after_fork_in_parent(void)
{
    for (unsigned i = protected_count; i > 0; i--)
        pthread_mutex_unlock(protected_mutexes[i - 1]);
    pthread_mutex_unlock(&registration);
}

static void after_fork_in_child(void)
{
    generation++;
    after_fork_in_parent();
}

static void register_handlers(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

unsigned ll_fork_generation(void)
{
    pthread_once(&once, register_handlers);
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

void ll_fork_protect(pthread_mutex_t *mutex)
{
    pthread_once(&once, register_handlers);
    pthread_mutex_lock(&registration);
    if (protected_count == PROTECTED_MAX)
        abort(); /* a fixed number, known when the library is built */
    protected_mutexes[protected_count++] = mutex;
    pthread_mutex_unlock(&registration);
}
