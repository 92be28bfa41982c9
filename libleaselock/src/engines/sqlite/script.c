#include "engines/sqlite/script.h"

#include <ctype.h>
#include <string.h>

#include "util/directive.h"
#include "util/error.h"
#include "util/log.h"
#include "util/position.h"

typedef struct ll_reader {
    const char *text;
    size_t size, at;
    /* told of each "--" comment, until the first statement; may be NULL */
    void (*on_comment)(void *payload, size_t from, size_t to);
    void *payload;
} ll_reader;

static bool is_word(unsigned char c)
{
    return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

static bool sees(const ll_reader *reader, const char *start)
{
    size_t length = strlen(start);
    return reader->size - reader->at >= length && memcmp(reader->text + reader->at, start, length) == 0;
}

/* The offset behind the next `end`, or the end of the text. */
static size_t behind(const ll_reader *reader, size_t from, const char *end)
{
    size_t length = strlen(end);
    const char *found; /* by memchr(): of memmem() a sanitizer looks at all of the range, each time */
    while (from < reader->size && (found = memchr(reader->text + from, end[0], reader->size - from))) {
        from = (size_t)(found - reader->text);
        if (reader->size - from >= length && memcmp(found, end, length) == 0)
            return from + length;
        from++;
    }
    return reader->size;
}

/* Passes what SQLite takes for space: comments, and a byte order mark wherever it stands. */
static void skip_space(ll_reader *reader)
{
    while (reader->at < reader->size) {
        size_t from = reader->at;
        if (sees(reader, "--")) {
            reader->at = behind(reader, from, "\n");
            if (reader->on_comment)
                reader->on_comment(reader->payload, from + 2, reader->at);
            reader->at -= reader->text[reader->at - 1] == '\n'; /* which is space by itself */
        } else if (sees(reader, "/*")) {
            reader->at = behind(reader, from + 2, "*/");
        } else if (sees(reader, "\xEF\xBB\xBF")) {
            reader->at += 3;
        } else if (strchr(" \t\n\f\r", reader->text[from])) {
            /* SQLite's tokenizer takes a vertical tab behind other space for space, and alone for none */
            reader->at += 1 + strspn(reader->text + from + 1, "\v");
        } else {
            return;
        }
    }
}

/* Behind a quoted text; a doubled quote is two of them, one behind the other. */
static void skip_quoted(ll_reader *reader)
{
    char quote[2] = {reader->text[reader->at], '\0'};
    if (quote[0] == '[')
        quote[0] = ']';
    reader->at = behind(reader, reader->at + 1, quote);
}

/* The token at reader->at, which is no space; its text in upper case where it is a word. */
static void read_token(ll_reader *reader, char word[LL_WORD_SIZE])
{
    size_t from = reader->at, length = 0;
    unsigned char first = (unsigned char)reader->text[from];
    if (strchr("'\"`[", first)) {
        skip_quoted(reader);
    } else if (is_word(first)) {
        while (reader->at < reader->size && is_word((unsigned char)reader->text[reader->at]) &&
               !sees(reader, "\xEF\xBB\xBF"))
            reader->at++;
    } else {
        reader->at++;
    }
    /* a quoted name counts by what is in it: PRAGMA "journal_mode" is the same */
    size_t to = reader->at;
    if (strchr("'\"`[", first) && to - from >= 2)
        from++, to--;
    for (; from < to && length < LL_WORD_SIZE - 1; from++)
        word[length++] = (char)toupper((unsigned char)reader->text[from]);
    word[length] = '\0';
}

/* What sqlite3_complete() knows of triggers: their bodies have semicolons, and end with "; END ;". */
typedef enum ll_ending { START, NORMAL, EXPLAIN, CREATE, TRIGGER, TRIGGER_SEMICOLON, TRIGGER_END, COMPLETE } ll_ending;

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static ll_ending step_ending(ll_ending state, const char *word, bool quoted)
{
    static const char *const temporary[] = {"TEMP", "TEMPORARY", NULL};
    bool semicolon = !quoted && strcmp(word, ";") == 0;
    switch (state) {
    case START:
        if (!quoted && strcmp(word, "EXPLAIN") == 0)
            return EXPLAIN;
        return semicolon ? COMPLETE : !quoted && strcmp(word, "CREATE") == 0 ? CREATE : NORMAL;
    case EXPLAIN: /* perhaps of a QUERY PLAN */
        return semicolon ? COMPLETE : !quoted && strcmp(word, "CREATE") == 0 ? CREATE : EXPLAIN;
    case CREATE:
        if (!quoted && is_one_of(word, temporary))
            return CREATE;
        if (!quoted && strcmp(word, "TRIGGER") == 0)
            return TRIGGER;
        return semicolon ? COMPLETE : NORMAL;
    case TRIGGER:
        return semicolon ? TRIGGER_SEMICOLON : TRIGGER;
    case TRIGGER_SEMICOLON:
        return semicolon ? TRIGGER_SEMICOLON : !quoted && strcmp(word, "END") == 0 ? TRIGGER_END : TRIGGER;
    case TRIGGER_END:
        return semicolon ? COMPLETE : TRIGGER;
    default:
        return semicolon ? COMPLETE : NORMAL;
    }
}

/* To the first token of the next statement. */
static void skip_empty(ll_reader *reader)
{
    skip_space(reader);
    while (reader->at < reader->size && reader->text[reader->at] == ';') {
        reader->at++;
        skip_space(reader);
    }
}

size_t ll_statement_start(const char *text, size_t size, size_t at)
{
    ll_reader reader = {.text = text, .size = size, .at = at};
    skip_empty(&reader);
    return reader.at;
}

static bool next_statement(ll_reader *reader, ll_statement *out)
{
    memset(out, 0, sizeof *out);
    skip_empty(reader);
    if (reader->at >= reader->size)
        return false;
    out->begin = reader->at;
    reader->on_comment = NULL;
    for (ll_ending state = START; state != COMPLETE && reader->at < reader->size; skip_space(reader)) {
        char word[LL_WORD_SIZE];
        bool quoted = strchr("'\"`[", reader->text[reader->at]);
        read_token(reader, word);
        state = step_ending(state, word, quoted);
        out->end = reader->at;
        if (state != COMPLETE && out->count < LL_WORDS_MAX) {
            out->quoted[out->count] = quoted;
            memcpy(out->words[out->count++], word, LL_WORD_SIZE);
        }
        if (state == COMPLETE)
            break;
    }
    return true;
}

bool ll_statement_next(const char *text, size_t size, size_t *at, ll_statement *out)
{
    ll_reader reader = {.text = text, .size = size, .at = *at};
    bool found = next_statement(&reader, out);
    *at = found ? out->end : size;
    return found;
}

/* ---- what the statements are ---- */

static bool is_word_at(const ll_statement *statement, unsigned index, const char *word)
{
    return strcmp(statement->words[index], word) == 0;
}

static bool is_commit(const ll_statement *statement)
{
    return is_word_at(statement, 0, "COMMIT") || is_word_at(statement, 0, "END");
}

static bool is_keyword_at(const ll_statement *statement, unsigned index, const char *word)
{
    return is_word_at(statement, index, word) && !statement->quoted[index];
}

/* Behind ROLLBACK: [TRANSACTION [name]] TO. */
static bool goes_to_savepoint(const ll_statement *statement)
{
    unsigned at = 1;
    if (is_keyword_at(statement, at, "TRANSACTION"))
        at++;
    if (at == 2 && !is_keyword_at(statement, at, "TO"))
        at++;
    return is_keyword_at(statement, at, "TO");
}

bool ll_statement_is_control(const ll_statement *statement)
{
    if (is_word_at(statement, 0, "ROLLBACK"))
        return !goes_to_savepoint(statement);
    return is_word_at(statement, 0, "BEGIN") || is_commit(statement);
}

/* The name of a PRAGMA, "" for others; *sets tells whether it is given a value. */
static const char *pragma_of(const ll_statement *statement, bool *sets)
{
    if (!is_word_at(statement, 0, "PRAGMA"))
        return "";
    unsigned name = is_word_at(statement, 2, ".") ? 3 : 1;
    *sets = is_word_at(statement, name + 1, "=") || is_word_at(statement, name + 1, "(");
    return statement->words[name];
}

/* What SQLite refuses, or golang-migrate's directories expect to happen, outside of a transaction only. */
static bool is_outside(const ll_statement *statement, bool unwrapped)
{
    static const char *const settings[] = {"JOURNAL_MODE", "SYNCHRONOUS", "TEMP_STORE", NULL};
    bool sets = false;
    const char *pragma = pragma_of(statement, &sets);
    if (sets && (is_one_of(pragma, settings) || (unwrapped && strcmp(pragma, "FOREIGN_KEYS") == 0)))
        return true;
    return is_word_at(statement, 0, "VACUUM") || is_word_at(statement, 0, "DETACH") ||
           strcmp(pragma, "WAL_CHECKPOINT") == 0;
}

static bool is_ignored(const ll_statement *statement)
{
    bool sets = false;
    return strcmp(pragma_of(statement, &sets), "FOREIGN_KEYS") == 0 && sets;
}

/* ---- directives ---- */

typedef struct ll_directives {
    leaselock_script *script;
    bool no_transaction;
    ll_directive unknown; /* the first; at 0: none */
} ll_directives;

static void read_directive(void *payload, size_t from, size_t to)
{
    ll_directives *directives = payload;
    const char *text = directives->script->text;
    ll_directive directive;
    if (!ll_directive_read(text, from, to, &directive))
        return;
    if (ll_directive_is(text, directive, "foreign-keys=off"))
        directives->script->check_foreign_keys = true;
    else if (ll_directive_is(text, directive, "no-transaction"))
        directives->no_transaction = true;
    else if (!directives->unknown.at)
        directives->unknown = directive;
}

static void warn_of_ignored(const leaselock_script *script, const ll_statement *statement)
{
    ll_position position = ll_position_of(script->text, statement->begin);
    ll_log(LEASELOCK_LOG_WARNING, "migrate",
           "%s:%lld: PRAGMA foreign_keys does nothing in a transaction; write \"-- leaselock: foreign-keys=off\" at "
           "the top "
           "of the file instead",
           script->name, (long long)position.line);
}

/* ---- the whole ---- */

typedef struct ll_census {
    size_t statements, controls, outside;
    bool first_begins, last_commits, first_control_ends;
    size_t behind_first, before_last;
    ll_statement ignored; /* the first that does nothing in a transaction */
} ll_census;

static void count(ll_census *census, const ll_statement *statement, bool unwrapped)
{
    bool control = ll_statement_is_control(statement);
    if (census->statements == 0) {
        census->first_begins = is_word_at(statement, 0, "BEGIN");
        census->behind_first = statement->end;
    }
    if (control && census->controls == 0)
        census->first_control_ends = !is_word_at(statement, 0, "BEGIN");
    census->last_commits = control && is_commit(statement);
    census->before_last = statement->begin;
    census->controls += control;
    census->outside += is_outside(statement, unwrapped);
    census->statements++;
    if (census->ignored.count == 0 && is_ignored(statement))
        census->ignored = *statement;
}

leaselock_status ll_script_examine(leaselock_script *script, bool unwrapped)
{
    ll_directives directives = {.script = script};
    ll_reader reader = {
        .text = script->text, .size = script->size, .on_comment = read_directive, .payload = &directives};
    ll_census census = {0};
    script->check_foreign_keys = false;
    for (ll_statement statement; next_statement(&reader, &statement);)
        count(&census, &statement, unwrapped);
    if (directives.unknown.at)
        return ll_directive_refuse(script, directives.unknown, "there are foreign-keys=off and no-transaction");
    script->begin = 0;
    script->end = script->size;
    script->empty = census.statements == 0;
    /* one pair around all the rest: dropped, so that version and body become one transaction */
    bool pair = census.controls == 2 && census.first_begins && census.last_commits && census.outside == 0;
    if (pair && !directives.no_transaction) {
        script->begin = census.behind_first;
        script->end = census.before_last;
    }
    script->outside = (census.controls > 0 && !pair) || census.outside > 0 || directives.no_transaction;
    script->wrapped = script->outside && census.first_control_ends && !unwrapped;
    if (!script->outside && census.ignored.count > 0)
        warn_of_ignored(script, &census.ignored);
    return LEASELOCK_OK;
}
