/* Forked children of a test. They leave by _exit and never assert: cmocka would go on with the next test. */
#ifndef SQLITE_CHILD_H
#define SQLITE_CHILD_H

#include <stdio.h>
#include <sys/types.h>

#include "support/check.h"

/* What a child does; 0 when all was well. */
typedef int (*child_act)(void *argument);

/* In a child: says what was not as expected, and ends it. */
#define expect(condition)                                                                   \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: in a child: not so: %s (%s: %s)\n", __FILE__, __LINE__, #condition, \
                    leaselock_error_name(leaselock_error_last()->code), leaselock_error_last()->message); \
            return 1;                                                                       \
        }                                                                                   \
    } while (0)

pid_t child_start(child_act act, void *argument);
/* Waits for the child and returns its exit status, 128 + the signal that killed it. */
int child_end(pid_t child);

/* Runs the act in a child, which has to end well. */
void in_child(child_act act, void *argument);
/* The same as a user without rights where this process is root. */
void in_child_without_rights(child_act act, void *argument);
/* Runs the act in `count` children that begin at the same moment; the argument is the child's number. */
void in_children_at_once(int count, child_act act);

/* Memory that the children share with the test, zeroed; it stays. */
void *shared_memory(size_t size);

#endif
