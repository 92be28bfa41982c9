/* leaselock migrate create: two empty files. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/migrate.h"
#include "cli/output.h"
#include "leaselock/config.h"

/* --path, else the configuration's folder, as a copy; NULL: told why. */
static char *directory_of(const struct options *options, int *code)
{
    leaselock_config *config = NULL;
    const char *path = options->path;
    *code = 0;
    if (!path && !options->config) {
        complain("the folder of the migrations is missing: --path or --config says which");
        *code = EXIT_USAGE;
    } else if (!path && leaselock_config_load(options->config, &config) != LEASELOCK_OK) {
        *code = exit_with_failure();
    } else if (!path) {
        path = leaselock_config_get(config, "db.migrations");
    }
    char *copy = *code == 0 ? strdup(path) : NULL;
    if (*code == 0 && !copy)
        *code = EX_OSERR;
    leaselock_config_free(config);
    return copy;
}

/* Where a file of the directory is. */
static void join(const char *directory, const char *file, char *path, size_t size)
{
    if (strncmp(directory, "file://", 7) == 0)
        directory += 7;
    size_t length = strlen(directory);
    bool ends = length > 0 && directory[length - 1] == '/';
    snprintf(path, size, "%s%s%s", length ? directory : ".", ends ? "" : "/", file);
}

static void print(const leaselock_migration_result *result, const char *directory, bool as_json)
{
    struct json json = {0};
    if (as_json) {
        json_open(&json, NULL, '{');
        json_number(&json, "version", leaselock_migration_result_to(result));
        json_open(&json, "files", '[');
    }
    for (size_t i = 0; i < leaselock_migration_result_count(result); i++) {
        char path[2 * PATH_MAX], escaped[4 * sizeof path];
        join(directory, leaselock_migration_result_file(result, i), path, sizeof path);
        output_escape(path, escaped);
        if (as_json)
            json_text(&json, NULL, path);
        else
            puts(escaped);
    }
    if (as_json) {
        json_close(&json, ']');
        json_close(&json, '}');
        json_end();
    }
}

static int create(const struct options *options)
{
    int code;
    leaselock_create_options how = {.struct_size = sizeof how, .numbering = options->numbering,
                                    .digits = (int)options->digits, .extension = options->extension};
    leaselock_migration_result *result = NULL;
    char *directory = directory_of(options, &code);
    if (code == 0 && leaselock_migrations_create(directory, options->operands[0], &how, &result) != LEASELOCK_OK)
        code = exit_with_failure();
    if (code == 0) {
        print(result, directory, options->json);
        code = output_finish();
    }
    leaselock_migration_result_free(result);
    free(directory);
    return code;
}

const struct command migrate_create = {.name = "create",
                                       .synopsis = "[OPTION]... NAME",
                                       .accepts = ACCEPT_PATH | ACCEPT_JSON | ACCEPT_NUMBERING,
                                       .operands_min = 1,
                                       .operands_max = 1,
                                       .run = create};
