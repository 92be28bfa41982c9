#include "engines/postgresql/claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/text.h"

/* Microseconds from 1970 to 2000, where PostgreSQL begins to count. */
#define EPOCH_US INT64_C(946684800000000)

/* For the sort, which takes no context: pairs it can compare by themselves. */
typedef struct ranked {
    const char *resource;
    size_t index;
} ranked;

static int compare(const void *left, const void *right)
{
    return strcmp(((const ranked *)left)->resource, ((const ranked *)right)->resource);
}

static leaselock_status sort(ll_pg_claims *claims)
{
    ranked *ranks = ll_alloc(claims->count * sizeof *ranks);
    claims->order = ranks ? ll_alloc(claims->count * sizeof *claims->order) : NULL;
    if (!claims->order) {
        ll_free(ranks);
        return LEASELOCK_NOMEM;
    }
    for (size_t i = 0; i < claims->count; i++) {
        ranked rank = {claims->all[i].resource, i};
        ranks[i] = rank;
    }
    qsort(ranks, claims->count, sizeof *ranks, compare);
    for (size_t i = 0; i < claims->count; i++)
        claims->order[i] = ranks[i].index;
    ll_free(ranks);
    return LEASELOCK_OK;
}

typedef const char *(*column_fn)(const leaselock_claim *claim, char number[24]);

static const char *resource_of(const leaselock_claim *claim, char number[24])
{
    (void)number;
    return claim->resource;
}

static const char *acquisition_of(const leaselock_claim *claim, char number[24])
{
    (void)number;
    return claim->acquisition;
}

static const char *client_of(const leaselock_claim *claim, char number[24])
{
    (void)number;
    return claim->client;
}

static const char *ttl_of(const leaselock_claim *claim, char number[24])
{
    snprintf(number, 24, "%lld", (long long)claim->ttl_ms);
    return number;
}

static const char *sequence_of(const leaselock_claim *claim, char number[24])
{
    snprintf(number, 24, "%lld", (long long)claim->sequence);
    return number;
}

/* Appends "element", with quotes and backslashes escaped. */
static char *append(char *to, const char *element)
{
    *to++ = '"';
    for (; *element; element++) {
        if (*element == '"' || *element == '\\')
            *to++ = '\\';
        *to++ = *element;
    }
    *to++ = '"';
    return to;
}

/* One column of the claims, in order, as PostgreSQL writes arrays: {"a","b"}. */
static char *array_of(const ll_pg_claims *claims, column_fn column)
{
    char number[24];
    size_t size = 3;
    for (size_t i = 0; i < claims->count; i++)
        size += 2 * strlen(column(&claims->all[i], number)) + 3;
    char *array = ll_alloc(size);
    if (!array)
        return NULL;
    char *to = array;
    for (size_t i = 0; i < claims->count; i++) {
        *to++ = i ? ',' : '{';
        to = append(to, column(&claims->all[claims->order[i]], number));
    }
    *to++ = '}';
    *to = '\0';
    return array;
}

leaselock_status ll_pg_claims_make(ll_pg_claims *claims, const leaselock_claim *all, size_t count, bool ttl)
{
    memset(claims, 0, sizeof *claims);
    claims->all = all;
    claims->count = count;
    const column_fn columns[4] = {resource_of, acquisition_of, client_of, ttl ? ttl_of : sequence_of};
    if (count == 1) {
        for (int i = 0; i < 4; i++)
            claims->values[i] = columns[i](all, claims->number);
        claims->outcomes = &claims->single;
        return LEASELOCK_OK;
    }
    leaselock_status status = sort(claims);
    claims->outcomes = status == LEASELOCK_OK ? ll_alloc(count * sizeof *claims->outcomes) : NULL;
    if (!claims->outcomes)
        status = LEASELOCK_NOMEM;
    for (int i = 0; i < 4 && status == LEASELOCK_OK; i++) {
        claims->values[i] = claims->arrays[i] = array_of(claims, columns[i]);
        if (!claims->arrays[i])
            status = LEASELOCK_NOMEM;
    }
    if (status != LEASELOCK_OK)
        ll_pg_claims_clear(claims);
    return status;
}

void ll_pg_claims_clear(ll_pg_claims *claims)
{
    for (int i = 0; i < 4; i++)
        ll_free(claims->arrays[i]);
    ll_free(claims->order);
    if (claims->outcomes != &claims->single)
        ll_free(claims->outcomes);
    memset(claims, 0, sizeof *claims);
}

leaselock_status ll_pg_claims_finish(ll_pg_claims *claims, leaselock_status status, leaselock_outcome *outcomes)
{
    if (status == LEASELOCK_OK)
        memcpy(outcomes, claims->outcomes, claims->count * sizeof *outcomes);
    ll_pg_claims_clear(claims);
    return status;
}

ll_pg_request ll_pg_claims_request(const ll_pg_claims *claims, ll_pg_statement_id one, int value_count)
{
    ll_pg_request request = {.id = claims->count == 1 ? one : one + 1, .value_count = value_count};
    memcpy(request.values, claims->values, sizeof request.values);
    return request;
}

size_t ll_pg_claims_index(const ll_pg_claims *claims, const PGresult *result, int row)
{
    return claims->count == 1 ? 0 : claims->order[ll_pg_integer(result, row, 0) - 1];
}

int64_t ll_pg_span_ms(int64_t from, int64_t to)
{
    int64_t span = to - from;
    return span >= 0 ? span / 1000 : -((-span + 999) / 1000);
}

int64_t ll_pg_utc_ms(int64_t microseconds)
{
    return ll_pg_span_ms(-EPOCH_US, microseconds);
}

ll_pg_answer ll_pg_read_answer(const PGresult *result, int row, int64_t asked_ms, leaselock_outcome *outcome)
{
    ll_pg_answer answer = {ll_pg_integer(result, row, 3) != 0, ll_pg_integer(result, row, 6) != 0};
    int64_t expires_at = ll_pg_integer(result, row, 5), now = ll_pg_integer(result, row, 7);
    outcome->asked_ms = asked_ms;
    ll_text_copy(outcome->client, sizeof outcome->client, pq.PQgetvalue(result, row, 1));
    outcome->sequence = ll_pg_integer(result, row, 2);
    outcome->ttl_ms = ll_pg_integer(result, row, 4);
    outcome->remaining_ms = ll_pg_span_ms(now, expires_at);
    outcome->expires_at_ms = ll_pg_utc_ms(expires_at);
    return answer;
}
