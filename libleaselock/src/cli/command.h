/* What a command of leaselock is: one file each, listed in main.c. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>

#include "cli/options.h"

struct command {
    const char *name;
    const char *summary;  /* one line, for the list of commands */
    const char *synopsis; /* what follows "leaselock NAME" */
    const char *help;     /* the rest of the page, from DESCRIPTION on */
    unsigned accepts;     /* which options: ACCEPT_… */
    int operands_min, operands_max;
    bool runs_program; /* "-- COMMAND" follows the operands */
    const struct command *const *parts; /* sub-commands, NULL at the end: the first operand is the name of one */
    const char *exit_codes;             /* instead of those that all commands have in common */
    int (*run)(const struct options *options); /* returns the exit code */
};

extern const struct command command_floor, command_ls, command_migrate, command_obtain, command_release, command_renew,
    command_run, command_show, command_version;

/* The one of that name, or NULL. `list` ends with NULL. */
const struct command *command_find(const struct command *const *list, const char *name);

/* Options that several pages have in common. */
#define HELP_DB                                                                                                        \
    "  --db URL          the database of leases, such as sqlite:leases.db or\n"                                       \
    "                    postgresql://host/name; else LEASELOCK_DB, else the\n"                                        \
    "                    user's own file,\n"                                                                           \
    "                    $XDG_STATE_HOME/leaselock/leases.db (~/.local/state)\n"                                       \
    "  --no-install      only check the tables there: make nothing that is missing\n"
#define HELP_JSON "  --json            print JSON instead of text\n"
#define HELP_HELP "  --help            print this page\n"
#define HELP_OBTAIN                                                                                                    \
    "  --client ID       who obtains it (default: host:pid)\n"                                                         \
    "  --ttl DURATION    how long it lasts without renewal, from 100ms to 24h\n"                                       \
    "                    (default: 30s)\n"                                                                             \
    "  --wait DURATION   keep trying that long while somebody holds it, or\n"                                          \
    "                    \"forever\"; the default is 3 retries, after 1 s, 1.5 s\n"                                    \
    "                    and 2.25 s\n"                                                                                 \
    "  --no-wait         try once\n"
#define HELP_LEASE                                                                                                     \
    "  LEASE             what obtain or renew has printed; \"-\" reads it from standard\n"                            \
    "                    input, which keeps it out of the list of processes\n"                                        \
    "  --resource NAME, --client ID, --sequence N, --acquisition ID\n"                                                \
    "                    its parts instead, all four\n"
#define HELP_DURATION                                                                                                  \
    "  A DURATION is a number of seconds, or a number with the unit ms, s, m, h or\n"                                  \
    "  d: 30, 1.5, 500ms, 5m.\n"

#endif
