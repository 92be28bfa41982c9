#include "cli/obtain.h"

#include "cli/command.h"
#include "cli/database.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/token.h"
#include "leaselock/error.h"

int obtain_lease(leaselock_lock *lock, const struct options *options, leaselock_lease **out)
{
    leaselock_obtain_options wanted = {
        .struct_size = sizeof wanted,
        .ttl_ms = options->ttl_ms,
        .wait_ms = options->waiting == WAIT_FOR ? options->wait_ms : 0,
    };
    const char *resource = options->operands[0];
    leaselock_status status =
        options->waiting == WAIT_NOT
            ? leaselock_lock_obtain_with_no_wait(lock, resource, options->client, &wanted, out)
            : leaselock_lock_obtain(lock, resource, options->client, &wanted, out);
    if (status == LEASELOCK_OK)
        return 0;
    return signals_caught() ? EXIT_SIGNAL + signals_caught() : exit_with_failure();
}

/* A lease that nobody was told of is given back. */
static int print_or_release(leaselock_lock *lock, leaselock_lease *lease, const struct options *options)
{
    int code = signals_caught() ? EXIT_SIGNAL + signals_caught() : 0;
    if (code == 0) {
        token_print(lease, options);
        code = output_finish();
    }
    signals_end_no_waits();
    if (code != 0 && leaselock_lock_release(lock, lease, NULL) != LEASELOCK_OK)
        exit_with_failure();
    return code;
}

static int obtain(const struct options *options)
{
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    signals_end_waits();
    int code = database_open(options, &lock);
    if (code == 0)
        code = obtain_lease(lock, options, &lease);
    if (code == 0)
        code = print_or_release(lock, lease, options);
    database_close(lock, lease);
    return code;
}

const struct command command_obtain = {
    .name = "obtain",
    .summary = "obtain a lease and print it",
    .synopsis = "[OPTION]... RESOURCE",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_JSON | ACCEPT_CLIENT | ACCEPT_TTL | ACCEPT_WAIT,
    .operands_min = 1,
    .operands_max = 1,
    .run = obtain,
    .help = "DESCRIPTION\n"
            "  Obtains the lease of RESOURCE and prints it as one word,\n"
            "\n"
            "    RESOURCE,CLIENT,SEQUENCE,ACQUISITION,EXPIRY\n"
            "\n"
            "  which renew and release take. Characters other than letters, digits and\n"
            "  / : . _ - @ + are percent-coded, so that it needs no quotes and no field\n"
            "  holds a comma. SEQUENCE is the fencing token: it grows with every grant of\n"
            "  the resource. ACQUISITION is what proves ownership: keep it to yourself.\n"
            "  EXPIRY is in UTC.\n"
            "\n"
            "  Nobody renews the lease in the background: it ends after its ttl unless\n"
            "  renew is called before. To hold one while a command runs, see run.\n"
            "\n"
            "OPTIONS\n" HELP_OBTAIN HELP_DB HELP_JSON HELP_HELP "\n" HELP_DURATION
            "\n"
            "EXAMPLES\n"
            "  lease=$(leaselock obtain --ttl 5m invoice-42) || exit\n"
            "  ./charge.sh --fence \"$(echo \"$lease\" | cut -d, -f3)\"\n"
            "  lease=$(leaselock renew \"$lease\") || exit\n"
            "  leaselock release \"$lease\"\n",
};
