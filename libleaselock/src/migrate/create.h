/* New, empty migration files. */
#ifndef LL_MIGRATE_CREATE_H
#define LL_MIGRATE_CREATE_H

#include "leaselock/migrations.h"

/* leaselock_migrations_create() with options that were read. */
leaselock_status ll_create(const char *directory, const char *title, leaselock_create_options *options,
                           leaselock_migration_result **out);

#endif
