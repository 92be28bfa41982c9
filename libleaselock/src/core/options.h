/* Reading option structs of callers that were built with an older or a newer header. */
#ifndef LL_CORE_OPTIONS_H
#define LL_CORE_OPTIONS_H

#include "leaselock/common.h"

/*
 * Copies what both sides know of `given` (its first field is its size) and zeroes the rest. NULL reads as all zero.
 * INVALID where the size makes no sense, or where a field that this library does not know is not zero.
 */
leaselock_status ll_options_read(const void *given, void *options, size_t size);

#define LL_OPTIONS_READ(given, options) ll_options_read((given), (options), sizeof *(options))

#endif
