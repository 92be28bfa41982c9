/*
 * Migration scripts: where their statements are, and which of them cannot run in the runner's transaction. Knows no
 * database. The server parses a message as a whole before it runs any of it: what is no SQL is its to refuse.
 */
#ifndef LL_POSTGRESQL_SCRIPT_H
#define LL_POSTGRESQL_SCRIPT_H

#include "leaselock/sys/engine.h"

/* One statement, and how it is best sent: with the comments before it, which may be hints. */
typedef struct ll_pg_statement {
    size_t begin; /* behind the one before */
    size_t first; /* of its first token */
    size_t end;   /* behind the semicolon, or behind the last token of the text */
} ll_pg_statement;

/*
 * The next statement at or after *at, which is moved behind it; false when only space, comments and ";" are left.
 * `escapes`, here and below: standard_conforming_strings is off, a backslash escapes in every string.
 */
bool ll_pg_statement_next(const char *text, size_t size, bool escapes, size_t *at, ll_pg_statement *out);

/*
 * Fills the script's fields; one BEGIN … COMMIT around the rest is left out of begin … end. A directive is a comment
 * before the first statement: "-- leaselock: no-transaction". BAD_MIGRATION, with failed_at: another directive, a byte
 * order mark (which is part of a name to the server), COPY from or to the client.
 */
leaselock_status ll_pg_script_examine(leaselock_script *script, bool escapes);

/* What the BEGIN said that examine() has left out; words for another BEGIN, NULL where it said nothing. */
typedef struct ll_pg_modes {
    const char *isolation;  /* "ISOLATION LEVEL SERIALIZABLE", … */
    const char *access;     /* "READ ONLY", "READ WRITE" */
    const char *deferrable; /* "DEFERRABLE", "NOT DEFERRABLE" */
} ll_pg_modes;

/* Of an examined script; all NULL where no BEGIN was left out. */
ll_pg_modes ll_pg_script_modes(const leaselock_script *script);

/* Whether the whole file is one statement: what fails only for being inside of a transaction may then run without. */
bool ll_pg_script_is_single(const leaselock_script *script, bool escapes);

/*
 * The offset of the byte that the server calls character `position` (PG_DIAG_STATEMENT_POSITION, from 1) of a text in
 * UTF-8; at most `size`. A server whose encoding is SQL_ASCII counts bytes.
 */
size_t ll_pg_offset_of(const char *text, size_t size, size_t position);

#endif
