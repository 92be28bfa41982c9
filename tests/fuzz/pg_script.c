/* PostgreSQL's statement reader: it moves on, leaves nothing out, and says of a part what it said of the whole. */
#include "engines/postgresql/script.h"

#include "engines/postgresql/lexer.h"
#include "fuzz.h"
#include "leaselock/error.h"

static void check_tokens(const char *text, size_t size, bool escapes)
{
    ll_pg_lexer lexer = {.text = text, .size = size, .escapes = escapes};
    for (size_t before = 0;; before = lexer.at) {
        ll_pg_token token = ll_pg_token_next(&lexer);
        require(before <= token.begin && token.begin <= token.end && token.end == lexer.at && lexer.at <= size);
        require((token.kind == LL_PG_NOTHING) == (token.begin == size));
        require(token.end > token.begin || token.begin == size);
        if (token.kind == LL_PG_NOTHING)
            return;
    }
}

/* The text from an offset on is one statement, of all its bytes. */
static void check_alone(const char *text, size_t size, bool escapes)
{
    size_t at = 0;
    ll_pg_statement statement;
    require(ll_pg_statement_next(text, size, escapes, &at, &statement));
    require(statement.begin == 0 && statement.first == 0 && statement.end == size);
    require(!ll_pg_statement_next(text, size, escapes, &at, &statement));
}

static bool has_statement(const char *text, size_t size, bool escapes)
{
    size_t at = 0;
    ll_pg_statement statement;
    return ll_pg_statement_next(text, size, escapes, &at, &statement);
}

static size_t check_statements(const char *text, size_t size, bool escapes)
{
    size_t at = 0, before = 0, count = 0;
    for (ll_pg_statement statement; ll_pg_statement_next(text, size, escapes, &at, &statement); before = at, count++) {
        require(before <= statement.begin && statement.begin <= statement.first && statement.first < statement.end);
        require(statement.end == at && at <= size);
        require(!has_statement(text + before, statement.first - before, escapes));
        check_alone(text + statement.first, statement.end - statement.first, escapes);
    }
    require(at == size && !has_statement(text + before, size - before, escapes));
    return count;
}

/* What is left of a file whose outer transaction is dropped is a file without transactions. */
static void check_narrowed(const leaselock_script *script, bool escapes)
{
    leaselock_script again = {.name = "x", .text = script->text + script->begin, .size = script->end - script->begin};
    if (script->outside || memmem(again.text, again.size, ":", 1) || memmem(again.text, again.size, "\xEF\xBB\xBF", 3))
        return; /* a directive or a byte order mark may have come to the top */
    require(ll_pg_script_examine(&again, escapes) == LEASELOCK_OK);
    require(!again.outside && again.empty == script->empty && again.begin == 0 && again.end == again.size);
}

static void check_script(const char *text, size_t size, bool escapes, size_t statements)
{
    leaselock_script script = {.name = "x", .text = text, .size = size}, other = script;
    leaselock_status status = ll_pg_script_examine(&script, escapes);
    require(ll_pg_script_examine(&other, escapes) == status && memcmp(&script, &other, sizeof script) == 0);
    require(ll_pg_script_is_single(&script, escapes) == (statements == 1));
    if (status != LEASELOCK_OK) {
        require(status == LEASELOCK_BAD_MIGRATION && script.failed_at > 0 && script.failed_at <= size + 1);
        return;
    }
    ll_pg_modes modes = ll_pg_script_modes(&script);
    bool narrowed = script.begin > 0 || script.end < size;
    require(script.begin <= script.end && script.end <= size && !(narrowed && script.outside));
    require(narrowed || (!modes.isolation && !modes.access && !modes.deferrable));
    require(script.empty == (statements == (narrowed ? 2 : 0)) || script.outside);
    check_narrowed(&script, escapes);
}

static void check_offsets(const char *text, size_t size)
{
    size_t position = 1;
    for (size_t at = 0; at < size && at < 64; at++)
        if (((unsigned char)text[at] & 0xC0) != 0x80)
            require(ll_pg_offset_of(text, size, position++) == at);
    require(ll_pg_offset_of(text, size, size + 1) == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    size_t length = strlen(text);
    for (int escapes = 0; escapes < 2; escapes++) {
        check_tokens(text, length, escapes);
        check_script(text, length, escapes, check_statements(text, length, escapes));
    }
    check_offsets(text, length);
    free(text);
    return 0;
}
