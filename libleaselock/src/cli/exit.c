#include "cli/exit.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/signals.h"

enum { PATIENCE_MS = 100 };

void complain(const char *format, ...)
{
    char message[1024], line[4 * sizeof message + 16] = "leaselock: ";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t length = strlen(line);
    length += output_escape(message, line + length);
    line[length++] = '\n';
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, PATIENCE_MS) == 1 && write(STDERR_FILENO, line, length) < 0)
        return; /* there is nobody left to tell */
}

int exit_code_of(leaselock_status status)
{
    switch (status) {
    case LEASELOCK_OK:
        return 0;
    case LEASELOCK_INVALID:
    case LEASELOCK_SCHEME:
        return EX_USAGE;
    case LEASELOCK_NOT_A_DATABASE:
    case LEASELOCK_CORRUPT:
    case LEASELOCK_FOREIGN_TABLES:
    case LEASELOCK_EXHAUSTED:
    case LEASELOCK_VERSION_ROWS:
    case LEASELOCK_BAD_VERSION:
    case LEASELOCK_DUPLICATE_MIGRATION:
    case LEASELOCK_BAD_MIGRATION:
        return EX_DATAERR;
    case LEASELOCK_NOT_FOUND:
    case LEASELOCK_DIRECTORY:
    case LEASELOCK_NO_MIGRATION:
    case LEASELOCK_UNKNOWN_VERSION:
        return EX_NOINPUT;
    case LEASELOCK_UNAVAILABLE:
        return EX_UNAVAILABLE;
    case LEASELOCK_NOMEM:
    case LEASELOCK_CLOCK:
    case LEASELOCK_NETWORK_FILE_SYSTEM:
        return EX_OSERR;
    case LEASELOCK_IO:
    case LEASELOCK_FULL:
    case LEASELOCK_MOVED:
        return EXIT_IO;
    case LEASELOCK_BUSY:
    case LEASELOCK_MIGRATION_CONFLICT:
        return EXIT_BUSY;
    case LEASELOCK_LOST:
    case LEASELOCK_RELEASED:
        return EXIT_LOST;
    case LEASELOCK_PERMISSION:
    case LEASELOCK_READ_ONLY:
        return EX_NOPERM;
    case LEASELOCK_NEWER_DATABASE:
    case LEASELOCK_NO_TABLES:
    case LEASELOCK_CONFIG:
    case LEASELOCK_SECRET:
        return EX_CONFIG;
    case LEASELOCK_DIRTY:
        return EXIT_DIRTY;
    case LEASELOCK_MIGRATION_FAILED:
        return EXIT_FAILED;
    default:
        return EX_SOFTWARE;
    }
}

int exit_with_failure(void)
{
    const leaselock_error *error = leaselock_error_last();
    if (error->code == LEASELOCK_INTERRUPTED && signals_caught())
        return EXIT_SIGNAL + signals_caught();
    if (error->code == LEASELOCK_BUSY)
        complain("%s (sequence %lld, %.1f s left)", error->message, (long long)error->sequence,
                 (double)error->remaining_ms / 1000);
    else
        complain("%s", error->message);
    return exit_code_of(error->code);
}
