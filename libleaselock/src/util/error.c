#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

static _Thread_local leaselock_error last;

/* A record that is unset is most often still unset: clearing it must cost nothing. */
void ll_error_clear(void)
{
    if (last.code != LEASELOCK_OK)
        memset(&last, 0, sizeof last);
}

static leaselock_status set(leaselock_status code, int native_code, const char *format, va_list arguments)
{
    memset(&last, 0, sizeof last);
    last.code = code;
    last.native_code = native_code;
    vsnprintf(last.message, sizeof last.message, format, arguments);
    return code;
}

leaselock_status ll_error_set(leaselock_status code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(code, 0, format, arguments);
    va_end(arguments);
    return code;
}

leaselock_status ll_error_set_native(leaselock_status code, int native_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(code, native_code, format, arguments);
    va_end(arguments);
    return code;
}

void ll_error_set_holder(const char *resource, const char *holder, int64_t sequence, int64_t remaining_ms)
{
    ll_text_copy(last.resource, sizeof last.resource, resource);
    ll_text_copy(last.holder, sizeof last.holder, holder);
    last.sequence = sequence;
    last.remaining_ms = remaining_ms;
}

void ll_error_save(leaselock_error *copy)
{
    *copy = last;
}

leaselock_status ll_error_restore(const leaselock_error *copy)
{
    last = *copy;
    return last.code;
}

const leaselock_error *leaselock_error_last(void)
{
    return &last;
}

const char *leaselock_error_name(leaselock_status code)
{
    switch (code) {
    case LEASELOCK_OK:
        return "OK";
#define LEASELOCK_ERROR(name, value, message, exception) \
    case value:                                          \
        return #name;
#include "leaselock/error.def"
#undef LEASELOCK_ERROR
    default:
        return "UNKNOWN";
    }
}

const char *leaselock_error_text(leaselock_status code)
{
    switch (code) {
    case LEASELOCK_OK:
        return "no error";
#define LEASELOCK_ERROR(name, value, message, exception) \
    case value:                                          \
        return message;
#include "leaselock/error.def"
#undef LEASELOCK_ERROR
    default:
        return "unknown code";
    }
}
