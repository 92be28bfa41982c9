/* Percent codes: any text as one word that neither a shell nor a URL takes apart. */
#ifndef CLI_PERCENT_H
#define CLI_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Letters, digits and / : . _ - @ + stay, but not a - at the beginning: it would look like an option.
 * `encoded` has room for 3 × the length + 1. Returns the length.
 */
size_t percent_encode(const char *text, char *encoded);

/* Decodes in place; false for what is no code, or a NUL. */
bool percent_decode(char *text);

#endif
