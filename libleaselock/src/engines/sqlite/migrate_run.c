/* Running a migration's script, statement by statement, as SQLite's own parser splits it. */
#include <string.h>

#include "engines/sqlite/script.h"
#include "engines/sqlite/sqlite.h"
#include "util/error.h"
#include "util/position.h"

/* How many steps of SQLite's machine pass between two looks at whether to go on: well below 10 ms. */
enum { STEPS_BETWEEN_LOOKS = 20000 };

typedef struct ll_run {
    leaselock_connection *connection;
    leaselock_script *script;
    const leaselock_call *call;
    leaselock_status gave_up; /* what call->pause said */
    bool denied;              /* the authorizer refused a statement */
} ll_run;

/* Whether to go on. Our own few tables are made without a question: opening a lock waits for nothing. */
static int on_progress(void *payload)
{
    ll_run *run = payload;
    if (run->gave_up == LEASELOCK_OK && run->connection->migrating)
        run->gave_up = run->call->pause(run->call, 0);
    return run->gave_up != LEASELOCK_OK;
}

/* Settings that are part of the database, or end with the transaction. */
static bool is_harmless(const char *pragma, const char *value)
{
    static const char *const harmless[] = {"user_version", "application_id", "defer_foreign_keys", "foreign_key_check",
                                           "integrity_check", "quick_check", "table_info", "index_list", "optimize"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (sqlite3_stricmp(pragma, harmless[i]) == 0)
            return true;
    return !value;
}

/* Asked while a statement is prepared, so before anything of it runs. */
static int on_authorize(void *payload, int action, const char *first, const char *second, const char *database,
                        const char *trigger)
{
    ll_run *run = payload;
    (void)database, (void)trigger;
    if (action == SQLITE_ATTACH || action == SQLITE_DETACH || (action == SQLITE_PRAGMA && !is_harmless(first, second)))
        if (run->connection->migrating)
            run->connection->migrating->touched = true;
    if (action != SQLITE_TRANSACTION || run->script->outside)
        return SQLITE_OK;
    run->denied = true;
    return SQLITE_DENY;
}

/* What the authorizer says elsewhere: a borrowed handle may have one of its owner's. */
static bool is_denied(ll_run *run, size_t begin)
{
    ll_statement statement;
    if (!ll_sqlite_is_borrowed(run->connection) || run->script->outside ||
        !ll_statement_next(run->script->text, run->script->size, &begin, &statement))
        return false;
    run->denied = ll_statement_is_control(&statement);
    return run->denied;
}

/* "000003_x.up.sql:3:8: near "FOO": syntax error (in: ALTER TABEL users)": what, and where. */
static leaselock_status fail_at(ll_run *run, leaselock_status code, int native, size_t at, size_t begin,
                                const char *what)
{
    leaselock_script *script = run->script;
    script->failed_at = at + 1;
    ll_position position = ll_position_of(script->text, at);
    char excerpt[161];
    size_t length = 0;
    for (size_t i = begin; i < script->size && length < sizeof excerpt - 1 && script->text[i] != ';'; i++) {
        bool space = strchr(" \t\r\n\f", script->text[i]);
        if (!space || (length > 0 && excerpt[length - 1] != ' '))
            excerpt[length++] = space ? ' ' : script->text[i];
    }
    if (length == sizeof excerpt - 1) /* perhaps in the middle of a character */
        while (length > 0 && (excerpt[length - 1] & 0x80))
            length--;
    excerpt[length] = '\0';
    return ll_error_set_native(code, native, "%s:%lld:%lld: %s (in: %s)", script->name, (long long)position.line,
                               (long long)position.column, what, excerpt);
}

static int offset_of(sqlite3 *db)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    return sqlite3_error_offset(db);
#else
    (void)db;
    return -1;
#endif
}

/* What SQLite's refusal of a script's statement means. */
static leaselock_status code_of(ll_run *run, int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CORRUPT:
    case SQLITE_CANTOPEN: /* its journal */
    case SQLITE_NOTADB:
        return ll_sqlite_status_of(run->connection->db, result);
    default:
        /* our own tables are made where there should be none */
        return !run->connection->migrating && ll_sqlite_is_taken(run->connection, result) ? LEASELOCK_FOREIGN_TABLES
                                                                                          : LEASELOCK_MIGRATION_FAILED;
    }
}

static leaselock_status fail(ll_run *run, int result, size_t prepared, size_t begin, bool preparing)
{
    leaselock_connection *connection = run->connection;
    if (run->gave_up != LEASELOCK_OK)
        return run->gave_up;
    if ((result & 0xff) == SQLITE_BUSY && connection->gave_up != LEASELOCK_OK)
        return connection->gave_up;
    if (run->denied)
        return fail_at(run, LEASELOCK_MIGRATION_FAILED, result, begin, begin,
                       "a transaction is around the migration, and this statement would end it or begin another");
    char message[256];
    sqlite3_snprintf(sizeof message, message, "%s", sqlite3_errmsg(connection->db));
    int offset = preparing ? offset_of(connection->db) : -1;
    size_t at = offset >= 0 && prepared + (size_t)offset <= run->script->size ? prepared + (size_t)offset : begin;
    return fail_at(run, code_of(run, result), result, at, begin, message);
}

