#include "util/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/hooks.h"
#include "util/error.h"

static void *system_allocate(size_t size, void *payload)
{
    (void)payload;
    return malloc(size);
}

static void *system_reallocate(void *memory, size_t size, void *payload)
{
    (void)payload;
    return realloc(memory, size);
}

static void system_release(void *memory, void *payload)
{
    (void)payload;
    free(memory);
}

static const leaselock_allocator system_allocator = {system_allocate, system_reallocate, system_release, NULL};
static leaselock_allocator current = {system_allocate, system_reallocate, system_release, NULL};

void leaselock_allocator_set(const leaselock_allocator *allocator)
{
    current = allocator ? *allocator : system_allocator;
}

void *ll_alloc(size_t size)
{
    void *memory = current.allocate(size, current.payload);
    if (!memory) {
        ll_error_set(LEASELOCK_NOMEM, "out of memory");
        return NULL;
    }
    return memset(memory, 0, size);
}

void *ll_realloc(void *memory, size_t size)
{
    void *moved = memory ? current.reallocate(memory, size, current.payload) : current.allocate(size, current.payload);
    if (!moved)
        ll_error_set(LEASELOCK_NOMEM, "out of memory");
    return moved;
}

char *ll_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = ll_alloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

char *ll_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = ll_alloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void ll_free(void *memory)
{
    if (memory)
        current.release(memory, current.payload);
}
