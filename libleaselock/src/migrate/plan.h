/* What a call asks for, and where that leads from a version: golang-migrate's rules, without a database. */
#ifndef LL_MIGRATE_PLAN_H
#define LL_MIGRATE_PLAN_H

#include "migrate/source.h"

typedef enum ll_goal_kind { LL_GOAL_UP, LL_GOAL_DOWN, LL_GOAL_STEPS, LL_GOAL_GOTO } ll_goal_kind;

typedef struct ll_goal {
    ll_goal_kind kind;
    int64_t number; /* STEPS: how many, GOTO: which version */
} ll_goal;

typedef struct ll_plan {
    bool nothing; /* the database is there already */
    bool up;
    int64_t target;  /* the version to end at, LEASELOCK_NO_VERSION for none */
    int64_t missing; /* steps: how many fewer there are */
} ll_plan;

/* From the database's version. UNKNOWN_VERSION, NO_MIGRATION. */
leaselock_status ll_plan_make(const leaselock_migration_source *source, const ll_goal *goal, int64_t current,
                              ll_plan *out);

/* True when the version is the target, or beyond it. */
bool ll_plan_reached(const ll_plan *plan, int64_t version);

/* The next migration, and the version after it; the plan is not reached. UNKNOWN_VERSION. */
leaselock_status ll_plan_next(const leaselock_migration_source *source, const ll_plan *plan, int64_t version,
                              const ll_migration **migration, int64_t *after);

#endif
