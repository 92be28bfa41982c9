/* The statement reader: it moves on, stays inside, and ends each statement where SQLite's own parser ends it. */
#include <sqlite3.h>

#include "engines/sqlite/script.h"
#include "fuzz.h"
#include "leaselock.h"

static sqlite3 *database(void)
{
    static sqlite3 *db;
    if (!db) {
        require(sqlite3_open(":memory:", &db) == SQLITE_OK);
        require(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL) == SQLITE_OK);
    }
    return db;
}

/* Only what can be prepared has an end according to SQLite; what matters is where the next statement begins. */
static void compare_ends(const char *text, size_t length, const ll_statement *statement)
{
    sqlite3_stmt *prepared = NULL;
    const char *tail = NULL;
    if (sqlite3_prepare_v2(database(), text + statement->begin, -1, &prepared, &tail) == SQLITE_OK && prepared)
        require(ll_statement_start(text, length, (size_t)(tail - text)) ==
                ll_statement_start(text, length, statement->end));
    sqlite3_finalize(prepared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    size_t length = strlen(text), at = 0, before = 0;
    for (ll_statement statement; ll_statement_next(text, length, &at, &statement); before = at) {
        require(before <= statement.begin && statement.begin < statement.end && statement.end == at && at <= length);
        require(ll_statement_start(text, length, before) == statement.begin);
        compare_ends(text, length, &statement);
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
