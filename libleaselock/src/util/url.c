#include "util/url.h"

#include <string.h>
#include <strings.h>

#include "util/alloc.h"
#include "util/error.h"

bool ll_url_has_scheme(const char *url, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncasecmp(url, scheme, length) == 0 && url[length] == ':';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

leaselock_status ll_url_decode(const char *text, size_t length, char **out)
{
    char *decoded = ll_alloc(length + 1);
    if (!decoded)
        return LEASELOCK_NOMEM;
    char *to = decoded;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            *to++ = text[i];
            continue;
        }
        int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0)) {
            ll_free(decoded);
            return ll_error_set(LEASELOCK_INVALID, "malformed percent code in the URL");
        }
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *out = decoded;
    return LEASELOCK_OK;
}

static leaselock_status parse_option(const char *text, size_t length, ll_url *url)
{
    const char *equals = memchr(text, '=', length);
    if (!equals || equals == text)
        return ll_error_set(LEASELOCK_INVALID, "URL options are name=value");
    if (url->option_count == sizeof url->options / sizeof *url->options)
        return ll_error_set(LEASELOCK_INVALID, "too many options in the URL");
    ll_url_option *option = &url->options[url->option_count++];
    size_t name_length = (size_t)(equals - text);
    leaselock_status status = ll_url_decode(text, name_length, &option->name);
    if (status == LEASELOCK_OK)
        status = ll_url_decode(equals + 1, length - name_length - 1, &option->value);
    return status;
}

leaselock_status ll_url_parse(const char *url, ll_url *out)
{
    ll_url parsed = {0};
    const char *path = strchr(url, ':') + 1;
    if (strncmp(path, "//", 2) == 0) {
        path += 2;
        if (*path != '/')
            return ll_error_set(LEASELOCK_INVALID,
                                "two slashes name a host: a relative path has none before it, an absolute one three");
    }
    size_t length = strcspn(path, "?");
    leaselock_status status = ll_url_decode(path, length, &parsed.path);
    const char *options = path[length] ? path + length + 1 : path + length;
    while (status == LEASELOCK_OK && *options) {
        size_t end = strcspn(options, "&");
        status = parse_option(options, end, &parsed);
        options += end + (options[end] == '&');
    }
    if (status == LEASELOCK_OK)
        *out = parsed;
    else
        ll_url_clear(&parsed);
    return status;
}

void ll_url_clear(ll_url *url)
{
    ll_free(url->path);
    for (size_t i = 0; i < url->option_count; i++) {
        ll_free(url->options[i].name);
        ll_free(url->options[i].value);
    }
    memset(url, 0, sizeof *url);
}
