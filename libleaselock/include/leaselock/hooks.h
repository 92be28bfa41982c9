/** What an embedding program may replace: the end of waits, the log sink, the allocator. */
#ifndef LEASELOCK_HOOKS_H
#define LEASELOCK_HOOKS_H

#include "leaselock/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The interrupt hook of a thread: while a call of this thread waits, fn is called on this thread whenever a signal
 * handler ran and at least every 100 ms; a value other than 0 ends the wait as LEASELOCK_INTERRUPTED. It may
 * call the library, but while the thread waits inside an operation, that has the lock's connection: another one on the
 * same lock then ends as UNAVAILABLE. This is how Ctrl-C works in Python and Lua.
 */
typedef struct leaselock_interrupt_hook {
    int (*fn)(void *payload); /**< NULL: no hook */
    void *payload;
} leaselock_interrupt_hook;

/** Sets this thread's interrupt hook and returns the one before, so that callers can nest. Since 0.1. */
LEASELOCK_API leaselock_interrupt_hook leaselock_interrupt_hook_swap(leaselock_interrupt_hook hook);

enum {
    LEASELOCK_LOG_ERROR = 1,
    LEASELOCK_LOG_WARNING = 2,
    LEASELOCK_LOG_INFO = 3,
    LEASELOCK_LOG_DEBUG = 4
};

/** Called from any thread, the keeper's included, never with a mutex of the library held; must be thread-safe. */
typedef void (*leaselock_log_fn)(int level, const char *domain, const char *message, void *payload);

/**
 * Where the library's messages up to `level` go; fn NULL silences it, which is the default.
 * Process-wide; call it before threads use the library. Since 0.1.
 */
LEASELOCK_API void leaselock_log_set(leaselock_log_fn fn, void *payload, int level);

/** The library's own memory; the client libraries of the engines keep theirs. All three functions are needed. */
typedef struct leaselock_allocator {
    void *(*allocate)(size_t size, void *payload);
    void *(*reallocate)(void *memory, size_t size, void *payload);
    void (*release)(void *memory, void *payload);
    void *payload;
} leaselock_allocator;

/**
 * Process-wide; NULL brings back malloc. Only while the library holds no memory: before its first use, or after
 * the last handle was freed. The functions must be thread-safe and may be called from the keeper. Since 0.1.
 */
LEASELOCK_API void leaselock_allocator_set(const leaselock_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif
