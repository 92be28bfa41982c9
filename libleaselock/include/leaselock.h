/**
 * libleaselock: leases on named resources, kept in the database you already run.
 *
 * A lease is a lock that ends by itself. Every grant carries a sequence, a number that only grows per resource
 * ("fencing token"), so that whatever the resource protects can refuse a holder that was overtaken.
 *
 * Read in this order: leaselock/lock.h (open, obtain, release), leaselock/lease.h (what is held),
 * leaselock/backoff.h (how a busy resource is waited for), leaselock/error.h (what can go wrong); and for schemas
 * leaselock/migrations.h, with leaselock/config.h and leaselock/secrets.h.
 *
 * Rules that hold for every function:
 *  1. Argument order: handle, inputs, options, out.
 *  2. A function that can fail returns leaselock_status: LEASELOCK_OK (0) or a negative code; leaselock_error_last()
 *     tells the rest. What is data (a lease's state, whether a release was ours) has another type.
 *  3. Out-parameters are written only on success.
 *  4. Times are int64_t milliseconds; absolute times are UTC since 1970 by the engine's clock. In an option struct zero
 *     means the default.
 *  5. Strings are UTF-8 and NUL-terminated. Strings in are copied. Strings out are borrowed: they live as long as
 *     the handle they came from.
 *  6. `*_free(NULL)` does nothing; a free waits for nobody and runs no statement. Any order of frees is safe.
 *  7. Handles may be used from several threads. No callback comes from a thread that you did not bring, the log and
 *     allocator hooks aside.
 *  8. After fork() a handle answers LEASELOCK_FORKED in the child, and frees leak on purpose.
 */
#ifndef LEASELOCK_H
#define LEASELOCK_H

#include "leaselock/backoff.h"
#include "leaselock/common.h"
#include "leaselock/config.h"
#include "leaselock/error.h"
#include "leaselock/hooks.h"
#include "leaselock/lease.h"
#include "leaselock/lock.h"
#include "leaselock/migrations.h"
#include "leaselock/secrets.h"

#endif
