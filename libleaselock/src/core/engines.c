#include "core/engines.h"

#include <string.h>

#include "util/error.h"
#include "util/text.h"
#include "util/url.h"

/* engines.def is written by the build from the folders of src/engines: ENGINE(memory) ENGINE(sqlite) … */
#define ENGINE(name) extern const leaselock_engine ll_engine_##name;
#include "engines.def"
#undef ENGINE

static const leaselock_engine *const engines[] = {
#define ENGINE(name) &ll_engine_##name,
#include "engines.def"
#undef ENGINE
};

static const size_t engine_count = sizeof engines / sizeof *engines;

static leaselock_status no_engine(const char *url)
{
    char known[128] = "";
    for (size_t i = 0; i < engine_count; i++)
        for (const char *const *scheme = engines[i]->schemes; *scheme; scheme++) {
            size_t used = strlen(known);
            ll_text_copy(known + used, sizeof known - used, used ? ", " : "");
            used = strlen(known);
            ll_text_copy(known + used, sizeof known - used, *scheme);
        }
    /* only the scheme is shown: the rest may hold a password */
    int shown = (int)strcspn(url, ":/@?");
    if (url[shown] != ':')
        return ll_error_set(LEASELOCK_SCHEME, "not a URL: it has to begin with a scheme and a colon, such as sqlite: "
                                              "(there are %s)", known);
    return ll_error_set(LEASELOCK_SCHEME, "no engine for %.*s: (there are %s)", shown > 32 ? 32 : shown, url, known);
}

leaselock_status ll_engine_for_url(const char *url, const leaselock_engine **out)
{
    for (size_t i = 0; i < engine_count; i++)
        for (const char *const *scheme = engines[i]->schemes; *scheme; scheme++)
            if (ll_url_has_scheme(url, *scheme)) {
                *out = engines[i];
                return LEASELOCK_OK;
            }
    return no_engine(url);
}
