#include "engines/postgresql/target.h"

#include <string.h>

#include "engines/postgresql/libpq.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"
#include "util/url.h"

/* PostgreSQL's own limit of a name. */
enum { SCHEMA_MAX = 63 };

static leaselock_status take_schema(void *payload, const char *name, const char *value, bool *taken)
{
    ll_pg_target *target = payload;
    *taken = strcmp(name, "schema") == 0;
    if (!*taken)
        return LEASELOCK_OK;
    if (target->schema)
        return ll_error_set(LEASELOCK_INVALID, "the URL names the schema twice");
    size_t length = strlen(value);
    if (length == 0 || length > SCHEMA_MAX || !ll_text_is_utf8(value, length))
        return ll_error_set(LEASELOCK_INVALID, "a schema's name has 1 to %d bytes", SCHEMA_MAX);
    target->schema = ll_strdup(value);
    return target->schema ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

/*
 * As libpq reads it: whatever stands before an @ that comes before any slash is user and password, question marks
 * included.
 */
static char *skip_user(char *conninfo)
{
    char *authority = strstr(conninfo, "://");
    if (!authority)
        return NULL;
    authority += 3;
    size_t length = strcspn(authority, "@/");
    return authority[length] == '@' ? authority + length : authority;
}

/* Shows one option to the taker. What is malformed is libpq's to say. */
static leaselock_status show(const char *option, size_t length, const ll_pg_taker *taker, bool *taken)
{
    const char *equals = memchr(option, '=', length);
    *taken = false;
    if (!equals)
        return LEASELOCK_OK;
    char *name = NULL, *value = NULL, *coded = ll_format("%.*s", (int)(option + length - equals - 1), equals + 1);
    leaselock_status status = coded ? ll_url_decode(option, (size_t)(equals - option), &name) : LEASELOCK_NOMEM;
    for (char *at = coded; at && taker->plus_is_space && (at = strchr(at, '+')) != NULL;)
        *at = ' ';
    if (status == LEASELOCK_OK)
        status = ll_url_decode(coded, strlen(coded), &value);
    if (status == LEASELOCK_OK)
        status = taker->take(taker->payload, name, value, taken);
    ll_free(name);
    ll_free(value);
    ll_free(coded);
    return status;
}

/* Removes from the URL what the taker takes; all other options are libpq's. */
static leaselock_status take_options(ll_pg_target *target, const ll_pg_taker *taker)
{
    char *host = skip_user(target->conninfo), *to = host ? strchr(host, '?') : NULL;
    if (!to)
        return LEASELOCK_OK;
    char separator = '?';
    for (const char *from = to + 1; *from;) {
        size_t length = strcspn(from, "&");
        const char *next = from + length + (from[length] == '&');
        bool taken;
        leaselock_status status = show(from, length, taker, &taken);
        if (status != LEASELOCK_OK)
            return status;
        if (!taken) {
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

leaselock_status ll_pg_target_path(const ll_pg_target *target, char **out)
{
    const char *host = skip_user(target->conninfo), *path = host ? host + strcspn(host, "/?#") : "";
    *out = NULL;
    return *path == '/' ? ll_url_decode(path, strcspn(path, "?#"), out) : LEASELOCK_OK;
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
    if (strncmp(strchr(conninfo, ':'), "://", 3) != 0) /* libpq would take it for another form, and quote it */
        return ll_error_set(LEASELOCK_INVALID, "two slashes are missing in the URL: postgresql://host/database");
    char *message = NULL;
    PQconninfoOption *options = pq.PQconninfoParse(conninfo, &message);
    leaselock_status status = options ? LEASELOCK_OK : refuse(message);
    pq.PQconninfoFree(options);
    pq.PQfreemem(message);
    return status;
}

leaselock_status ll_pg_target_parse(const char *url, const ll_pg_taker *taker, ll_pg_target *out)
{
    ll_pg_target target = {.conninfo = ll_strdup(url)};
    if (!target.conninfo)
        return LEASELOCK_NOMEM;
    /* schemes compare without case, but not for libpq */
    for (char *at = target.conninfo; *at != ':'; at++)
        *at |= 0x20;
    const ll_pg_taker schema = {.take = take_schema, .payload = &target};
    leaselock_status status = take_options(&target, taker ? taker : &schema);
    if (status == LEASELOCK_OK)
        status = check(target.conninfo);
    if (status == LEASELOCK_OK)
        *out = target;
    else
        ll_pg_target_clear(&target);
    return status;
}

static bool copy_text(const char *text, char **out)
{
    *out = text ? ll_strdup(text) : NULL;
    return *out || !text;
}

leaselock_status ll_pg_target_copy(const ll_pg_target *target, ll_pg_target *out)
{
    ll_pg_target copy = {NULL, NULL, NULL};
    if (!copy_text(target->conninfo, &copy.conninfo) || !copy_text(target->schema, &copy.schema) ||
        !copy_text(target->settings, &copy.settings)) {
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
    ll_free(target->settings);
    memset(target, 0, sizeof *target);
}
