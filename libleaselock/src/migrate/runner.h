/*
 * The migration runner: versions, order, transactions, and what another runner may do meanwhile. What a database needs
 * for that is the engine's second table (leaselock_migration_slots). The library's own tables are installed by it, too.
 */
#ifndef LL_MIGRATE_RUNNER_H
#define LL_MIGRATE_RUNNER_H

#include <stdatomic.h>

#include "migrate/plan.h"
#include "migrate/result.h"

/* Who stops a run, and whether it is inside a migration. */
typedef struct ll_stop {
    atomic_int asked; /* leaselock_stop, or 0 */
    atomic_bool inside;
} ll_stop;

/* Where a migration failed: file "" when none did. */
typedef struct ll_failure {
    char file[256];
    int64_t line, column;
    char text[256];
} ll_failure;

/* The version table of the library's own schema, apart from a user's schema_migrations. */
#define LL_OWN_VERSION_TABLE "leaselock_migrations"

typedef struct ll_runner {
    const leaselock_migration_slots *slots;
    leaselock_connection *connection;
    leaselock_version_table table;
    const leaselock_migration_source *source;
    leaselock_call *call;
    int64_t wait_ms;     /* for each wait of its own; 0: the call's time is that of the whole run */
    ll_stop *stop;       /* NULL: nobody does */
    ll_failure *failure; /* NULL: nobody asks */
    void (*progress)(const leaselock_migration_result *so_far, void *payload); /* NULL: nobody follows */
    void *payload;
} ll_runner;

leaselock_status ll_runner_run(const ll_runner *runner, const ll_goal *goal, leaselock_migration_result **out);
leaselock_status ll_runner_force(const ll_runner *runner, int64_t version, leaselock_migration_result **out);
leaselock_status ll_runner_drop(const ll_runner *runner, leaselock_migration_result **out);

/* The row; FOREIGN_TABLES, VERSION_ROWS, BAD_VERSION. */
leaselock_status ll_runner_version(const ll_runner *runner, int64_t *version, bool *dirty);

/*
 * Brings the library's own tables up to date. A database that is up to date is only read.
 * Specific: NEWER_DATABASE (its version is none of ours), FOREIGN_TABLES (what is there is not ours, or was changed by
 * hand).
 */
leaselock_status ll_runner_install(const leaselock_migration_slots *slots, leaselock_connection *connection,
                                   const char *table, const leaselock_schema_step *steps, const leaselock_call *call);
/* Only reads, with the same errors; NO_TABLES where there is something to install. */
leaselock_status ll_runner_check(const leaselock_engine *engine, leaselock_connection *connection, const char *table,
                                 const leaselock_call *call);

/* listing.c */
leaselock_status ll_listing_new(const leaselock_migration_source *source, int64_t current, bool dirty,
                                leaselock_migration_listing **out);

#endif
