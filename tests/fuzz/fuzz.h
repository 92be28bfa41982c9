/* What libFuzzer calls, and replay.c in its place. A target that finds something wrong aborts. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(condition)  \
    do {                    \
        if (!(condition))   \
            abort();        \
    } while (0)

/* The input as a text, cut at its first NUL; yours to free. */
static inline char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
