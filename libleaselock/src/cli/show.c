#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/output.h"

static int print(const leaselock_listing *listing, const struct options *options)
{
    if (leaselock_listing_count(listing) == 0) {
        complain("\"%s\" was never leased", options->operands[0]);
        return EX_NOINPUT;
    }
    if (options->json) {
        struct json json = {0};
        listing_print_json(listing, 0, &json);
        json_end();
    } else {
        listing_print_fields(listing, 0);
    }
    return output_finish();
}

static int show(const struct options *options)
{
    leaselock_list_options wanted = {.struct_size = sizeof wanted, .resource = options->operands[0]};
    leaselock_listing *listing = NULL;
    int code = listing_fetch(options, &wanted, &listing);
    if (code == 0)
        code = print(listing, options);
    leaselock_listing_free(listing);
    return code;
}

const struct command command_show = {
    .name = "show",
    .summary = "show the lease of a resource",
    .synopsis = "[OPTION]... RESOURCE",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_JSON,
    .operands_min = 1,
    .operands_max = 1,
    .run = show,
    .help = "DESCRIPTION\n"
            "  Shows who holds RESOURCE, or held it last: a line a field, \"name: value\",\n"
            "  with the fields and forms of ls. A resource that was never leased is\n"
            "  exit code 66.\n"
            "\n"
            "OPTIONS\n" HELP_DB HELP_JSON HELP_HELP
            "\n"
            "EXAMPLES\n"
            "  leaselock show invoice-42\n"
            "  leaselock show --json invoice-42 | jq -r .client\n",
};
