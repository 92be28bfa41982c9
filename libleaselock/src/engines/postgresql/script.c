#include "engines/postgresql/script.h"

#include <string.h>

#include "engines/postgresql/outside.h"
#include "util/directive.h"
#include "util/error.h"
#include "util/position.h"

static bool begins(ll_pg_lexer lexer, const char *pattern)
{
    return ll_pg_take(&lexer, pattern);
}

/* ---- where a statement ends ---- */

/*
 * The body of a routine has statements of its own: BEGIN ATOMIC …; …; END. No other END is where a statement begins.
 * (A routine that is created in a body would have one, but every server refuses it.)
 */
typedef struct ll_body {
    bool possible, open;
    bool at_start; /* of one of its statements */
} ll_body;

static void step_body(ll_body *body, const ll_pg_lexer *lexer, ll_pg_token before, ll_pg_token token)
{
    if (!body->open)
        body->open = body->at_start = body->possible && ll_pg_token_is(lexer, token, "ATOMIC") &&
                                      ll_pg_token_is(lexer, before, "BEGIN");
    else if (body->at_start && ll_pg_token_is(lexer, token, "END"))
        body->open = body->possible = false;
    else
        body->at_start = ll_pg_token_is(lexer, token, ";");
}

/* Moves behind the semicolon, or the last token; a semicolon in parentheses is of a rule's actions. */
static size_t skip_statement(ll_pg_lexer *lexer)
{
    ll_body body = {.possible = begins(*lexer, "CREATE OR? REPLACE? FUNCTION|PROCEDURE")};
    ll_pg_token token = {LL_PG_NOTHING, lexer->at, lexer->at};
    for (size_t depth = 0;;) {
        ll_pg_token before = token;
        token = ll_pg_token_next(lexer);
        if (token.kind == LL_PG_NOTHING)
            return before.end;
        if (depth == 0) {
            step_body(&body, lexer, before, token);
            if (!body.open && ll_pg_token_is(lexer, token, ";"))
                return token.end;
        }
        depth += ll_pg_token_is(lexer, token, "(");
        depth -= depth > 0 && ll_pg_token_is(lexer, token, ")");
    }
}

static bool next_statement(ll_pg_lexer *lexer, ll_pg_statement *out)
{
    for (;;) {
        size_t begin = lexer->at;
        ll_pg_token token = ll_pg_token_next(lexer);
        if (token.kind == LL_PG_NOTHING)
            return false;
        if (ll_pg_token_is(lexer, token, ";"))
            continue;
        lexer->on_comment = NULL;
        lexer->at = token.begin;
        *out = (ll_pg_statement){.begin = begin, .first = token.begin, .end = skip_statement(lexer)};
        return true;
    }
}

bool ll_pg_statement_next(const char *text, size_t size, bool escapes, size_t *at, ll_pg_statement *out)
{
    ll_pg_lexer lexer = {.text = text, .size = size, .at = *at, .escapes = escapes};
    bool found = next_statement(&lexer, out);
    *at = found ? out->end : size;
    return found;
}

bool ll_pg_script_is_single(const leaselock_script *script, bool escapes)
{
    size_t at = 0;
    ll_pg_statement statement;
    return ll_pg_statement_next(script->text, script->size, escapes, &at, &statement) &&
           !ll_pg_statement_next(script->text, script->size, escapes, &at, &statement);
}

size_t ll_pg_offset_of(const char *text, size_t size, size_t position)
{
    for (size_t at = 0; at < size; at++)
        if (((unsigned char)text[at] & 0xC0) != 0x80 && position-- <= 1)
            return at;
    return size;
}

/* ---- transactions of the file's own ---- */

/* At a BEGIN: moves behind it, and reads its modes; false where the server would not take them. */
static bool take_begin(ll_pg_lexer *lexer, ll_pg_modes *modes)
{
    static const char *const isolations[] = {"ISOLATION LEVEL SERIALIZABLE", "ISOLATION LEVEL REPEATABLE READ",
                                             "ISOLATION LEVEL READ COMMITTED", "ISOLATION LEVEL READ UNCOMMITTED"};
    static const char *const accesses[] = {"READ ONLY", "READ WRITE"};
    static const char *const deferrables[] = {"DEFERRABLE", "NOT DEFERRABLE"};
    *modes = (ll_pg_modes){0};
    if (!ll_pg_take(lexer, "BEGIN WORK|TRANSACTION?") && !ll_pg_take(lexer, "START TRANSACTION"))
        return false;
    for (bool comma = false; comma || !begins(*lexer, ";"); comma = ll_pg_take(lexer, ",")) {
        size_t before = lexer->at;
        for (int i = 0; i < 4; i++)
            if (ll_pg_take(lexer, isolations[i]))
                modes->isolation = isolations[i];
        for (int i = 0; i < 2; i++) {
            if (ll_pg_take(lexer, accesses[i]))
                modes->access = accesses[i];
            if (ll_pg_take(lexer, deferrables[i]))
                modes->deferrable = deferrables[i];
        }
        if (lexer->at == before)
            return false;
    }
    return true;
}

static bool is_begin(ll_pg_lexer lexer)
{
    return begins(lexer, "BEGIN") || begins(lexer, "START TRANSACTION");
}

