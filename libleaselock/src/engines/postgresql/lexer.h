/* PostgreSQL's tokens, as far as it takes to tell its statements apart. */
#ifndef LL_POSTGRESQL_LEXER_H
#define LL_POSTGRESQL_LEXER_H

#include "leaselock/common.h"

typedef enum ll_pg_token_kind {
    LL_PG_NOTHING, /* the text is at its end */
    LL_PG_WORD,    /* a keyword or a plain name */
    LL_PG_NAME,    /* a quoted one */
    LL_PG_STRING,  /* of any form, to the end of the text where it is not closed */
    LL_PG_NUMBER,
    LL_PG_MARK /* one byte of anything else */
} ll_pg_token_kind;

typedef struct ll_pg_token {
    ll_pg_token_kind kind;
    size_t begin, end;
} ll_pg_token;

/* Passed by value, it looks ahead. */
typedef struct ll_pg_lexer {
    const char *text;
    size_t size, at;
    bool escapes; /* standard_conforming_strings is off */
    /* told of each "--" comment; may be NULL */
    void (*on_comment)(void *payload, size_t from, size_t to);
    void *payload;
} ll_pg_lexer;

/* The next token, behind space and comments. */
ll_pg_token ll_pg_token_next(ll_pg_lexer *lexer);

/* Whether its text is this, whatever the case of its letters. */
bool ll_pg_token_is(const ll_pg_lexer *lexer, ll_pg_token token, const char *text);

/*
 * Moves behind what the pattern describes, or stays and is false. A pattern has one item for each token, with a space
 * between: a word or mark, or several with "|" between; "%" is any token, "@" a name with its schemas, "()" a pair of
 * parentheses with all that is in them, ";" also the end of the text. An item with "?" behind it may be missing.
 */
bool ll_pg_take(ll_pg_lexer *lexer, const char *pattern);

#endif
