/* Migration scripts: where their statements are, and which of them cannot run in the runner's transaction. */
#ifndef LL_SQLITE_SCRIPT_H
#define LL_SQLITE_SCRIPT_H

#include "leaselock/sys/engine.h"

enum { LL_WORDS_MAX = 6, LL_WORD_SIZE = 24 };

/* One statement: its first tokens, words in upper case, without comments. */
typedef struct ll_statement {
    size_t begin; /* of the first token */
    size_t end;   /* behind the semicolon, or the end of the text */
    unsigned count;
    char words[LL_WORDS_MAX][LL_WORD_SIZE]; /* cut when longer; "" beyond count */
    bool quoted[LL_WORDS_MAX];
} ll_statement;

/* The next statement at or after *at, which is moved behind it; false when only space and comments are left. */
bool ll_statement_next(const char *text, size_t size, size_t *at, ll_statement *out);

/* BEGIN, COMMIT, END, ROLLBACK; not ROLLBACK TO a savepoint, which stays inside the transaction. */
bool ll_statement_is_control(const ll_statement *statement);

/* Where the next statement at or after `at` begins: behind space, comments and empty statements. */
size_t ll_statement_start(const char *text, size_t size, size_t at);

/*
 * Fills the script's fields. Directives are comments before the first statement, which golang-migrate ignores:
 * "-- leaselock: foreign-keys=off" and "-- leaselock: no-transaction". BAD_MIGRATION for others.
 * `unwrapped` is golang-migrate's x-no-tx-wrap: its transactions are the file's business.
 */
leaselock_status ll_script_examine(leaselock_script *script, bool unwrapped);

#endif
