#include <stdio.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "leaselock/common.h"

static int version(const struct options *options)
{
    if (options->json) {
        struct json json = {0};
        json_open(&json, NULL, '{');
        json_text(&json, "version", leaselock_version());
        json_close(&json, '}');
        json_end();
    } else {
        printf("leaselock %s\n", leaselock_version());
    }
    return output_finish();
}

const struct command command_version = {
    .name = "version",
    .summary = "print the version",
    .synopsis = "[OPTION]...",
    .accepts = ACCEPT_JSON,
    .run = version,
    .help = "DESCRIPTION\n"
            "  Prints the version of the library that is loaded.\n"
            "\n"
            "OPTIONS\n" HELP_JSON HELP_HELP,
};
