/* Which database a command works on. */
#ifndef CLI_DATABASE_H
#define CLI_DATABASE_H

#include "cli/options.h"
#include "leaselock/lock.h"

/* Opens the database of --db, LEASELOCK_DB or the user's own file. The exit code. */
int database_open(const struct options *options, leaselock_lock **out);

/* Both do nothing for NULL. */
void database_close(leaselock_lock *lock, leaselock_lease *lease);

#endif
