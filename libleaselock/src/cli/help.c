#include "cli/help.h"

#include "cli/command.h"
#include "cli/output.h"

static const char exit_codes[] =
    "EXIT CODES\n"
    "  0    done\n"
    "  64   wrong usage or an invalid argument; nothing was changed\n"
    "  65   not a database, a damaged one, or foreign tables in it\n"
    "  66   no such file, directory or resource\n"
    "  69   the database is out of reach\n"
    "  70   an internal error\n"
    "  71   not enough memory, no clock that all share, or a network file system\n"
    "  73   the directory for the user's own file cannot be made\n"
    "  74   input or output failed\n"
    "  75   the resource is held by somebody\n"
    "  76   the lease is lost, or was not this one's any more\n"
    "  77   permission denied, or a database that can only be read\n"
    "  78   the tables come from a newer version or are missing, or there is no\n"
    "       home directory\n"
    "  79-82  of migrations: see leaselock help migrate\n"
    "  128+N  ended by signal N\n";

int help_print(const struct command *command)
{
    printf("leaselock %s - %s\n\nSYNOPSIS\n  leaselock %s %s\n\n%s\n%s", command->name, command->summary, command->name,
           command->synopsis, command->help, command->exit_codes ? command->exit_codes : exit_codes);
    return output_finish();
}

void help_print_overview(FILE *file, const struct command *const *commands)
{
    fputs("leaselock - leases on named resources, kept in a database\n"
          "\n"
          "SYNOPSIS\n"
          "  leaselock COMMAND [OPTION]... [OPERAND]...\n"
          "\n"
          "COMMANDS\n",
          file);
    for (; *commands; commands++)
        fprintf(file, "  %-9s %s\n", (*commands)->name, (*commands)->summary);
    fputs("  help      print this page, or that of a command\n"
          "\n"
          "OPTIONS\n" HELP_DB
          "  --help            print the page of a command\n"
          "\n"
          "ENVIRONMENT\n"
          "  LEASELOCK_DB      the database where --db is not given\n"
          "\n",
          file);
    fprintf(file, "%s\nEXAMPLES\n  leaselock run invoice-42 -- ./charge.sh\n  leaselock help run\n", exit_codes);
}
