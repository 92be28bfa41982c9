/* What a run did: data that a caller keeps. */
#ifndef LL_MIGRATE_RESULT_H
#define LL_MIGRATE_RESULT_H

#include "leaselock/migrations.h"

typedef struct ll_step {
    int64_t version, duration_ms;
    bool up;
    char *title, *file;
} ll_step;

struct leaselock_migration_result {
    leaselock_migration_kind kind;
    int64_t missing, from, to;
    bool dirty; /* at `to` */
    ll_step *steps;
    size_t count, capacity;
};

/* NULL, NOMEM. */
leaselock_migration_result *ll_result_new(void);

/* Makes room for one more step before it is run, so that what is done can be told. */
leaselock_status ll_result_reserve(leaselock_migration_result *result, const char *title, const char *file);
/* The step that has been made room for was done. */
void ll_result_add(leaselock_migration_result *result, int64_t version, bool up, int64_t duration_ms);

#endif
