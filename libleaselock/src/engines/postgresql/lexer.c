#include "engines/postgresql/lexer.h"

#include <string.h>
#include <strings.h>

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static unsigned char byte_at(const ll_pg_lexer *lexer, size_t at)
{
    return at < lexer->size ? (unsigned char)lexer->text[at] : '\0';
}

static bool sees(const ll_pg_lexer *lexer, const char *start)
{
    size_t length = strlen(start);
    return lexer->size - lexer->at >= length && memcmp(lexer->text + lexer->at, start, length) == 0;
}

/* ---- between tokens ---- */

/* A line ends at either of its characters. */
static size_t line_end(const ll_pg_lexer *lexer, size_t at)
{
    while (at < lexer->size && !memchr("\n\r", lexer->text[at], 2))
        at++;
    return at;
}

/* Comments of this form nest. */
static void skip_block_comment(ll_pg_lexer *lexer)
{
    size_t depth = 0;
    do {
        bool opens = sees(lexer, "/*"), closes = sees(lexer, "*/");
        depth = depth + opens - closes;
        lexer->at += opens || closes ? 2 : 1;
    } while (depth > 0 && lexer->at < lexer->size);
}

static void skip_space(ll_pg_lexer *lexer)
{
    while (lexer->at < lexer->size) {
        if (sees(lexer, "--")) {
            size_t from = lexer->at + 2;
            lexer->at = line_end(lexer, from);
            if (lexer->on_comment)
                lexer->on_comment(lexer->payload, from, lexer->at);
        } else if (sees(lexer, "/*")) {
            skip_block_comment(lexer);
        } else if (memchr(" \t\n\r\f\v", lexer->text[lexer->at], 6)) {
            lexer->at++;
        } else {
            return;
        }
    }
}

/* ---- tokens ---- */

/* At an opening quote: to behind the closing one, which is not doubled. */
static void skip_quoted(ll_pg_lexer *lexer, bool escapes)
{
    unsigned char quote = byte_at(lexer, lexer->at++);
    while (lexer->at < lexer->size) {
        unsigned char here = byte_at(lexer, lexer->at++), next = byte_at(lexer, lexer->at);
        bool pair = (escapes && here == '\\') || (here == quote && next == quote);
        if (!pair && here == quote)
            return;
        if (pair && lexer->at < lexer->size)
            lexer->at++;
    }
}

/* Whether a string goes on with the next quote: only spaces, comments of a line and a line's end are between. */
static bool is_continued(ll_pg_lexer *lexer)
{
    bool line = false;
    size_t at = lexer->at;
    for (; at < lexer->size; at++) {
        unsigned char here = byte_at(lexer, at);
        if (here == '-' && byte_at(lexer, at + 1) == '-')
            at = line_end(lexer, at);
        else if (!memchr(" \t\n\r\f\v", here, 6))
            break;
        line |= byte_at(lexer, at) == '\n' || byte_at(lexer, at) == '\r';
    }
    if (!line || byte_at(lexer, at) != '\'')
        return false;
    lexer->at = at;
    return true;
}

/* A string with backslashes is one with its continuations: a plain one is two, which end at the same byte. */
static void skip_string(ll_pg_lexer *lexer, bool escapes)
{
    do
        skip_quoted(lexer, escapes);
    while (escapes && is_continued(lexer));
}

static void skip_word(ll_pg_lexer *lexer)
{
    while (starts_word(byte_at(lexer, lexer->at)) || is_digit(byte_at(lexer, lexer->at)) ||
           byte_at(lexer, lexer->at) == '$')
        lexer->at++;
}

/* A word, or a string whose form is told by the one letter before it. */
static ll_pg_token_kind read_word(ll_pg_lexer *lexer)
{
    size_t from = lexer->at;
    unsigned char letter = byte_at(lexer, from) | 0x20, next = byte_at(lexer, from + 1);
    if (letter == 'u' && next == '&' && memchr("'\"", byte_at(lexer, from + 2), 2)) {
        lexer->at = from + 2;
        skip_quoted(lexer, false);
        return lexer->text[from + 2] == '"' ? LL_PG_NAME : LL_PG_STRING;
    }
    if (memchr("benx", letter, 4) && next == '\'') {
        lexer->at = from + 1;
        skip_string(lexer, letter == 'e' || (letter == 'n' && lexer->escapes));
        return LL_PG_STRING;
    }
    skip_word(lexer);
    return LL_PG_WORD;
}

static void skip_digits(ll_pg_lexer *lexer)
{
    while (is_digit(byte_at(lexer, lexer->at)))
        lexer->at++;
}

/* Letters behind a number are a word of their own, but for an exponent: "1e5$$" is a number and a string. */
static void skip_number(ll_pg_lexer *lexer)
{
    skip_digits(lexer);
    if ((byte_at(lexer, lexer->at) | 0x20) != 'e')
        return;
    unsigned char sign = byte_at(lexer, lexer->at + 1);
    size_t digits = lexer->at + (sign == '+' || sign == '-' ? 2 : 1);
    if (is_digit(byte_at(lexer, digits))) {
        lexer->at = digits;
        skip_digits(lexer);
    }
}

