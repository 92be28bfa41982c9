/* Obtaining as --client, --ttl, --wait and --no-wait say. */
#ifndef CLI_OBTAIN_H
#define CLI_OBTAIN_H

#include "cli/options.h"
#include "leaselock/lock.h"

/* Signals end the wait. The exit code. */
int obtain_lease(leaselock_lock *lock, const struct options *options, leaselock_lease **out);

#endif
