/* New, empty migration files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "migrate/create.h"
#include "migrate/directory.h"
#include "migrate/result.h"
#include "migrate/source.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"

enum { DIGITS_DEFAULT = 6, DIGITS_MAX = 19 };

static leaselock_status check(const char *directory, const char *title, leaselock_create_options *options)
{
    if (!directory || !title)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", directory ? "title" : "directory");
    if (!title[0] || strpbrk(title, "/\n"))
        return ll_error_set(LEASELOCK_INVALID, "the title is empty, or has a slash or a line end in it");
    if (options->numbering < LEASELOCK_NUMBERING_SEQUENCE || options->numbering > LEASELOCK_NUMBERING_UNIX)
        return ll_error_set(LEASELOCK_INVALID, "there is no such numbering");
    if (options->digits == 0)
        options->digits = DIGITS_DEFAULT;
    if (options->digits < 1 || options->digits > DIGITS_MAX)
        return ll_error_set(LEASELOCK_INVALID, "a sequence has 1 to %d digits", DIGITS_MAX);
    if (!options->extension || !options->extension[0])
        options->extension = "sql";
    options->extension += options->extension[0] == '.';
    /* a direction in the extension would turn the one before it into a part of the title */
    if (strpbrk(options->extension, "/\n.") || strcmp(options->extension, "") == 0)
        return ll_error_set(LEASELOCK_INVALID, "the extension is one word, such as sql");
    return LEASELOCK_OK;
}

/* mkdir -p. */
static leaselock_status make_directory(const char *path)
{
    char *made = ll_strdup(path);
    if (!made)
        return LEASELOCK_NOMEM;
    leaselock_status status = LEASELOCK_OK;
    for (char *at = made + 1; status == LEASELOCK_OK; at++) {
        char end = *at;
        if (end != '/' && end != '\0')
            continue;
        *at = '\0';
        if (mkdir(made, 0777) != 0 && errno != EEXIST)
            status = ll_file_fail(made);
        *at = end;
        if (end == '\0')
            break;
    }
    ll_free(made);
    return status;
}

/* The version's text: sequence numbers follow the highest there is, wherever it comes from. */
static leaselock_status next_version(const leaselock_migration_source *source, const leaselock_create_options *options,
                                     char text[32])
{
    time_t now = (time_t)(ll_clock_wall() / 1000);
    if (options->numbering == LEASELOCK_NUMBERING_UNIX) {
        snprintf(text, 32, "%lld", (long long)now);
        return LEASELOCK_OK;
    }
    if (options->numbering == LEASELOCK_NUMBERING_TIME) {
        struct tm utc;
        return gmtime_r(&now, &utc) && strftime(text, 32, "%Y%m%d%H%M%S", &utc) > 0
                   ? LEASELOCK_OK
                   : ll_error_set(LEASELOCK_INTERNAL, "the clock's time has no date");
    }
    int64_t last = source->count ? source->migrations[source->count - 1].version : 0;
    int length =
        last == INT64_MAX ? DIGITS_MAX + 1 : snprintf(text, 32, "%0*lld", options->digits, (long long)last + 1);
    if (length > options->digits)
        return ll_error_set(LEASELOCK_INVALID,
                            "next sequence number after %lld too large, at most %d digits are allowed", (long long)last,
                            options->digits);
    return LEASELOCK_OK;
}

static leaselock_status create_file(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return errno == EEXIST ? ll_error_set(LEASELOCK_DUPLICATE_MIGRATION, "%s is there already", path)
                               : ll_file_fail(path);
    close(descriptor);
    return LEASELOCK_OK;
}

/* One of the pair; *path is its path, also where it could not be made. */
static leaselock_status create_half(const char *directory, const char *file, const char *title,
                                    leaselock_migration_result *result, char **path)
{
    leaselock_status status = file ? ll_result_reserve(result, title, file) : LEASELOCK_NOMEM;
    *path = status == LEASELOCK_OK ? ll_format("%s/%s", directory, file) : NULL;
    return *path ? create_file(*path) : LEASELOCK_NOMEM;
}

/* Both files, or none: the first one's path is kept, so that it can be removed without memory. */
static leaselock_status create_pair(const char *directory, const char *version, const char *title,
                                    const char *extension, leaselock_migration_result *result)
{
    int64_t number = strtoll(version, NULL, 10);
    char *paths[2] = {NULL, NULL};
    leaselock_status status = LEASELOCK_OK;
    for (int i = 0; i < 2 && status == LEASELOCK_OK; i++) {
        char *file = ll_format("%s_%s.%s.%s", version, title, i ? "down" : "up", extension);
        status = create_half(directory, file, title, result, &paths[i]);
        ll_free(file);
        if (status == LEASELOCK_OK)
            ll_result_add(result, number, i == 0, 0);
    }
    if (status != LEASELOCK_OK && result->count > 0)
        unlink(paths[0]);
    ll_free(paths[0]);
    ll_free(paths[1]);
    result->kind = LEASELOCK_MIGRATION_DONE;
    result->to = number;
    return status;
}

static leaselock_status create(const char *directory, const char *title, const leaselock_create_options *options,
                               leaselock_migration_result *result)
{
    leaselock_migration_source *source = NULL;
    char version[32];
    leaselock_status status = make_directory(directory);
    if (status == LEASELOCK_OK)
        status = ll_source_open_directory(directory, &source);
    if (status == LEASELOCK_OK)
        status = next_version(source, options, version);
    if (status == LEASELOCK_OK && ll_source_find(source, strtoll(version, NULL, 10)) >= 0)
        status = ll_error_set(LEASELOCK_DUPLICATE_MIGRATION, "duplicate migration version: %s", version);
    if (status == LEASELOCK_OK)
        status = create_pair(directory, version, title, options->extension, result);
    leaselock_migration_source_free(source);
    return status;
}

leaselock_status ll_create(const char *directory, const char *title, leaselock_create_options *options,
                           leaselock_migration_result **out)
{
    leaselock_status status = check(directory, title, options);
    leaselock_migration_result *result = status == LEASELOCK_OK ? ll_result_new() : NULL;
    if (!result)
        return status == LEASELOCK_OK ? LEASELOCK_NOMEM : status;
    status = create(ll_directory_path(directory), title, options, result);
    if (status == LEASELOCK_OK && out)
        *out = result;
    else
        leaselock_migration_result_free(result);
    return status;
}
