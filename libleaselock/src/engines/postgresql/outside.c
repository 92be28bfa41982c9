#include "engines/postgresql/outside.h"

/* Every use of PreventInTransactionBlock() in PostgreSQL 12 to 18; options in parentheses are looked at below. */
static const char *const always[] = {
    "VACUUM",
    "CREATE|DROP DATABASE|TABLESPACE",
    "ALTER DATABASE % WITH? SET? TABLESPACE",
    "ALTER SYSTEM",
    "CREATE UNIQUE? INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY",
    "REINDEX ()? DATABASE|SYSTEM|SCHEMA",
    "REINDEX ()? INDEX|TABLE CONCURRENTLY",
    "ALTER TABLE IF? EXISTS? ONLY? (? @ )? *? DETACH PARTITION @ CONCURRENTLY",
    "CLUSTER ()? VERBOSE? ;",
    "DISCARD ALL",
    "DROP SUBSCRIPTION",
    "ALTER SUBSCRIPTION % REFRESH",
    "COMMIT|ROLLBACK PREPARED",
    "PREPARE TRANSACTION",
};

typedef enum option { ABSENT, OFF, ON } option;

static option read_option(ll_pg_lexer lexer)
{
    (void)ll_pg_take(&lexer, "=");
    return ll_pg_take(&lexer, "FALSE|OFF|0|'FALSE'|'OFF'") ? OFF : ON;
}

/* An option by its name, somewhere in the statement's parentheses. */
static option option_of(ll_pg_lexer lexer, const char *name)
{
    bool in_parentheses = false;
    for (;;) {
        ll_pg_token token = ll_pg_token_next(&lexer);
        if (token.kind == LL_PG_NOTHING || ll_pg_token_is(&lexer, token, ";"))
            return ABSENT;
        if (in_parentheses && ll_pg_token_is(&lexer, token, name))
            return read_option(lexer);
        in_parentheses |= ll_pg_token_is(&lexer, token, "(");
    }
}

static bool begins(ll_pg_lexer lexer, const char *pattern)
{
    return ll_pg_take(&lexer, pattern);
}

/* A slot on another server is made, changed or dropped, which no ROLLBACK takes back. */
static bool is_outside_by_option(ll_pg_lexer lexer)
{
    if (begins(lexer, "REINDEX ()"))
        return option_of(lexer, "CONCURRENTLY") == ON;
    if (begins(lexer, "CREATE SUBSCRIPTION"))
        return option_of(lexer, "CREATE_SLOT") != OFF && option_of(lexer, "CONNECT") != OFF;
    if (begins(lexer, "ALTER SUBSCRIPTION % SET|ADD|DROP PUBLICATION"))
        return option_of(lexer, "REFRESH") != OFF;
    if (begins(lexer, "ALTER SUBSCRIPTION % SET ("))
        return option_of(lexer, "FAILOVER") != ABSENT || option_of(lexer, "TWO_PHASE") != ABSENT;
    return false;
}

bool ll_pg_is_outside(ll_pg_lexer lexer)
{
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (begins(lexer, always[i]))
            return true;
    return is_outside_by_option(lexer);
}
