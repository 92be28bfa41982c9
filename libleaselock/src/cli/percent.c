#include "cli/percent.h"

#include <stdio.h>
#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/:._-@+";
static const char digits[] = "0123456789abcdef0123456789ABCDEF";

size_t percent_encode(const char *text, char *encoded)
{
    char *to = encoded;
    for (; *text; text++) {
        if (strchr(plain, *text) && !(*text == '-' && to == encoded))
            *to++ = *text;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*text);
    }
    *to = '\0';
    return (size_t)(to - encoded);
}

/* -1: no hexadecimal digit. */
static int digit(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

bool percent_decode(char *text)
{
    char *to = text;
    while (*text) {
        if (*text != '%') {
            *to++ = *text++;
            continue;
        }
        int high = digit(text[1]);
        int low = high >= 0 ? digit(text[2]) : -1;
        if (low < 0 || high + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        text += 3;
    }
    *to = '\0';
    return true;
}