/* One statement. It is stepped once: what it changes, it changes then; rows are nobody's business. */
static leaselock_status run_statement(ll_run *run, size_t *at)
{
    const char *text = run->script->text, *tail = NULL;
    sqlite3_stmt *statement = NULL;
    size_t begin = ll_statement_start(text, run->script->size, *at), prepared = *at;
    run->denied = false;
    int result, round = 0;
    do
        result = sqlite3_prepare_v2(run->connection->db, text + *at, -1, &statement, &tail);
    while (ll_sqlite_try_again(run->connection, result, &round));
    if (result != SQLITE_OK)
        return fail(run, result, prepared, begin, true);
    if (is_denied(run, begin)) {
        sqlite3_finalize(statement);
        return fail(run, SQLITE_AUTH, prepared, begin, true);
    }
    *at = (size_t)(tail - text);
    if (!statement) /* space, a comment, or a lone semicolon */
        return LEASELOCK_OK;
    if (sqlite3_bind_parameter_count(statement) > 0) {
        sqlite3_finalize(statement);
        return fail_at(run, LEASELOCK_MIGRATION_FAILED, 0, begin, begin, "a migration has no parameters to fill in");
    }
    do
        result = sqlite3_step(statement);
    while (ll_sqlite_try_again(run->connection, result, &round));
    int finalized = sqlite3_finalize(statement);
    if (result == SQLITE_ROW || result == SQLITE_DONE)
        result = finalized;
    return result == SQLITE_OK ? LEASELOCK_OK : fail(run, result, prepared, begin, false);
}

static leaselock_status run_statements(ll_run *run)
{
    const leaselock_script *script = run->script;
    size_t at = script->begin;
    /* the outer COMMIT, which is dropped, begins where the script ends */
    while (ll_statement_start(script->text, script->size, at) < script->end) {
        leaselock_status status = run_statement(run, &at);
        if (status == LEASELOCK_OK && on_progress(run))
            status = run->gave_up;
        if (status != LEASELOCK_OK)
            return status;
    }
    return LEASELOCK_OK;
}

/* Foreign keys were off: whatever refers to nothing now would never be found. */
static leaselock_status check_foreign_keys(ll_run *run)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(run->connection->db, "PRAGMA foreign_key_check", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    leaselock_status status = LEASELOCK_OK;
    if (result == SQLITE_ROW)
        status = ll_error_set(LEASELOCK_MIGRATION_FAILED, "%s: row %lld of %s refers to a row of %s that is not there",
                              run->script->name, (long long)sqlite3_column_int64(statement, 1),
                              (const char *)sqlite3_column_text(statement, 0),
                              (const char *)sqlite3_column_text(statement, 2));
    else if (result != SQLITE_DONE)
        status = run->gave_up != LEASELOCK_OK ? run->gave_up
                                              : ll_sqlite_fail(run->connection, result, "check foreign keys");
    sqlite3_finalize(statement);
    return status;
}

/* Inside the runner's transaction, which must still be open afterwards. */
static leaselock_status run_inside(ll_run *run)
{
    leaselock_status status = run_statements(run);
    if (status == LEASELOCK_OK && sqlite3_get_autocommit(run->connection->db))
        status = ll_error_set(LEASELOCK_MIGRATION_FAILED, "%s: the transaction around it has ended", run->script->name);
    return status;
}

/* As golang-migrate runs it: in a transaction that the script ends, or in none. */
static leaselock_status run_outside(ll_run *run)
{
    leaselock_connection *connection = run->connection;
    leaselock_status status = LEASELOCK_OK;
    if (run->script->check_foreign_keys)
        status = ll_sqlite_switch_keys_off(connection);
    if (status == LEASELOCK_OK && run->script->wrapped)
        status = ll_sqlite_execute(connection, "BEGIN", "begin");
    if (status == LEASELOCK_OK)
        status = run_statements(run);
    if (status != LEASELOCK_OK || sqlite3_get_autocommit(connection->db))
        return status;
    if (run->script->wrapped)
        return ll_sqlite_execute(connection, "COMMIT", "commit");
    return ll_error_set(LEASELOCK_MIGRATION_FAILED, "%s: its last transaction is not committed", run->script->name);
}

leaselock_status ll_sqlite_run_script(leaselock_connection *connection, leaselock_script *script,
                                      const leaselock_call *call)
{
    ll_run run = {.connection = connection, .script = script, .call = call};
    ll_sqlite_enter(connection, call);
    bool borrowed = ll_sqlite_is_borrowed(connection);
    if (borrowed)
        connection->migrating->inside = true; /* also a transaction that the script begins */
    else
        sqlite3_set_authorizer(connection->db, on_authorize, &run);
    sqlite3_progress_handler(connection->db, STEPS_BETWEEN_LOOKS, on_progress, &run);
    leaselock_status status = script->outside ? run_outside(&run) : run_inside(&run);
    if (status == LEASELOCK_OK && script->check_foreign_keys)
        status = check_foreign_keys(&run);
    sqlite3_progress_handler(connection->db, 0, NULL, NULL);
    if (!borrowed)
        sqlite3_set_authorizer(connection->db, NULL, NULL);
    return status;
}
