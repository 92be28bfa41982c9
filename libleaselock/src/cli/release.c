#include "cli/command.h"
#include "cli/database.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/token.h"
#include "leaselock/error.h"

static void print(const leaselock_lease *lease)
{
    struct json json = {0};
    json_open(&json, NULL, '{');
    json_text(&json, "resource", leaselock_lease_resource(lease));
    json_text(&json, "client", leaselock_lease_client(lease));
    json_number(&json, "sequence", leaselock_lease_sequence(lease));
    json_truth(&json, "released", true);
    json_close(&json, '}');
    json_end();
}

static int give_up(leaselock_lock *lock, leaselock_lease *lease, const struct options *options)
{
    bool was_ours = false;
    if (leaselock_lock_release(lock, lease, &was_ours) != LEASELOCK_OK)
        return exit_with_failure();
    if (!was_ours) {
        complain("\"%s\" was not held by this lease any more", leaselock_lease_resource(lease));
        return EXIT_LOST;
    }
    if (options->json)
        print(lease);
    return output_finish();
}

static int release(const struct options *options)
{
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    int code = token_open(options, &lock, &lease);
    if (code == 0)
        code = give_up(lock, lease, options);
    database_close(lock, lease);
    return code;
}

const struct command command_release = {
    .name = "release",
    .summary = "give a lease up",
    .synopsis = "[OPTION]... LEASE",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_JSON | ACCEPT_CLIENT | ACCEPT_LEASE,
    .operands_max = 1,
    .run = release,
    .help = "DESCRIPTION\n"
            "  Gives up the lease that obtain has printed, so that others can have the\n"
            "  resource at once. Prints nothing. When it was not this lease's any more,\n"
            "  because somebody took it or it was released before, the exit code is 76\n"
            "  and nothing has changed.\n"
            "\n"
            "OPTIONS\n" HELP_LEASE HELP_DB HELP_JSON HELP_HELP
            "\n"
            "EXAMPLES\n"
            "  leaselock release \"$lease\"\n",
};
