/* Names of migration files, as golang-migrate reads them: ^([0-9]+)_(.*)\.(down|up)\.(.*)$ */
#ifndef LL_MIGRATE_NAME_H
#define LL_MIGRATE_NAME_H

#include "leaselock/common.h"

typedef enum ll_name_kind {
    LL_NAME_OTHER,     /* no migration: skipped, like golang-migrate does */
    LL_NAME_MIGRATION,
    LL_NAME_TOO_LARGE  /* 2^63 to 2^64-1: golang-migrate takes the file and then goes wrong */
} ll_name_kind;

typedef struct ll_name {
    int64_t version;
    const char *title; /* inside the name */
    size_t title_length;
    bool up;
} ll_name;

ll_name_kind ll_name_parse(const char *name, ll_name *out);

#endif
