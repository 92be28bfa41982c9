/* The thread's record of what failed last. Setting it never allocates. */
#ifndef LL_UTIL_ERROR_H
#define LL_UTIL_ERROR_H

#include "leaselock/error.h"

/* First thing in every public function that returns a status. */
void ll_error_clear(void);

/* Sets code and message, clears the other fields; returns the code, so that failing is one line. */
leaselock_status ll_error_set(leaselock_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with the client library's own code. */
leaselock_status ll_error_set_native(leaselock_status code, int native_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds who holds what to the record just set. */
void ll_error_set_holder(const char *resource, const char *holder, int64_t sequence, int64_t remaining_ms);

/* Keeps a record over a call that may overwrite it. */
void ll_error_save(leaselock_error *copy);
leaselock_status ll_error_restore(const leaselock_error *copy);

#endif
