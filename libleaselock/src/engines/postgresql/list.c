#include "engines/postgresql/claims.h"
#include "util/error.h"

/* Rounded up: what is said to be over can be had. */
static int64_t left_ms(int64_t now, int64_t expires_at)
{
    return -ll_pg_span_ms(expires_at, now);
}

static leaselock_status visit_rows(const PGresult *result, leaselock_row_visitor visit, void *payload)
{
    leaselock_status status = LEASELOCK_OK;
    for (int i = 0; i < pq.PQntuples(result) && status == LEASELOCK_OK; i++) {
        int64_t expires_at = ll_pg_integer(result, i, 4), now = ll_pg_integer(result, i, 5);
        leaselock_row row = {pq.PQgetvalue(result, i, 0),
                             pq.PQgetvalue(result, i, 1),
                             ll_pg_integer(result, i, 2),
                             ll_pg_integer(result, i, 3),
                             left_ms(now, expires_at),
                             ll_pg_utc_ms(expires_at),
                             ll_pg_integer(result, i, 6) != 0};
        status = visit(&row, payload);
    }
    return status;
}

leaselock_status ll_pg_list(leaselock_connection *connection, const char *resource, const leaselock_call *call,
                            leaselock_row_visitor visit, void *payload)
{
    ll_pg_request list = {.id = resource ? LL_SQL_LIST_ONE : LL_SQL_LIST_ALL,
                          .values = {resource},
                          .value_count = resource ? 1 : 0};
    leaselock_status status = ll_pg_exchange(connection, call, &list, 1, "list the leases", NULL);
    if (status == LEASELOCK_OK)
        status = visit_rows(list.result, visit, payload);
    ll_pg_clear(&list, 1);
    return status;
}
