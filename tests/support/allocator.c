#include "support/allocator.h"

#include <pthread.h>
#include <stdlib.h>

#include "leaselock/hooks.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static size_t alive;
static size_t until_failure; /* 0: none is to fail */
static bool lasting_failure;
static bool has_failed;

/* Counts an allocation; false when this one is to fail. */
static bool admit(void)
{
    bool fails = until_failure == 1;
    if (fails)
        has_failed = true;
    if (until_failure > 1 || (fails && !lasting_failure))
        until_failure--;
    return !fails;
}

static void *allocate(size_t size, void *payload)
{
    (void)payload;
    pthread_mutex_lock(&mutex);
    void *memory = admit() ? malloc(size) : NULL;
    if (memory)
        alive++;
    pthread_mutex_unlock(&mutex);
    return memory;
}

static void *reallocate(void *memory, size_t size, void *payload)
{
    (void)payload;
    pthread_mutex_lock(&mutex);
    void *moved = admit() ? realloc(memory, size) : NULL;
    pthread_mutex_unlock(&mutex);
    return moved;
}

static void release(void *memory, void *payload)
{
    (void)payload;
    pthread_mutex_lock(&mutex);
    alive--;
    pthread_mutex_unlock(&mutex);
    free(memory);
}

void allocator_install(void)
{
    static const leaselock_allocator counting = {allocate, reallocate, release, NULL};
    leaselock_allocator_set(&counting);
}

size_t allocator_alive(void)
{
    pthread_mutex_lock(&mutex);
    size_t count = alive;
    pthread_mutex_unlock(&mutex);
    return count;
}

void allocator_fail(size_t first, bool lasting)
{
    pthread_mutex_lock(&mutex);
    until_failure = first;
    lasting_failure = lasting;
    has_failed = false;
    pthread_mutex_unlock(&mutex);
}

bool allocator_heal(void)
{
    pthread_mutex_lock(&mutex);
    until_failure = 0;
    bool failed = has_failed;
    pthread_mutex_unlock(&mutex);
    return failed;
}