/* BEGIN, COMMIT, END, ROLLBACK, ABORT; not ROLLBACK TO a savepoint, which stays inside the transaction. */
static bool is_control(ll_pg_lexer lexer)
{
    return is_begin(lexer) || begins(lexer, "COMMIT|END|ABORT") ||
           (begins(lexer, "ROLLBACK") && !begins(lexer, "ROLLBACK WORK|TRANSACTION? TO"));
}

static bool is_plain_commit(ll_pg_lexer lexer)
{
    return begins(lexer, "COMMIT|END WORK|TRANSACTION? ;") ||
           begins(lexer, "COMMIT|END WORK|TRANSACTION? AND NO CHAIN ;");
}

ll_pg_modes ll_pg_script_modes(const leaselock_script *script)
{
    ll_pg_lexer lexer = {.text = script->text, .size = script->begin};
    ll_pg_modes modes = {0};
    while (ll_pg_take(&lexer, ";"))
        if (lexer.at == lexer.size)
            return modes;
    (void)take_begin(&lexer, &modes);
    return modes;
}

/* ---- the whole ---- */

typedef struct ll_census {
    leaselock_script *script;
    bool no_transaction;
    ll_directive unknown; /* the first; at 0: none */
    size_t statements, controls, outside;
    bool first_begins, last_commits;
    size_t behind_first, before_last;
    size_t copy; /* offset of the first COPY to or from the client, plus 1 */
} ll_census;

static void read_directive(void *payload, size_t from, size_t to)
{
    ll_census *census = payload;
    const char *text = census->script->text;
    ll_directive directive;
    if (!ll_directive_read(text, from, to, &directive))
        return;
    if (ll_directive_is(text, directive, "no-transaction"))
        census->no_transaction = true;
    else if (!census->unknown.at)
        census->unknown = directive;
}

/* It would need a conversation, which a file cannot hold. */
static bool is_copy_with_client(ll_pg_lexer lexer, size_t end)
{
    if (!ll_pg_take(&lexer, "COPY"))
        return false;
    lexer.size = end;
    for (size_t depth = 0;;) {
        if (depth == 0 && ll_pg_take(&lexer, "FROM|TO STDIN|STDOUT"))
            return true;
        ll_pg_token token = ll_pg_token_next(&lexer);
        if (token.kind == LL_PG_NOTHING)
            return false;
        depth += ll_pg_token_is(&lexer, token, "(");
        depth -= depth > 0 && ll_pg_token_is(&lexer, token, ")");
    }
}

static void count(ll_census *census, ll_pg_lexer lexer, ll_pg_statement statement)
{
    lexer.at = statement.first;
    if (census->statements == 0) {
        ll_pg_lexer first = lexer;
        ll_pg_modes modes;
        census->first_begins = take_begin(&first, &modes);
        census->behind_first = statement.end;
    }
    census->last_commits = is_plain_commit(lexer);
    census->before_last = statement.first;
    census->statements++;
    census->outside += ll_pg_is_outside(lexer);
    census->controls += is_control(lexer);
    if (!census->copy && is_copy_with_client(lexer, statement.end))
        census->copy = statement.first + 1;
}

static leaselock_status refuse(leaselock_script *script, size_t offset, const char *why)
{
    ll_position position = ll_position_of(script->text, offset);
    script->failed_at = offset + 1;
    return ll_error_set(LEASELOCK_BAD_MIGRATION, "%s:%lld:%lld: %s", script->name, (long long)position.line,
                        (long long)position.column, why);
}

static leaselock_status check(leaselock_script *script, const ll_census *census)
{
    if (script->size >= 3 && memcmp(script->text, "\xEF\xBB\xBF", 3) == 0)
        return refuse(script, 0, "a byte order mark, which is a part of the first word to PostgreSQL: save it without");
    if (census->unknown.at)
        return ll_directive_refuse(script, census->unknown, "there is no-transaction");
    if (census->copy)
        return refuse(script, census->copy - 1,
                      "COPY from or to the client: nobody is there to talk; use INSERT, or a file of the server's");
    return LEASELOCK_OK;
}

leaselock_status ll_pg_script_examine(leaselock_script *script, bool escapes)
{
    ll_census census = {.script = script};
    ll_pg_lexer lexer = {.text = script->text,
                         .size = script->size,
                         .escapes = escapes,
                         .on_comment = read_directive,
                         .payload = &census};
    for (ll_pg_statement statement; next_statement(&lexer, &statement);)
        count(&census, lexer, statement);
    leaselock_status status = check(script, &census);
    if (status != LEASELOCK_OK)
        return status;
    script->begin = 0;
    script->end = script->size;
    /* one pair around all the rest: dropped, so that version and body become one transaction */
    bool pair = census.controls == 2 && census.first_begins && census.last_commits && census.outside == 0;
    if (pair && !census.no_transaction) {
        script->begin = census.behind_first;
        script->end = census.before_last;
    }
    script->empty = census.statements == (pair ? 2 : 0);
    script->outside = (census.controls > 0 && !pair) || census.outside > 0 || census.no_transaction;
    script->wrapped = script->check_foreign_keys = false;
    return LEASELOCK_OK;
}
