#include "migrate/plan.h"

#include "util/error.h"

/* The version's index, -1 for none; UNKNOWN_VERSION where no file has it. */
static leaselock_status locate(const leaselock_migration_source *source, int64_t version, int64_t *index)
{
    *index = -1;
    if (version == LEASELOCK_NO_VERSION)
        return LEASELOCK_OK;
    *index = ll_source_find(source, version);
    if (*index >= 0)
        return LEASELOCK_OK;
    return ll_error_set(
        LEASELOCK_UNKNOWN_VERSION,
        "the database is at version %lld, and no file has that: use the files it was migrated with (those of a "
        "newer release?), or set another version by force",
        (long long)version);
}

static int64_t version_at(const leaselock_migration_source *source, int64_t index)
{
    return index < 0 ? LEASELOCK_NO_VERSION : source->migrations[index].version;
}

static leaselock_status no_migration(const leaselock_migration_source *source, const char *which)
{
    return source->count ? ll_error_set(LEASELOCK_NO_MIGRATION, "there is no migration %s", which)
                         : ll_error_set(LEASELOCK_NO_MIGRATION, "there is no migration at all: no file is named like "
                                                                "000001_title.up.sql");
}

static leaselock_status plan_up(const leaselock_migration_source *source, int64_t at, ll_plan *plan)
{
    if (source->count == 0)
        return no_migration(source, "");
    plan->up = true;
    plan->target = version_at(source, (int64_t)source->count - 1);
    plan->nothing = at == (int64_t)source->count - 1;
    return LEASELOCK_OK;
}

static leaselock_status plan_steps(const leaselock_migration_source *source, int64_t steps, int64_t at, ll_plan *plan)
{
    plan->up = steps > 0;
    plan->nothing = steps == 0;
    if (plan->nothing)
        return LEASELOCK_OK;
    int64_t available = plan->up ? (int64_t)source->count - 1 - at : at + 1;
    if (available == 0)
        return no_migration(source, plan->up ? "above the database's version" : "to take back");
    int64_t wanted = plan->up ? steps : steps == INT64_MIN ? INT64_MAX : -steps;
    int64_t taken = wanted < available ? wanted : available;
    plan->missing = wanted - taken;
    plan->target = version_at(source, plan->up ? at + taken : at - taken);
    return LEASELOCK_OK;
}

static leaselock_status plan_goto(const leaselock_migration_source *source, int64_t version, int64_t current,
                                  ll_plan *plan)
{
    if (ll_source_find(source, version) < 0)
        return ll_error_set(LEASELOCK_NO_MIGRATION, "there is no migration with version %lld", (long long)version);
    plan->up = version > current;
    plan->target = version;
    plan->nothing = version == current;
    return LEASELOCK_OK;
}

leaselock_status ll_plan_make(const leaselock_migration_source *source, const ll_goal *goal, int64_t current,
                              ll_plan *out)
{
    int64_t at;
    *out = (ll_plan){.target = LEASELOCK_NO_VERSION};
    leaselock_status status = locate(source, current, &at);
    if (status != LEASELOCK_OK)
        return status;
    switch (goal->kind) {
    case LL_GOAL_UP:
        return plan_up(source, at, out);
    case LL_GOAL_DOWN:
        out->nothing = at < 0;
        return LEASELOCK_OK;
    case LL_GOAL_STEPS:
        return plan_steps(source, goal->number, at, out);
    case LL_GOAL_GOTO:
        return plan_goto(source, goal->number, current, out);
    }
    return ll_error_set(LEASELOCK_INTERNAL, "no such goal");
}

bool ll_plan_reached(const ll_plan *plan, int64_t version)
{
    return plan->up ? version >= plan->target : version <= plan->target;
}

leaselock_status ll_plan_next(const leaselock_migration_source *source, const ll_plan *plan, int64_t version,
                              const ll_migration **migration, int64_t *after)
{
    int64_t at;
    leaselock_status status = locate(source, version, &at);
    if (status != LEASELOCK_OK)
        return status;
    *migration = source->migrations + (plan->up ? at + 1 : at);
    *after = version_at(source, plan->up ? at + 1 : at - 1);
    return LEASELOCK_OK;
}
