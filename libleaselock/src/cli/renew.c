#include "cli/command.h"
#include "cli/database.h"
#include "cli/output.h"
#include "cli/token.h"

static int renew(const struct options *options)
{
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    int code = token_open(options, &lock, &lease);
    if (code == 0) {
        token_print(lease, options);
        code = output_finish();
    }
    database_close(lock, lease);
    return code;
}

const struct command command_renew = {
    .name = "renew",
    .summary = "give a lease its whole ttl again",
    .synopsis = "[OPTION]... LEASE",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_JSON | ACCEPT_CLIENT | ACCEPT_LEASE,
    .operands_max = 1,
    .run = renew,
    .help = "DESCRIPTION\n"
            "  Gives the lease that obtain has printed its whole ttl again, from now, and\n"
            "  prints it with the new expiry; the old word stays good, too. An expired\n"
            "  lease that nobody took since is revived, with the same sequence. When\n"
            "  somebody else has it, or it was released, the exit code is 76.\n"
            "\n"
            "OPTIONS\n" HELP_LEASE HELP_DB HELP_JSON HELP_HELP
            "\n"
            "EXAMPLES\n"
            "  lease=$(leaselock renew \"$lease\") || exit\n",
};
