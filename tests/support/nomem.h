/* Calls whose every allocation fails: once, and from there on. The program has installed the allocator. */
#ifndef SUPPORT_NOMEM_H
#define SUPPORT_NOMEM_H

#include "support/check.h"

/* A call under test, and how what it made is put away again. */
typedef struct nomem_call {
    const char *name;
    leaselock_status (*run)(void);
    void (*undo)(void);      /* after a call that had its memory; may be NULL */
    leaselock_status status; /* what the call answers then */
} nomem_call;

/*
 * Whichever allocation it is, the answer is NOMEM, also in the record, and nothing is left. Then once more with memory,
 * for what the call answers.
 */
void nomem_fail_each(const nomem_call *call, bool lasting);

#endif
