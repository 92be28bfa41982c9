#include "util/position.h"

#include <string.h>

ll_position ll_position_of(const char *text, size_t offset)
{
    ll_position position = {1, 1, text};
    const char *at = text + offset;
    for (const char *end; (end = memchr(position.start, '\n', (size_t)(at - position.start))) != NULL; position.line++)
        position.start = end + 1;
    if (position.line == 1 && offset >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        position.start += 3; /* a byte order mark is no character */
    for (const char *byte = position.start; byte < at; byte++)
        position.column += ((unsigned char)*byte & 0xC0) != 0x80;
    return position;
}
