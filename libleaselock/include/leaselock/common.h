/** What every other header needs: export marks, the status type, named times, the version. */
#ifndef LEASELOCK_COMMON_H
#define LEASELOCK_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef LEASELOCK_API
#if defined(__GNUC__)
#define LEASELOCK_API __attribute__((visibility("default")))
#else
#define LEASELOCK_API
#endif
#endif

#if defined(__GNUC__)
#define LEASELOCK_MUST_CHECK __attribute__((warn_unused_result))
#else
#define LEASELOCK_MUST_CHECK
#endif

#define LEASELOCK_VERSION_MAJOR 0
#define LEASELOCK_VERSION_MINOR 1
#define LEASELOCK_VERSION_PATCH 0
#define LEASELOCK_VERSION "0.1.0"

/** A time that never comes; only where a function says that it takes it. */
#define LEASELOCK_FOREVER ((int64_t)-1)

/** Longest resource and client id, in bytes, without the terminating NUL. */
#define LEASELOCK_ID_MAX 255
/** Length of an acquisition id: 128 random bits as hexadecimal digits. */
#define LEASELOCK_ACQUISITION_LENGTH 32

#define LEASELOCK_TTL_DEFAULT_MS ((int64_t)30000)
#define LEASELOCK_TTL_MIN_MS ((int64_t)100)
#define LEASELOCK_TTL_MAX_MS ((int64_t)86400000)
/** How long one operation may take to reach the engine, retries included, before it is LEASELOCK_UNAVAILABLE. */
#define LEASELOCK_OPERATION_DEFAULT_MS ((int64_t)5000)

#ifdef __cplusplus
extern "C" {
#endif

/** LEASELOCK_OK or a negative code of error.def. */
typedef int leaselock_status;

/** The version of the library that is loaded, such as "0.1.0"; LEASELOCK_VERSION is that of the headers. Since 0.1. */
LEASELOCK_API const char *leaselock_version(void);

/** The same as one number: major × 1 000 000 + minor × 1 000 + patch. Since 0.1. */
LEASELOCK_API int leaselock_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
