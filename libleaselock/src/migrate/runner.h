/*
 * The migration runner. It knows versions, order and transactions; what a database needs for that is the engine's
 * second table (leaselock_migration_slots).
 */
#ifndef LL_MIGRATE_RUNNER_H
#define LL_MIGRATE_RUNNER_H

#include "leaselock/sys/engine.h"

/*
 * Applies every step (the end has version 0) above the database's version, all in one transaction. A database that is up to date is only read.
 * Specific: NEWER_DATABASE (its version is none of ours), FOREIGN_TABLES.
 */
leaselock_status ll_runner_up(const leaselock_migration_slots *slots, leaselock_connection *connection,
                              const char *table, const leaselock_schema_step *steps, const leaselock_call *call);

#endif
