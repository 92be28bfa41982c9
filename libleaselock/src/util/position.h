/* Lines and columns of a text. */
#ifndef LL_UTIL_POSITION_H
#define LL_UTIL_POSITION_H

#include "leaselock/common.h"

typedef struct ll_position {
    int64_t line;      /* from 1 */
    int64_t column;    /* from 1, in characters of UTF-8 */
    const char *start; /* of the line */
} ll_position;

ll_position ll_position_of(const char *text, size_t offset);

#endif
