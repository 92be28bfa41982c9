/* What PostgreSQL refuses inside of a transaction (25001), as far as the statement's own words tell. */
#ifndef LL_POSTGRESQL_OUTSIDE_H
#define LL_POSTGRESQL_OUTSIDE_H

#include "engines/postgresql/lexer.h"

/* Of the statement at lexer.at. Not seen: what the data decides, as a partitioned table in REINDEX, DO, CALL. */
bool ll_pg_is_outside(ll_pg_lexer lexer);

#endif
