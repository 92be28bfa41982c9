#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>

static leaselock_log_fn sink;
static void *sink_payload;
static int sink_level;

void leaselock_log_set(leaselock_log_fn fn, void *payload, int level)
{
    sink = fn;
    sink_payload = payload;
    sink_level = level;
}

void ll_log(int level, const char *domain, const char *format, ...)
{
    if (!sink || level > sink_level)
        return;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    sink(level, domain, message, sink_payload);
}
