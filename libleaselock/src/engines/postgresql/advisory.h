/* The names of golang-migrate's locks: whoever takes the same ones is excluded. */
#ifndef LL_POSTGRESQL_ADVISORY_H
#define LL_POSTGRESQL_ADVISORY_H

#include "leaselock/common.h"

/* golang-migrate's database/util.go: the key of a database's name and of further names, which come first. */
uint32_t ll_pg_advisory_key(const char *database, const char *const *names, size_t count);

enum { LL_PG_KEYS_MAX = 3 };

/*
 * The keys of one version table, ascending, each once; how many. golang-migrate as a library names the database as the
 * server does, its command line as the URL's path does, with the slash: `path`, NULL where there is none.
 */
size_t ll_pg_advisory_keys(const char *database, const char *path, const char *schema, const char *table,
                           uint32_t keys[LL_PG_KEYS_MAX]);

#endif
