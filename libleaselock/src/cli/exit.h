/* Exit codes, and how a failure is told. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include <sysexits.h>

#include "leaselock/error.h"

enum {
    EXIT_USAGE = EX_USAGE,
    EXIT_BUSY = EX_TEMPFAIL,
    EXIT_LOST = EX_PROTOCOL, /* 76: no code of sysexits.h says it better */
    EXIT_IO = EX_IOERR,
    /* of migrations; sysexits.h ends with 78 */
    EXIT_DIRTY = 79,
    EXIT_FAILED = 80,
    EXIT_SHORT = 81,
    EXIT_STOPPED = 82,
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNAL = 128 /* + its number */
};

/* One line on standard error. It never waits long: whoever holds a lease must not hang on a full pipe. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

int exit_code_of(leaselock_status status);

/*
 * Tells what the library failed at last, and returns the exit code for it. A signal that ended a wait needs no words.
 */
int exit_with_failure(void);

#endif
