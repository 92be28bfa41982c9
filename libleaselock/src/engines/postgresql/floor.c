/*
 * Raising the floor of all sequences. First the floor of rows to come; then, in pages, that of each row: a grant reads
 * nothing but its own row, so that no interleaving lets it miss the new floor once this has returned.
 */
#include <stdio.h>
#include <string.h>

#include "engines/postgresql/postgresql.h"
#include "util/error.h"
#include "util/text.h"

enum { PAGE_ROWS = 1000 };

static leaselock_status raise_control(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                      int64_t *in_force)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)floor);
    ll_pg_request raise = {.id = LL_SQL_RAISE_CONTROL, .values = {number}, .value_count = 1};
    leaselock_status status = ll_pg_exchange(connection, call, &raise, 1, "raise the floor", NULL);
    if (status == LEASELOCK_OK && pq.PQntuples(raise.result) == 0)
        status = ll_error_set(LEASELOCK_CORRUPT, "PostgreSQL: leaselock_control has no row");
    else if (status == LEASELOCK_OK)
        *in_force = ll_pg_integer(raise.result, 0, 0);
    ll_pg_clear(&raise, 1);
    return status;
}

/* One page of rows above `after`, which then becomes the last of them; *more: there may be others. */
static leaselock_status raise_page(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                   char after[LEASELOCK_ID_MAX + 1], bool *more)
{
    char number[24], rows[24];
    snprintf(number, sizeof number, "%lld", (long long)floor);
    snprintf(rows, sizeof rows, "%d", PAGE_ROWS);
    ll_pg_request raise = {.id = LL_SQL_RAISE_ROWS, .values = {after, number, rows}, .value_count = 3};
    leaselock_status status = ll_pg_exchange(connection, call, &raise, 1, "raise the floor", NULL);
    if (status == LEASELOCK_OK) {
        *more = ll_pg_integer(raise.result, 0, 1) == PAGE_ROWS;
        ll_text_copy(after, LEASELOCK_ID_MAX + 1, pq.PQgetvalue(raise.result, 0, 0));
    }
    ll_pg_clear(&raise, 1);
    return status;
}

leaselock_status ll_pg_raise_floor(leaselock_connection *connection, int64_t floor, const leaselock_call *call,
                                   int64_t *out)
{
    char after[LEASELOCK_ID_MAX + 1] = "";
    int64_t in_force = -1;
    bool more = true;
    leaselock_status status = LEASELOCK_OK;
    while (status == LEASELOCK_OK && more)
        status = in_force < 0 ? raise_control(connection, floor, call, &in_force)
                              : raise_page(connection, in_force, call, after, &more);
    if (status == LEASELOCK_OK)
        *out = in_force;
    return status;
}
