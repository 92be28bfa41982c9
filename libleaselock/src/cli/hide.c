#include "cli/hide.h"

#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"

/* Kept until the process ends. Of an option that is given twice, the last one counts. */
static char *copy;

static void mask(char *from, const char *end)
{
    while (from < end)
        *from++ = '*';
}

/* Whatever stands between the first colon after the slashes and the last @: a password may have any character. */
static void mask_user(char *url)
{
    char *host = strstr(url, "://");
    char *at = host ? strrchr(host, '@') : NULL;
    char *colon = at ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;
    if (colon)
        mask(colon + 1, at);
}

/* password=, sslpassword=, and what else is named so. */
static void mask_options(char *url)
{
    static const char name[] = "password=";
    for (char *value = strcasestr(url, name); value; value = strcasestr(value, name)) {
        value += strlen(name);
        mask(value, value + strcspn(value, "&"));
    }
}

const char *hide_password(char *argument)
{
    free(copy);
    copy = strdup(argument);
    if (!copy) {
        complain("not enough memory to hide the URL's password");
        return argument;
    }
    mask_user(argument);
    mask_options(argument);
    return copy;
}
