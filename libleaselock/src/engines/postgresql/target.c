#include "engines/postgresql/target.h"

#include <string.h>

#include "engines/postgresql/libpq.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"
#include "util/url.h"

/* PostgreSQL's own limit of a name. */
enum { SCHEMA_MAX = 63 };

static leaselock_status set_schema(const char *text, size_t length, ll_pg_target *target)
{
    if (target->schema)
        return ll_error_set(LEASELOCK_INVALID, "the URL names the schema twice");
    leaselock_status status = ll_url_decode(text, length, &target->schema);
    if (status != LEASELOCK_OK)
        return status;
    length = strlen(target->schema);
    if (length == 0 || length > SCHEMA_MAX || !ll_text_is_utf8(target->schema, length))
        return ll_error_set(LEASELOCK_INVALID, "a schema's name has 1 to %d bytes", SCHEMA_MAX);
    return LEASELOCK_OK;
}

/* As libpq reads it: whatever stands before an @ that comes before any slash is user and password, question marks included. */
static char *find_options(char *conninfo)
{
    char *authority = strstr(conninfo, "://");
    if (!authority)
        return NULL;
    authority += 3;
    size_t length = strcspn(authority, "@/");
    return strchr(authority[length] == '@' ? authority + length : authority, '?');
}

/* Moves schema=… from the URL's options to the target; all others are libpq's. */
static leaselock_status take_options(ll_pg_target *target)
{
    char *to = find_options(target->conninfo);
    if (!to)
        return LEASELOCK_OK;
    char separator = '?';
    for (const char *from = to + 1; *from;) {
        size_t length = strcspn(from, "&");
        const char *next = from + length + (from[length] == '&');
        if (strncmp(from, "schema=", 7) == 0) {
            leaselock_status status = set_schema(from + 7, length - 7, target);
            if (status != LEASELOCK_OK)
                return status;
        } else {
            *to++ = separator;
            memmove(to, from, length);
            to += length;
            separator = '&';
        }
        from = next;
    }
    *to = '\0';
    return LEASELOCK_OK;
}

/* What libpq quotes can be a part of the password, but for the name of an option. */
static leaselock_status refuse(const char *message)
{
    bool about_option = message && strstr(message, "URI query parameter") && !strstr(message, "://");
    int shown = message ? (int)strcspn(message, about_option ? "\n" : "\"\n") : 0;
    return ll_error_set(LEASELOCK_INVALID, "libpq cannot read the URL: %.*s", shown, message ? message : "");
}

static leaselock_status check(const char *conninfo)
{
    char *message = NULL;
    PQconninfoOption *options = pq.PQconninfoParse(conninfo, &message);
    leaselock_status status = options ? LEASELOCK_OK : refuse(message);
    pq.PQconninfoFree(options);
    pq.PQfreemem(message);
    return status;
}

leaselock_status ll_pg_target_parse(const char *url, ll_pg_target *out)
{
    ll_pg_target target = {.conninfo = ll_strdup(url)};
    if (!target.conninfo)
        return LEASELOCK_NOMEM;
    /* schemes compare without case, but not for libpq */
    for (char *at = target.conninfo; *at != ':'; at++)
        *at |= 0x20;
    leaselock_status status = take_options(&target);
    if (status == LEASELOCK_OK)
        status = check(target.conninfo);
    if (status == LEASELOCK_OK)
        *out = target;
    else
        ll_pg_target_clear(&target);
    return status;
}

leaselock_status ll_pg_target_copy(const ll_pg_target *target, ll_pg_target *out)
{
    ll_pg_target copy = {ll_strdup(target->conninfo), target->schema ? ll_strdup(target->schema) : NULL};
    if (!copy.conninfo || (target->schema && !copy.schema)) {
        ll_pg_target_clear(&copy);
        return LEASELOCK_NOMEM;
    }
    *out = copy;
    return LEASELOCK_OK;
}

void ll_pg_target_clear(ll_pg_target *target)
{
    ll_free(target->conninfo);
    ll_free(target->schema);
    memset(target, 0, sizeof *target);
}
