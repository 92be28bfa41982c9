/* What PostgreSQL refuses inside of a transaction (25001), as far as the statement's own words tell. */
#ifndef LL_POSTGRESQL_OUTSIDE_H
#define LL_POSTGRESQL_OUTSIDE_H

#include "engines/postgresql/lexer.h"

/* Of the statement at lexer.at. What depends on the data is not seen: REINDEX or CLUSTER of a partitioned table, DO and CALL. */
bool ll_pg_is_outside(ll_pg_lexer lexer);

#endif
