/* Runs of migrations whose outcome is checked, on whatever database. */
#ifndef MIGRATE_RUNS_H
#define MIGRATE_RUNS_H

#include "support/check.h"

/* Close and free. */
void end_migrations(leaselock_migrations *migrations);

/* A run whose result is checked and freed. */
void assert_run(leaselock_status status, leaselock_migration_result *result, leaselock_migration_kind kind, int64_t to);
#define assert_up(migrations, kind, to) assert_goes(leaselock_migrations_up, (migrations), (kind), (to))
#define assert_down(migrations, kind, to) assert_goes(leaselock_migrations_down, (migrations), (kind), (to))
void assert_goes(leaselock_status (*go)(leaselock_migrations *, leaselock_migration_result **),
                 leaselock_migrations *migrations, leaselock_migration_kind kind, int64_t to);
void assert_version(leaselock_migrations *migrations, int64_t version, bool dirty);

/* The message of the last failure has `part` in it. */
void assert_message(const char *part);

#endif
