/* What a run of migrations did, for people and for programs. */
#ifndef CLI_MIGRATE_REPORT_H
#define CLI_MIGRATE_REPORT_H

#include <stdbool.h>

#include "cli/json.h"
#include "leaselock/migrations.h"

struct report {
    bool as_json;
    struct json json;
    int64_t from, to; /* as far as it is known */
    bool is_known;
    bool is_dirty; /* by this run */
};

/* Once the run can begin. */
void report_begin(struct report *report);

/* The last migration of `so_far` was run: a migrate_progress(). */
void report_progress(const leaselock_migration_result *so_far, void *report);

/* Each prints the rest, and returns the exit code. */
int report_result(struct report *report, const leaselock_migration_result *result);
int report_failure(struct report *report, leaselock_migrations *migrations);

/* LEASELOCK_NO_VERSION is null. */
void report_version(struct json *json, const char *key, int64_t version);

#endif
