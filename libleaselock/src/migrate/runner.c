#include "migrate/runner.h"

#include "util/error.h"
#include "util/log.h"

static int64_t newest_of(const leaselock_schema_step *steps)
{
    int64_t newest = 0;
    for (; steps->version; steps++)
        newest = steps->version;
    return newest;
}

static leaselock_status read_version(const leaselock_migration_slots *slots, leaselock_connection *connection,
                                     const char *table, int64_t newest, const leaselock_call *call, int64_t *version)
{
    leaselock_status status = slots->read_version(connection, table, call, version);
    if (status == LEASELOCK_OK && *version > newest)
        return ll_error_set(LEASELOCK_NEWER_DATABASE,
                            "%s is at version %lld, this library knows %lld: use a newer libleaselock", table,
                            (long long)*version, (long long)newest);
    return status;
}

static leaselock_status apply(const leaselock_migration_slots *slots, leaselock_connection *connection,
                              const char *table, const leaselock_schema_step *steps, int64_t version)
{
    leaselock_status status = LEASELOCK_OK;
    for (; steps->version && status == LEASELOCK_OK; steps++) {
        if (steps->version <= version)
            continue;
        status = slots->run(connection, steps->up_sql);
        if (status == LEASELOCK_OK)
            status = slots->write_version(connection, table, steps->version);
    }
    return status == LEASELOCK_OK ? slots->commit(connection) : status;
}

leaselock_status ll_runner_up(const leaselock_migration_slots *slots, leaselock_connection *connection,
                              const char *table, const leaselock_schema_step *steps, const leaselock_call *call)
{
    int64_t newest = newest_of(steps), version;
    leaselock_status status = read_version(slots, connection, table, newest, call, &version);
    if (status != LEASELOCK_OK || version == newest)
        return status;
    status = slots->begin(connection, call);
    if (status != LEASELOCK_OK)
        return status;
    /* Others may have been faster: what counts is the version inside the transaction. */
    status = read_version(slots, connection, table, newest, call, &version);
    if (status == LEASELOCK_OK)
        status = apply(slots, connection, table, steps, version);
    leaselock_error failure;
    ll_error_save(&failure);
    slots->rollback(connection);
    if (status != LEASELOCK_OK)
        return ll_error_restore(&failure);
    ll_log(LEASELOCK_LOG_INFO, "migrate", "%s is at version %lld", table, (long long)newest);
    return LEASELOCK_OK;
}
