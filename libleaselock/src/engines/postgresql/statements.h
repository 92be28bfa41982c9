/* All SQL of the leases, in one place. */
#ifndef LL_POSTGRESQL_STATEMENTS_H
#define LL_POSTGRESQL_STATEMENTS_H

#include "leaselock/common.h"

typedef enum ll_pg_statement_id {
    LL_SQL_TEXT, /* not one of these: the request brings its own */
    LL_SQL_GRANT_ONE,
    LL_SQL_GRANT_MANY,
    LL_SQL_LOOK_ONE,
    LL_SQL_LOOK_MANY,
    LL_SQL_ADD_ONE,
    LL_SQL_ADD_MANY,
    LL_SQL_RENEW_ONE,
    LL_SQL_RENEW_MANY,
    LL_SQL_RELEASE_ONE,
    LL_SQL_RELEASE_MANY,
    LL_SQL_LIST_ALL,
    LL_SQL_LIST_ONE,
    LL_SQL_RAISE_CONTROL,
    LL_SQL_RAISE_ROWS,
    LL_PG_STATEMENTS
} ll_pg_statement_id;

/* `sql` with every @ replaced by the schema (quoted) and a dot; new memory. */
char *ll_pg_qualify(const char *sql, const char *schema);
/* A name in quotes; new memory. */
char *ll_pg_quote(const char *name);
/* schema (quoted) and a table's name, which is quoted here; new memory. */
char *ll_pg_table(const char *schema, const char *table);
leaselock_status ll_pg_make_statements(const char *schema, char *sql[LL_PG_STATEMENTS]);
void ll_pg_free_statements(char *sql[LL_PG_STATEMENTS]);

#endif
