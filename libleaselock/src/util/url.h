/* Taking URLs of databases apart. */
#ifndef LL_UTIL_URL_H
#define LL_UTIL_URL_H

#include <stdbool.h>

#include "leaselock/common.h"

/* True when the URL begins with `scheme` and a colon (schemes compare without case, RFC 3986 §3.1). */
bool ll_url_has_scheme(const char *url, const char *scheme);

/* A URL without authority: scheme:path?option=value&…, path and values percent-decoded. */
typedef struct ll_url_option {
    char *name, *value;
} ll_url_option;

typedef struct ll_url {
    char *path;
    ll_url_option options[8];
    size_t option_count;
} ll_url;

/*
 * sqlite:PATH and sqlite:///abs/path: an empty authority is dropped, any other is INVALID, and so are
 * malformed or NUL percent codes and more options than there is room for.
 */
leaselock_status ll_url_parse(const char *url, ll_url *out);
void ll_url_clear(ll_url *url);

/* Percent-decodes text[0..length) into new memory; INVALID for malformed codes and NUL. */
leaselock_status ll_url_decode(const char *text, size_t length, char **out);

#endif
