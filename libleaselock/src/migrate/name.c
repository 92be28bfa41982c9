#include "migrate/name.h"

#include <string.h>

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The expression is greedy: the last direction in the name decides. */
static const char *last_direction(const char *text)
{
    const char *found = NULL;
    for (; (text = strchr(text, '.')) != NULL; text++)
        if (starts_with(text, ".up.") || starts_with(text, ".down."))
            found = text;
    return found;
}

/* The digits' value; false where it does not fit 64 bits. */
static bool read_number(const char *digits, size_t length, uint64_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digits[i] - '0'), &number))
            return false;
    *out = number;
    return true;
}

ll_name_kind ll_name_parse(const char *name, ll_name *out)
{
    size_t digits = strspn(name, "0123456789");
    if (digits == 0 || name[digits] != '_' || strchr(name, '\n')) /* '.' of the expression is not a line end */
        return LL_NAME_OTHER;
    const char *title = name + digits + 1;
    const char *direction = last_direction(title);
    uint64_t version;
    if (!direction || !read_number(name, digits, &version))
        return LL_NAME_OTHER;
    if (version > INT64_MAX)
        return LL_NAME_TOO_LARGE;
    out->version = (int64_t)version;
    out->title = title;
    out->title_length = (size_t)(direction - title);
    out->up = starts_with(direction, ".up.");
    return LL_NAME_MIGRATION;
}
