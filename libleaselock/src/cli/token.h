/*
 * A lease as one word, "RESOURCE,CLIENT,SEQUENCE,ACQUISITION,EXPIRY", percent-coded, so that a shell can keep it in a
 * variable, quoted or not, and hand it to a later command.
 */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "cli/options.h"
#include "leaselock/lock.h"

/* Prints the lease as a token, or with --json. */
void token_print(const leaselock_lease *lease, const struct options *options);

/* Takes up the lease that the operand or the struct options name; "-" reads the token from standard input. The exit code. */
int token_resume(leaselock_lock *lock, const struct options *options, leaselock_lease **out);

#endif
