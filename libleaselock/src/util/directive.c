#include "util/directive.h"

#include <string.h>
#include <strings.h>

#include "util/error.h"
#include "util/position.h"

bool ll_directive_read(const char *text, size_t from, size_t to, ll_directive *out)
{
    static const char mark[] = "leaselock:";
    const char *at = text + from, *end = text + to;
    while (at < end && strchr(" \t", *at))
        at++;
    if ((size_t)(end - at) < strlen(mark) || strncasecmp(at, mark, strlen(mark)) != 0)
        return false;
    at += strlen(mark);
    while (at < end && strchr(" \t", *at))
        at++;
    while (end > at && strchr(" \t\r\n", end[-1]))
        end--;
    *out = (ll_directive){(size_t)(at - text), (size_t)(end - at)};
    return true;
}

bool ll_directive_is(const char *text, ll_directive directive, const char *name)
{
    return directive.length == strlen(name) && strncmp(text + directive.at, name, directive.length) == 0;
}

leaselock_status ll_directive_refuse(leaselock_script *script, ll_directive directive, const char *known)
{
    script->failed_at = directive.at + 1;
    ll_position position = ll_position_of(script->text, directive.at);
    int shown = directive.length > 60 ? 60 : (int)directive.length;
    return ll_error_set(LEASELOCK_BAD_MIGRATION, "%s:%lld:%lld: there is no directive \"%.*s\": %s", script->name,
                        (long long)position.line, (long long)position.column, shown, script->text + directive.at,
                        known);
}
