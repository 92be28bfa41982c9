/* What golang-migrate and the drivers it is built with read from a URL. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engines/postgresql/migrate.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

typedef struct ll_reading {
    ll_pg_migrating *migrating;
    char *settings;          /* libpq's "options" */
    PQconninfoOption *known; /* to libpq */
} ll_reading;

/* Go's strconv.ParseBool; "" leaves *out as it is. */
static leaselock_status read_switch(const char *name, const char *value, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < 6; i++)
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *out = strcmp(value, yes[i]) == 0;
            return LEASELOCK_OK;
        }
    return value[0] ? ll_error_set(LEASELOCK_INVALID, "%s is true or false", name) : LEASELOCK_OK;
}

static leaselock_status read_number(const char *name, const char *value, int64_t *out)
{
    char *end;
    long long number = strtoll(value, &end, 10);
    if (*end || number < 0 || number > INT32_MAX)
        return ll_error_set(LEASELOCK_INVALID, "%s is a whole number", name);
    *out = number;
    return LEASELOCK_OK;
}

/* Whoever keeps others out by a table's row does not look at the locks that we take. */
static leaselock_status read_strategy(const char *value)
{
    if (!value[0] || strcmp(value, "advisory") == 0)
        return LEASELOCK_OK;
    return ll_error_set(LEASELOCK_INVALID,
                        "x-lock-strategy=%.32s: only advisory locks are taken here, and runners that lock by "
                        "a table would not be kept out",
                        value);
}

/* The x-… of other databases and of later versions mean nothing here, as in golang-migrate. */
static leaselock_status read_ours(const char *name, const char *value, ll_pg_migrating *migrating)
{
    int64_t unused;
    if (strcmp(name, "x-migrations-table") == 0) {
        ll_free(migrating->given_table);
        migrating->given_table = ll_strdup(value);
        return migrating->given_table ? LEASELOCK_OK : LEASELOCK_NOMEM;
    }
    if (strcmp(name, "x-migrations-table-quoted") == 0)
        return read_switch(name, value, &migrating->given_quoted);
    if (strcmp(name, "x-statement-timeout") == 0)
        return read_number(name, value, &migrating->statement_timeout_ms);
    if (strcmp(name, "x-multi-statement") == 0)
        return read_switch(name, value, &migrating->one_by_one);
    if (strcmp(name, "x-multi-statement-max-size") == 0) /* of a buffer that is not needed here */
        return read_number(name, value, &unused);
    return strcmp(name, "x-lock-strategy") == 0 ? read_strategy(value) : LEASELOCK_OK;
}

/* Of Go's drivers, about how they talk; what they ask for is so here, or makes no difference. */
static bool is_without_effect(const char *name)
{
    static const char *const names[] = {"binary_parameters",
                                        "default_query_exec_mode",
                                        "prefer_simple_protocol",
                                        "statement_cache_mode",
                                        "statement_cache_capacity",
                                        "description_cache_capacity",
                                        "schema"}; /* where the tables of leases are */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "pool_", 5) == 0;
}

static bool is_known(const PQconninfoOption *known, const char *name)
{
    /* libpq reads this one for the sake of JDBC */
    for (; known->keyword; known++)
        if (strcmp(known->keyword, name) == 0)
            return true;
    return strcmp(name, "ssl") == 0;
}

static bool is_setting(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    return length > 0 && !name[length] && !isdigit((unsigned char)name[0]);
}

/* Words before and behind those that are there. */
static leaselock_status join_settings(ll_reading *reading, const char *before, const char *behind)
{
    char *joined = ll_format("%s%s%s", before, before[0] && behind[0] ? " " : "", behind);
    if (!joined)
        return LEASELOCK_NOMEM;
    ll_free(reading->settings);
    reading->settings = joined;
    return LEASELOCK_OK;
}

/* A word in which a space or a backslash has a backslash before it. */
static leaselock_status add_setting(ll_reading *reading, const char *name, const char *value)
{
    char *escaped = ll_alloc(2 * strlen(value) + 1), *to = escaped;
    for (; escaped && *value; *to++ = *value++)
        if (isspace((unsigned char)*value) || *value == '\\')
            *to++ = '\\';
    char *setting = escaped ? ll_format("-c %s=%s", name, escaped) : NULL;
    leaselock_status status =
        setting ? join_settings(reading, reading->settings ? reading->settings : "", setting) : LEASELOCK_NOMEM;
    ll_free(setting);
    ll_free(escaped);
    return status;
}

/* As Go's drivers have it, what is nobody's option is a setting of the server: search_path, statement_timeout, … */
static leaselock_status take(void *payload, const char *name, const char *value, bool *taken)
{
    ll_reading *reading = payload;
    *taken = true;
    if (strncmp(name, "x-", 2) == 0)
        return read_ours(name, value, reading->migrating);
    if (is_without_effect(name))
        return LEASELOCK_OK;
    if (strcmp(name, "options") == 0)
        return join_settings(reading, value, reading->settings ? reading->settings : "");
    *taken = !is_known(reading->known, name) && is_setting(name);
    return *taken ? add_setting(reading, name, value) : LEASELOCK_OK;
}

leaselock_status ll_pg_migrate_parse(const char *url, ll_pg_migrating *migrating, ll_pg_target *target)
{
    ll_reading reading = {.migrating = migrating, .known = pq.PQconninfoParse("", NULL)};
    if (!reading.known)
        return ll_error_set(LEASELOCK_NOMEM, "out of memory");
    const ll_pg_taker taker = {.take = take, .payload = &reading, .plus_is_space = true};
    leaselock_status status = ll_pg_target_parse(url, &taker, target);
    pq.PQconninfoFree(reading.known);
    if (status == LEASELOCK_OK)
        target->settings = reading.settings;
    else
        ll_free(reading.settings);
    return status;
}
