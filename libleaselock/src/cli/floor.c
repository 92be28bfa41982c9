#include <stdio.h>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"

static void print(int64_t in_force, const struct options *options)
{
    if (!options->json) {
        printf("%lld\n", (long long)in_force);
        return;
    }
    struct json json = {0};
    json_open(&json, NULL, '{');
    json_number(&json, "floor", in_force);
    json_close(&json, '}');
    json_end();
}

/* Raising to 0 changes nothing and tells the floor in force. */
static int raise_floor(const struct options *options)
{
    int64_t wanted = 0, in_force;
    if (options->operand_count > 0 && !options_read_number(options->operands[0], &wanted)) {
        complain("\"%s\" is not a number from 0 to 2^62", options->operands[0]);
        return EXIT_USAGE;
    }
    leaselock_lock *lock = NULL;
    int code = database_open(options, &lock);
    if (code == 0 && leaselock_lock_raise_floor(lock, wanted, &in_force) != LEASELOCK_OK)
        code = exit_with_failure();
    if (code == 0) {
        print(in_force, options);
        code = output_finish();
    }
    database_close(lock, NULL);
    return code;
}

const struct command command_floor = {
    .name = "floor",
    .summary = "raise the floor of all sequences",
    .synopsis = "[OPTION]... [N]",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_JSON,
    .operands_max = 1,
    .run = raise_floor,
    .help = "DESCRIPTION\n"
            "  From now on every new sequence of the database is greater than N, a number\n"
            "  up to 2^62. Prints the floor that is now in force: it only ever rises, so a\n"
            "  smaller N changes nothing, and without N it is only printed. Leases that\n"
            "  are held stay what they are.\n"
            "\n"
            "  This is for after a database was restored from an older copy, or lost its\n"
            "  last commits: take a number greater than any sequence that was handed out\n"
            "  before, so that whatever compares sequences never sees one twice.\n"
            "\n"
            "OPTIONS\n" HELP_DB HELP_JSON HELP_HELP
            "\n"
            "EXAMPLES\n"
            "  leaselock floor --db sqlite:leases.db 1000000\n",
};
