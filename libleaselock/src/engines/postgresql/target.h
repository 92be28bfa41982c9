/* What a postgresql:// URL leads to: libpq's part of it, and ours. */
#ifndef LL_POSTGRESQL_TARGET_H
#define LL_POSTGRESQL_TARGET_H

#include "leaselock/common.h"

typedef struct ll_pg_target {
    char *conninfo; /* the URL without our own options */
    char *schema;   /* of our tables; NULL: wherever the server's search_path leads */
} ll_pg_target;

/* INVALID where libpq cannot read the URL; no message ever quotes it, since it may hold a password. */
leaselock_status ll_pg_target_parse(const char *url, ll_pg_target *out);
leaselock_status ll_pg_target_copy(const ll_pg_target *target, ll_pg_target *out);
void ll_pg_target_clear(ll_pg_target *target);

#endif
