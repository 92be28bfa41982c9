/* Claims as the statements' parameters, and the statements' answers as outcomes. */
#ifndef LL_POSTGRESQL_CLAIMS_H
#define LL_POSTGRESQL_CLAIMS_H

#include "engines/postgresql/postgresql.h"

typedef struct ll_pg_claims {
    const leaselock_claim *all;
    size_t count;
    size_t *order;     /* of all claims, by resource in byte order: the n-th of a statement is all[order[n - 1]] */
    char *arrays[4];   /* of several claims; what values lead to */
    char number[24];   /* of one claim */
    const char *values[LL_PG_VALUES_MAX];
    leaselock_outcome *outcomes; /* as far as they are known; the caller's are written when all of it went well */
    leaselock_outcome single;
} ll_pg_claims;

/* `ttl`: the number is the claim's ttl, else its sequence. */
leaselock_status ll_pg_claims_make(ll_pg_claims *claims, const leaselock_claim *all, size_t count, bool ttl);
/* Copies the outcomes to the caller's where the status is OK, and clears. Returns the status. */
leaselock_status ll_pg_claims_finish(ll_pg_claims *claims, leaselock_status status, leaselock_outcome *outcomes);
void ll_pg_claims_clear(ll_pg_claims *claims);

/* A request for all claims: `one` or the statement that follows it, for many. */
ll_pg_request ll_pg_claims_request(const ll_pg_claims *claims, ll_pg_statement_id one, int value_count);

/* Which claim a row of a result speaks of; its columns are those of ANSWER in statements.c. */
size_t ll_pg_claims_index(const ll_pg_claims *claims, const PGresult *result, int row);

/* What a row says. */
typedef struct ll_pg_answer {
    bool same_acquisition;
    bool released;
} ll_pg_answer;

/* Everything of the outcome but its kind. */
ll_pg_answer ll_pg_read_answer(const PGresult *result, int row, int64_t asked_ms, leaselock_outcome *outcome);

/* A timestamptz of a result as milliseconds since 1970 UTC, rounded down. */
int64_t ll_pg_utc_ms(int64_t microseconds);
/* From one moment of the engine's clock to another, rounded down. */
int64_t ll_pg_span_ms(int64_t from, int64_t to);

#endif
