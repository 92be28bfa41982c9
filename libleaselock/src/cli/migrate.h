/* leaselock migrate: its sub-commands, and what they share. */
#ifndef CLI_MIGRATE_H
#define CLI_MIGRATE_H

#include "cli/options.h"
#include "leaselock/migrations.h"

extern const struct command migrate_create, migrate_status, migrate_version;

/* Follows the run of a migrate command; payload is a struct report. May be NULL. */
typedef void migrate_progress(const leaselock_migration_result *so_far, void *payload);

/*
 * Opens what --db, --config or LEASELOCK_DB and --path say. Without a path there are no migrations, where none are
 * needed. The exit code.
 */
int migrate_open(const struct options *options, bool needs_files, migrate_progress *progress, void *payload,
                 leaselock_migrations **out);

/* Does nothing for NULL. */
void migrate_close(leaselock_migrations *migrations);

/* SIGINT, SIGTERM and SIGHUP stop the run: the first one after the migration that is at work, another one at once. */
void migrate_stop_on_signals(leaselock_migrations *migrations);
/* From now on they end the process again. */
void migrate_stop_no_more(void);

#endif
