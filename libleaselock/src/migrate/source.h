/*
 * Where migrations come from: a directory, or a list in memory. Sorted by version, at most one file per version and
 * direction.
 */
#ifndef LL_MIGRATE_SOURCE_H
#define LL_MIGRATE_SOURCE_H

#include "leaselock/migrations.h"
#include "leaselock/sys/engine.h"

typedef struct ll_body {
    char *file; /* its name; NULL: there is none of this direction */
    char *title;
    char *text; /* NULL: in the directory, read when it is needed */
    size_t size;
} ll_body;

typedef struct ll_migration {
    int64_t version;
    ll_body up, down;
} ll_migration;

struct leaselock_migration_source {
    char *directory; /* NULL: everything is in memory */
    ll_migration *migrations;
    size_t count, capacity;
};

/*
 * The names in the directory, which may be written as file://PATH. NOT_FOUND, PERMISSION, IO, DUPLICATE_MIGRATION,
 * BAD_MIGRATION.
 */
leaselock_status ll_source_open_directory(const char *directory, leaselock_migration_source **out);
/* The engine's own schema; the end has version 0. */
leaselock_status ll_source_open_schema(const leaselock_schema_step *steps, leaselock_migration_source **out);
leaselock_status ll_source_copy(const leaselock_migration_source *source, leaselock_migration_source **out);

/* Adds what the name says; `body` NULL leaves it in the directory. Other names are skipped. */
leaselock_status ll_source_add(leaselock_migration_source *source, const char *name, const void *body, size_t size);

/* Its index, or -1. */
int64_t ll_source_find(const leaselock_migration_source *source, int64_t version);

/* A body, whole: a NUL behind its `size` bytes and none inside. `owned` is what to free, or NULL. */
typedef struct ll_text {
    const char *text;
    size_t size;
    char *owned;
} ll_text;

/* BAD_MIGRATION where it cannot be read to its end, or is no text. */
leaselock_status ll_source_load(const leaselock_migration_source *source, const ll_body *body, ll_text *out);

#endif