/* A string between two tags, a parameter, or a lonely mark. "$1e5$$" is a parameter and a word. */
static ll_pg_token_kind read_dollar(ll_pg_lexer *lexer)
{
    size_t from = lexer->at++;
    skip_digits(lexer);
    if (lexer->at > from + 1)
        return LL_PG_NUMBER;
    size_t end = lexer->at;
    if (starts_word(byte_at(lexer, end)))
        while (starts_word(byte_at(lexer, end)) || is_digit(byte_at(lexer, end)))
            end++;
    if (byte_at(lexer, end) != '$')
        return LL_PG_MARK;
    size_t length = end + 1 - from;
    const char *body = lexer->text + from + length;
    const char *closing = memmem(body, lexer->size - from - length, lexer->text + from, length);
    lexer->at = closing ? (size_t)(closing - lexer->text) + length : lexer->size;
    return LL_PG_STRING;
}

static ll_pg_token_kind read_token(ll_pg_lexer *lexer)
{
    unsigned char first = byte_at(lexer, lexer->at);
    if (starts_word(first))
        return read_word(lexer);
    if (first == '$')
        return read_dollar(lexer);
    if (first == '\'') {
        skip_string(lexer, lexer->escapes);
        return LL_PG_STRING;
    }
    if (first == '"') {
        skip_quoted(lexer, false);
        return LL_PG_NAME;
    }
    if (is_digit(first)) {
        skip_number(lexer);
        return LL_PG_NUMBER;
    }
    lexer->at++;
    return LL_PG_MARK;
}

ll_pg_token ll_pg_token_next(ll_pg_lexer *lexer)
{
    skip_space(lexer);
    ll_pg_token token = {LL_PG_NOTHING, lexer->at, lexer->at};
    if (lexer->at < lexer->size)
        token.kind = read_token(lexer);
    token.end = lexer->at;
    return token;
}

static bool is_text(const ll_pg_lexer *lexer, ll_pg_token token, const char *text, size_t length)
{
    return token.end - token.begin == length && strncasecmp(lexer->text + token.begin, text, length) == 0;
}

bool ll_pg_token_is(const ll_pg_lexer *lexer, ll_pg_token token, const char *text)
{
    return token.kind != LL_PG_NOTHING && is_text(lexer, token, text, strlen(text));
}

/* ---- patterns ---- */

static bool take_parentheses(ll_pg_lexer *lexer)
{
    size_t depth = 0;
    do {
        ll_pg_token token = ll_pg_token_next(lexer);
        if (token.kind == LL_PG_NOTHING)
            return false;
        depth += ll_pg_token_is(lexer, token, "(");
        if (depth == 0)
            return false;
        depth -= ll_pg_token_is(lexer, token, ")");
    } while (depth > 0);
    return true;
}

static bool take_name(ll_pg_lexer *lexer)
{
    for (;;) {
        ll_pg_token token = ll_pg_token_next(lexer);
        if (token.kind != LL_PG_WORD && token.kind != LL_PG_NAME)
            return false;
        ll_pg_lexer ahead = *lexer;
        if (!ll_pg_token_is(lexer, ll_pg_token_next(&ahead), "."))
            return true;
        *lexer = ahead;
    }
}

static bool take_one_of(ll_pg_lexer *lexer, const char *words, size_t length)
{
    ll_pg_token token = ll_pg_token_next(lexer);
    if (token.kind == LL_PG_NOTHING)
        return *words == ';';
    for (size_t from = 0, to; from < length; from = to + 1) {
        const char *end = memchr(words + from, '|', length - from);
        to = end ? (size_t)(end - words) : length;
        if (is_text(lexer, token, words + from, to - from))
            return true;
    }
    return false;
}

static bool take_item(ll_pg_lexer *lexer, const char *item, size_t length)
{
    if (length == 2 && memcmp(item, "()", 2) == 0)
        return take_parentheses(lexer);
    if (*item == '@')
        return take_name(lexer);
    if (*item == '%')
        return ll_pg_token_next(lexer).kind != LL_PG_NOTHING;
    return take_one_of(lexer, item, length);
}

/* What may be missing is tried both ways: a table may be called "if". */
bool ll_pg_take(ll_pg_lexer *lexer, const char *pattern)
{
    if (!*pattern)
        return true;
    ll_pg_lexer ahead = *lexer;
    size_t length = strcspn(pattern, " ");
    const char *rest = pattern + length + strspn(pattern + length, " ");
    bool optional = pattern[length - 1] == '?';
    ahead.on_comment = NULL;
    if (take_item(&ahead, pattern, length - optional) && ll_pg_take(&ahead, rest)) {
        lexer->at = ahead.at;
        return true;
    }
    return optional && ll_pg_take(lexer, rest);
}
