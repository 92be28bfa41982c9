/* The library's own tables: the same runner, another version table. */
#include <string.h>

#include "migrate/runner.h"
#include "util/alloc.h"
#include "util/error.h"

static leaselock_status newer(const ll_runner *runner)
{
    int64_t found, newest = runner->source->migrations[runner->source->count - 1].version;
    bool dirty;
    leaselock_status status = ll_runner_version(runner, &found, &dirty);
    return status != LEASELOCK_OK
               ? status
               : ll_error_set(LEASELOCK_NEWER_DATABASE,
                              "%s is at version %lld, this library knows %lld: use a newer libleaselock",
                              runner->table.name, (long long)found, (long long)newest);
}

/* What a user's table would call a state to repair means here that the tables are not as we left them. */
static leaselock_status explain(const ll_runner *runner, leaselock_status status)
{
    leaselock_error failure;
    ll_error_save(&failure);
    switch (status) {
    case LEASELOCK_UNKNOWN_VERSION:
        return newer(runner);
    case LEASELOCK_DIRTY:
    case LEASELOCK_VERSION_ROWS:
    case LEASELOCK_BAD_VERSION:
        failure.code = LEASELOCK_FOREIGN_TABLES;
        return ll_error_restore(&failure);
    case LEASELOCK_MIGRATION_FAILED:
        failure.code = LEASELOCK_INTERNAL;
        return ll_error_restore(&failure);
    default:
        return status;
    }
}

leaselock_status ll_runner_install(const leaselock_migration_slots *slots, leaselock_connection *connection,
                                   const char *table, const leaselock_schema_step *steps,
                                   const leaselock_call *call)
{
    leaselock_migration_source *source = NULL;
    leaselock_status status = ll_source_open_schema(steps, &source);
    if (status != LEASELOCK_OK)
        return status;
    /* golang-migrate calls its index version_unique whatever its table is called: ours must leave it that name */
    char *index = ll_format("%s_version_unique", table);
    ll_runner runner = {.slots = slots,
                        .connection = connection,
                        .table = {table, index},
                        .source = source,
                        .call = (leaselock_call *)call}; /* not written to where wait_ms is 0 */
    const ll_goal up = {.kind = LL_GOAL_UP};
    status = index ? ll_runner_run(&runner, &up, NULL) : LEASELOCK_NOMEM;
    if (status != LEASELOCK_OK)
        status = explain(&runner, status);
    ll_free(index);
    leaselock_migration_source_free(source);
    return status;
}
