/**
 * Where passwords come from. The library asks for a secret by name when it needs it, keeps it no longer than that, and
 * never writes one into a message or a log.
 *
 * Threads: an object may be used from several threads, except while leaselock_secrets_set() adds to it.
 */
#ifndef LEASELOCK_SECRETS_H
#define LEASELOCK_SECRETS_H

#include "leaselock/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest secret, in bytes, without the terminating NUL. */
#define LEASELOCK_SECRET_MAX 4095

typedef struct leaselock_secrets leaselock_secrets;

/** An empty list, filled by leaselock_secrets_set(). @param out yours to free. Specific errors: NOMEM. Since 0.1. */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_secrets_new_static(leaselock_secrets **out);

/**
 * Adds or replaces a secret of a static list; both are copied. Specific errors: INVALID (not a static one). Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_secrets_set(leaselock_secrets *secrets, const char *name,
                                                                          const char *value);

/**
 * The process's environment: a secret's name is the variable's. @param out yours to free. Specific errors: NOMEM.
 * Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_secrets_new_environment(leaselock_secrets **out);

/**
 * A folder with one file per secret, as containers mount them; one line end at the end of a file is dropped.
 * @param directory  NULL for /run/secrets; it need not exist yet
 * @param out        yours to free
 * Specific errors: NOMEM. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_secrets_new_directory(const char *directory,
                                                                                    leaselock_secrets **out);

/** Your own source. `get` is called on the thread that needs the secret. */
typedef struct leaselock_secrets_slots {
    size_t struct_size; /**< sizeof(leaselock_secrets_slots) */
    void *payload;      /**< passed to each function, yours */
    /**
     * Writes a terminated text of less than `size` bytes. LEASELOCK_OK, LEASELOCK_SECRET for "no such"; all else ends
     * as CALLBACK.
     */
    leaselock_status (*get)(void *payload, const char *name, char *value, size_t size);
    void (*free_payload)(void *payload); /**< called once by leaselock_secrets_free(); may be NULL */
} leaselock_secrets_slots;

/**
 * The slots are copied. On failure free_payload is not called. @param out yours to free. Specific errors: INVALID,
 * NOMEM. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_secrets_new_custom(const leaselock_secrets_slots *slots,
                                                                                 leaselock_secrets **out);

/**
 * Reads one secret.
 * @param value  `size` bytes; LEASELOCK_SECRET_MAX + 1 are always enough. Wipe it when you are done
 * Specific errors: SECRET (there is none of that name; or it is too long, or no text), CALLBACK. Since 0.1.
 */
LEASELOCK_API LEASELOCK_MUST_CHECK leaselock_status leaselock_secrets_get(leaselock_secrets *secrets, const char *name,
                                                                          char *value, size_t size);

/** Wipes what it holds. Since 0.1. */
LEASELOCK_API void leaselock_secrets_free(leaselock_secrets *secrets);

#ifdef __cplusplus
}
#endif

#endif
