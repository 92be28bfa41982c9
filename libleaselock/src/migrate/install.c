/* The library's own tables: the same runner, another version table. */
#include <stdio.h>

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

typedef struct ll_own {
    ll_runner runner;
    leaselock_migration_source *source;
    char *index;
} ll_own;

static leaselock_status begin_own(ll_own *own, const leaselock_migration_slots *slots, leaselock_connection *connection,
                                  const char *table, const leaselock_schema_step *steps, const leaselock_call *call)
{
    *own = (ll_own){0};
    leaselock_status status = ll_source_open_schema(steps, &own->source);
    if (status != LEASELOCK_OK)
        return status;
    /* golang-migrate calls its index version_unique whatever its table is called: ours must leave it that name */
    own->index = ll_format("%s_version_unique", table);
    own->runner = (ll_runner){.slots = slots,
                              .connection = connection,
                              .table = {table, own->index},
                              .source = own->source,
                              .call = (leaselock_call *)call}; /* not written to where wait_ms is 0 */
    return own->index ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

static leaselock_status end_own(ll_own *own, leaselock_status status)
{
    if (status != LEASELOCK_OK)
        status = explain(&own->runner, status);
    ll_free(own->index);
    leaselock_migration_source_free(own->source);
    return status;
}

static const ll_goal up = {.kind = LL_GOAL_UP};

leaselock_status ll_runner_install(const leaselock_migration_slots *slots, leaselock_connection *connection,
                                   const char *table, const leaselock_schema_step *steps,
                                   const leaselock_call *call)
{
    ll_own own;
    leaselock_status status = begin_own(&own, slots, connection, table, steps, call);
    if (status == LEASELOCK_OK)
        status = ll_runner_run(&own.runner, &up, NULL);
    return end_own(&own, status);
}

/* What is there, what is needed, and how to get from one to the other. */
static leaselock_status not_installed(const leaselock_engine *engine, const ll_runner *runner, int64_t found)
{
    char version[24] = "none";
    if (found != LEASELOCK_NO_VERSION)
        snprintf(version, sizeof version, "%lld", (long long)found);
    return ll_error_set(LEASELOCK_NO_TABLES,
                        "the tables of leases are at version %s, this library needs %lld, and installing is switched "
                        "off: open it once with installing, or run share/leaselock/migrations/%s with a tool for "
                        "golang-migrate's files and x-migrations-table=%s%s%s",
                        version, (long long)runner->source->migrations[runner->source->count - 1].version, engine->name,
                        runner->table.name, engine->schema_hint ? ", then " : "",
                        engine->schema_hint ? engine->schema_hint : "");
}

leaselock_status ll_runner_check(const leaselock_engine *engine, leaselock_connection *connection, const char *table,
                                 const leaselock_call *call)
{
    ll_own own;
    ll_plan plan;
    int64_t found;
    bool dirty;
    leaselock_status status = begin_own(&own, engine->installation, connection, table, engine->schema, call);
    if (status == LEASELOCK_OK)
        status = ll_runner_version(&own.runner, &found, &dirty);
    if (status == LEASELOCK_OK && dirty)
        status = ll_error_set(LEASELOCK_FOREIGN_TABLES,
                              "%s is dirty at version %lld: another tool failed half-way there", table,
                              (long long)found);
    if (status == LEASELOCK_OK)
        status = ll_plan_make(own.source, &up, found, &plan);
    if (status == LEASELOCK_OK && !plan.nothing)
        status = not_installed(engine, &own.runner, found);
    return end_own(&own, status);
}
