#include "cli/command.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/output.h"

static void print_json(const leaselock_listing *listing)
{
    struct json json = {0};
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < leaselock_listing_count(listing); i++)
        listing_print_json(listing, i, &json);
    json_close(&json, ']');
    json_end();
}

static int ls(const struct options *options)
{
    leaselock_list_options wanted = {.struct_size = sizeof wanted, .all = options->all};
    leaselock_listing *listing = NULL;
    int code = listing_fetch(options, &wanted, &listing);
    if (code != 0)
        return code;
    if (options->json)
        print_json(listing);
    else if (output_is_terminal())
        listing_print_table(listing);
    else
        listing_print_lines(listing);
    leaselock_listing_free(listing);
    return output_finish();
}

const struct command command_ls = {
    .name = "ls",
    .summary = "list the leases that are held",
    .synopsis = "[OPTION]...",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_JSON | ACCEPT_ALL,
    .run = ls,
    .help = "DESCRIPTION\n"
            "  Lists leases, sorted by resource. On a terminal it is a table; elsewhere a\n"
            "  line a lease, with tabs between its fields and no headings:\n"
            "\n"
            "    resource, client, sequence, state, ttl, remaining, expiry\n"
            "\n"
            "  State is HELD, EXPIRED or RELEASED, ttl and remaining are seconds, expiry\n"
            "  is in UTC. Control characters in names are written as \\t, \\n, \\r or\n"
            "  \\xHH, a backslash as \\\\. What proves ownership is never printed.\n"
            "\n"
            "OPTIONS\n"
            "  --all             also what is expired or released\n" HELP_DB HELP_JSON HELP_HELP
            "\n"
            "EXAMPLES\n"
            "  leaselock ls --json | jq -r '.[] | select(.remaining < 5) | .resource'\n",
};
