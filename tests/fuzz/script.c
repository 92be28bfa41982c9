/*
 * The statement reader: it moves on, stays inside, and takes each statement for what SQLite's own parser takes it for.
 */
#include <sqlite3.h>

#include "engines/sqlite/script.h"
#include "fuzz.h"
#include "leaselock.h"

static bool controls; /* what is prepared begins or ends a transaction */

static int on_authorize(void *payload, int action, const char *first, const char *second, const char *name,
                        const char *trigger)
{
    (void)payload, (void)first, (void)second, (void)name, (void)trigger;
    controls |= action == SQLITE_TRANSACTION;
    return SQLITE_OK;
}

static sqlite3 *database(void)
{
    static sqlite3 *db;
    if (!db) {
        require(sqlite3_open(":memory:", &db) == SQLITE_OK);
        require(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL) == SQLITE_OK);
        require(sqlite3_set_authorizer(db, on_authorize, NULL) == SQLITE_OK);
    }
    return db;
}

/* Only what can be prepared means something to SQLite; of its end, what matters is where the next statement begins. */
static void compare(const char *text, size_t length, size_t from, const ll_statement *statement)
{
    sqlite3_stmt *prepared = NULL;
    const char *tail = NULL;
    controls = false;
    if (sqlite3_prepare_v2(database(), text + from, -1, &prepared, &tail) == SQLITE_OK && prepared) {
        require(ll_statement_start(text, length, (size_t)(tail - text)) ==
                ll_statement_start(text, length, statement->end));
        require(sqlite3_stmt_isexplain(prepared) || controls == ll_statement_is_control(statement));
    }
    sqlite3_finalize(prepared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    size_t length = strlen(text), at = 0, before = 0;
    for (ll_statement statement; ll_statement_next(text, length, &at, &statement); before = at) {
        require(before <= statement.begin && statement.begin < statement.end && statement.end == at && at <= length);
        require(ll_statement_start(text, length, before) == statement.begin);
        compare(text, length, statement.begin, &statement);
        compare(text, length, before, &statement);
    }
    require(at == length);
    for (int unwrapped = 0; unwrapped < 2; unwrapped++) {
        leaselock_script script = {.name = "x", .text = text, .size = length};
        leaselock_status status = ll_script_examine(&script, unwrapped);
        require(status == LEASELOCK_OK ? script.begin <= script.end && script.end <= length
                                       : status == LEASELOCK_BAD_MIGRATION && script.failed_at > 0);
        require(!script.wrapped || script.outside);
    }
    free(text);
    return 0;
}
