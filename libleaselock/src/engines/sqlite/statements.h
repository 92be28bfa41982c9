/* All SQL of the leases, in one place. Each statement is prepared once per connection, when first used. */
#ifndef LL_SQLITE_STATEMENTS_H
#define LL_SQLITE_STATEMENTS_H

#include <sqlite3.h>

#include "leaselock/sys/engine.h"

typedef enum ll_sqlite_statement_id {
    LL_SQL_LOOK,
    LL_SQL_GRANT,
    LL_SQL_RENEW,
    LL_SQL_RELEASE,
    LL_SQL_LIST_ALL,
    LL_SQL_LIST_ONE,
    LL_SQL_CONTROL,
    LL_SQL_RAISE_CEILING,
    LL_SQL_RAISE_FLOOR,
    LL_SQL_NEW_BOOT_LEASES,
    LL_SQL_NEW_BOOT_CONTROL,
    LL_SQL_BEGIN,
    LL_SQL_COMMIT,
    LL_SQL_ROLLBACK,
    LL_SQL_SYNCHRONOUS_FULL,
    LL_SQL_SYNCHRONOUS_NORMAL,
    LL_SQLITE_STATEMENTS
} ll_sqlite_statement_id;

/* What the statements call: ll_boot_now(), ll_wall_now(), and ll_draw(number). */
int ll_sqlite_create_functions(leaselock_connection *connection);

/* Reset and ready to bind; NULL with the error record set. */
sqlite3_stmt *ll_sqlite_statement(leaselock_connection *connection, ll_sqlite_statement_id id);

/* Binds `text` for as long as the statement runs. */
void ll_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text);

/* Runs a statement that gives no row; it is reset afterwards. SQLite's result: SQLITE_DONE is SQLITE_OK here. */
int ll_sqlite_run(sqlite3_stmt *statement);

/* The error record of the statement's failure, then reset. */
leaselock_status ll_sqlite_statement_fail(leaselock_connection *connection, sqlite3_stmt *statement, int result,
                                          const char *doing);

void ll_sqlite_finalize(leaselock_connection *connection);

#endif
