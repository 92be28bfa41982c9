/* Directives: what a comment in a migration says to the runner, as in "-- leaselock: no-transaction". */
#ifndef LL_UTIL_DIRECTIVE_H
#define LL_UTIL_DIRECTIVE_H

#include "leaselock/sys/engine.h"

typedef struct ll_directive {
    size_t at, length; /* without what marks it, and without the space around it */
} ll_directive;

/* The one in the comment between two offsets of the text; false where it is any other comment. */
bool ll_directive_read(const char *text, size_t from, size_t to, ll_directive *out);
bool ll_directive_is(const char *text, ll_directive directive, const char *name);
/* BAD_MIGRATION, with its place; `known` says which there are. */
leaselock_status ll_directive_refuse(leaselock_script *script, ll_directive directive, const char *known);

#endif
