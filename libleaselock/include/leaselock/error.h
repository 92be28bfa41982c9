/** Status codes, their names, and the record of what failed last. */
#ifndef LEASELOCK_ERROR_H
#define LEASELOCK_ERROR_H

#include "leaselock/common.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LEASELOCK_OK = 0,
#define LEASELOCK_ERROR(name, value, message, exception) LEASELOCK_##name = (value),
#include "leaselock/error.def"
#undef LEASELOCK_ERROR
    LEASELOCK_STATUS_MIN = -1000 /* never returned: keeps the enumeration's type stable */
};

/** What failed last on this thread. Fields that do not apply are zero or empty. */
typedef struct leaselock_error {
    leaselock_status code;
    int native_code;                     /**< the client library's own code, such as SQLite's extended result */
    char sqlstate[6];                    /**< five characters where the engine has them */
    char message[512];                   /**< one line, for people */
    char resource[LEASELOCK_ID_MAX + 1]; /**< which resource, for BUSY and LOST */
    char holder[LEASELOCK_ID_MAX + 1];   /**< who has it now, as far as the engine knows */
    int64_t sequence;                    /**< the holder's sequence */
    int64_t remaining_ms;                /**< how long the holder's lease has left */
} leaselock_error;

/**
 * The record of this thread's last failed call; never NULL, and reporting never allocates.
 * Functions that return leaselock_status clear it on entry; getters and frees leave it alone.
 * Borrowed: valid until the thread's next call that returns a status. Since 0.1.
 */
LEASELOCK_API const leaselock_error *leaselock_error_last(void);

/** The code's name as in error.def ("BUSY"), "OK" for LEASELOCK_OK, "UNKNOWN" for what is no code. Since 0.1. */
LEASELOCK_API const char *leaselock_error_name(leaselock_status code);

/** The code's general message, without the details of any one failure. Since 0.1. */
LEASELOCK_API const char *leaselock_error_text(leaselock_status code);

#ifdef __cplusplus
}
#endif

#endif
