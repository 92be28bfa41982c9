/* Text rules shared by everything that takes ids or paths. */
#ifndef LL_UTIL_TEXT_H
#define LL_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "leaselock/common.h"

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool ll_text_is_utf8(const char *text, size_t length);

/* 1 to 255 bytes of UTF-8, else INVALID with a message that calls it `what`. */
leaselock_status ll_text_check_id(const char *text, const char *what);

/* 32 lower-case hexadecimal digits, else INVALID. */
leaselock_status ll_text_check_acquisition(const char *text);

/* Copies what fits, always terminated; NULL copies as "". */
void ll_text_copy(char *target, size_t size, const char *source);

#endif
