#include "core/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/alloc.h"
#include "util/error.h"

/* Everything that is not unreserved (RFC 3986 §2.3), or a slash where that may stay. */
static char *encode(const char *text, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    char *encoded = ll_alloc(3 * strlen(text) + 1);
    char *to = encoded;
    for (; encoded && *text; text++) {
        if (strchr(plain, *text) || (keep_slashes && *text == '/')) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[(unsigned char)*text >> 4];
        *to++ = digits[(unsigned char)*text & 15];
    }
    return encoded;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    ll_free(text);
}

void ll_target_free(char *url)
{
    wipe(url);
}

/* A secret, encoded for a URL. */
static leaselock_status read_secret(leaselock_secrets *secrets, const char *name, char **out)
{
    char value[LEASELOCK_SECRET_MAX + 1];
    leaselock_status status = leaselock_secrets_get(secrets, name, value, sizeof value);
    if (status == LEASELOCK_OK) {
        *out = encode(value, false);
        status = *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
    }
    explicit_bzero(value, sizeof value);
    return status;
}

static leaselock_status server_url(const leaselock_config *config, leaselock_secrets *secrets, char **out)
{
    char *user = NULL, *password = NULL;
    leaselock_status status = secrets ? read_secret(secrets, "POSTGRES_USER", &user) : LEASELOCK_OK;
    if (status == LEASELOCK_OK && secrets)
        status = read_secret(secrets, "POSTGRES_PASSWORD", &password);
    char *host = encode(leaselock_config_get(config, "db.host"), false);
    char *name = encode(leaselock_config_get(config, "db.dbname"), false);
    if (status == LEASELOCK_OK) {
        *out = host && name ? ll_format("%s://%s%s%s%s%s:%s/%s", leaselock_config_get(config, "db.engine"),
                                        user ? user : "", password ? ":" : "", password ? password : "",
                                        user ? "@" : "", host, leaselock_config_get(config, "db.port"), name)
                            : NULL;
        status = *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
    }
    ll_free(host);
    ll_free(name);
    wipe(user);
    wipe(password);
    return status;
}

leaselock_status ll_target_url(const leaselock_config *config, leaselock_secrets *secrets, char **out)
{
    const char *url = leaselock_config_get(config, "db.url"), *engine = leaselock_config_get(config, "db.engine");
    if (!url && strcmp(engine, "sqlite") != 0 && strcmp(engine, "memory") != 0)
        return server_url(config, secrets, out);
    if (url) {
        *out = ll_strdup(url);
    } else { /* dbname is a path, or the name of a database in memory */
        char *path = encode(leaselock_config_get(config, "db.dbname"), true);
        *out = path ? ll_format("%s:%s", engine, path) : NULL;
        ll_free(path);
    }
    return *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

static int64_t milliseconds(const leaselock_config *config, const char *key)
{
    return llround(strtod(leaselock_config_get(config, key), NULL) * 1000.0);
}

static bool is_on(const leaselock_config *config, const char *key)
{
    return strcasecmp(leaselock_config_get(config, key), "true") == 0;
}

leaselock_status leaselock_lock_open_config(const leaselock_config *config, leaselock_secrets *secrets,
                                            leaselock_lock **out)
{
    ll_error_clear();
    if (!config || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", config ? "out" : "config");
    char *url = NULL;
    leaselock_status status = ll_target_url(config, secrets, &url);
    leaselock_lock_options options = {.struct_size = sizeof options,
                                      .client = leaselock_config_get(config, "lock.client_id"),
                                      .ttl_ms = milliseconds(config, "lock.ttl"),
                                      .operation_ms = milliseconds(config, "lock.operation"),
                                      .no_install = !is_on(config, "lock.install")};
    if (status == LEASELOCK_OK)
        status = leaselock_lock_open(url, &options, out);
    ll_target_free(url);
    return status;
}
