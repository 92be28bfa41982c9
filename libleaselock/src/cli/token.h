/*
 * A lease as one word, "RESOURCE,CLIENT,SEQUENCE,ACQUISITION,EXPIRY", percent-coded, so that a shell can keep it in a
 * variable, quoted or not, and hand it to a later command.
 */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "cli/options.h"
#include "leaselock/lock.h"

/* Prints the lease as a token, or as JSON. */
void token_print(const leaselock_lease *lease, const struct options *options);

/*
 * Opens the database and takes up the lease that the operand or the options name; "-" reads the token from standard
 * input. Both are the caller's to close, whatever the exit code.
 */
int token_open(const struct options *options, leaselock_lock **lock, leaselock_lease **lease);

#endif
