#include "engines/sqlite/sqlite.h"
#include "util/clock.h"
#include "util/error.h"

leaselock_status ll_sqlite_list(leaselock_connection *connection, const char *resource, const leaselock_call *call,
                                leaselock_row_visitor visit, void *payload)
{
    leaselock_status status = ll_sqlite_enter_clean(connection, call);
    if (status == LEASELOCK_OK)
        status = ll_sqlite_check_file(connection);
    if (status != LEASELOCK_OK)
        return status;
    sqlite3_stmt *list = ll_sqlite_statement(connection, resource ? LL_SQL_LIST_ONE : LL_SQL_LIST_ALL);
    if (!list)
        return leaselock_error_last()->code;
    if (resource)
        ll_sqlite_bind_text(list, 1, resource);
    int64_t now = ll_clock_boot() - connection->boot_offset_ms;
    int result = SQLITE_ROW;
    while (status == LEASELOCK_OK && (result = sqlite3_step(list)) == SQLITE_ROW) {
        leaselock_row row = {(const char *)sqlite3_column_text(list, 0),
                             (const char *)sqlite3_column_text(list, 1),
                             sqlite3_column_int64(list, 2),
                             sqlite3_column_int64(list, 3),
                             sqlite3_column_int64(list, 4) - now,
                             sqlite3_column_int64(list, 5),
                             sqlite3_column_int(list, 6) != 0};
        status = visit(&row, payload);
    }
    if (status == LEASELOCK_OK && result != SQLITE_DONE)
        return ll_sqlite_statement_fail(connection, list, result, "list the leases");
    sqlite3_reset(list);
    return status;
}
