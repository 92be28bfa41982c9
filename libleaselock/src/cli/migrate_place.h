/* Where a migration failed. */
#ifndef CLI_MIGRATE_PLACE_H
#define CLI_MIGRATE_PLACE_H

#include "leaselock/migrations.h"

/* On a terminal: the line of the failed statement, with a caret under the place. */
void place_show(const leaselock_migrations *migrations);

#endif
