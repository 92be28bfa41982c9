/* What a postgresql:// URL leads to: libpq's part of it, and ours. */
#ifndef LL_POSTGRESQL_TARGET_H
#define LL_POSTGRESQL_TARGET_H

#include "leaselock/common.h"

typedef struct ll_pg_target {
    char *conninfo; /* the URL without our own options */
    char *schema;   /* of our tables; NULL: wherever the server's search_path leads */
    char *settings; /* libpq's "options", for which they are not in the URL any more; NULL: they are */
} ll_pg_target;

/* Looks at one option of the URL; one that is taken is not libpq's any more. */
typedef struct ll_pg_taker {
    leaselock_status (*take)(void *payload, const char *name, const char *value, bool *taken);
    void *payload;
    bool plus_is_space; /* as Go reads a URL's options, and libpq does not */
} ll_pg_taker;

/*
 * INVALID where libpq cannot read the URL; no message ever quotes it, since it may hold a password. `taker` NULL:
 * schema is ours.
 */
leaselock_status ll_pg_target_parse(const char *url, const ll_pg_taker *taker, ll_pg_target *out);
/* The URL's path with its slash, decoded, as golang-migrate sees it; NULL where there is none. */
leaselock_status ll_pg_target_path(const ll_pg_target *target, char **out);
leaselock_status ll_pg_target_copy(const ll_pg_target *target, ll_pg_target *out);
void ll_pg_target_clear(ll_pg_target *target);

#endif
