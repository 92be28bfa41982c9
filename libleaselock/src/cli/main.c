/* leaselock COMMAND …: finds the command and runs it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/signals.h"

static const struct command *const commands[] = {
    &command_run, &command_obtain, &command_renew, &command_release, &command_ls,
    &command_show, &command_floor, &command_migrate, &command_version, NULL,
};

const struct command *command_find(const struct command *const *list, const char *name)
{
    for (const struct command *const *at = list; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

/*
 * Fills closed standard files, so that no database gets their numbers. Reading and writing them fails as before, and a
 * command that is run finds them closed.
 */
static void hold_standard_files(void)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 &&
            open("/dev/null", (descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != descriptor)
            return;
}

static int unknown(const char *name)
{
    complain("\"%s\" is not a command; see leaselock help", name);
    return EXIT_USAGE;
}

static int help(const char *name)
{
    if (!name) {
        help_print_overview(stdout, commands);
        return output_finish();
    }
    const struct command *command = command_find(commands, name);
    return command ? help_print(command) : unknown(name);
}

int main(int argc, char **argv)
{
    static char program[] = "leaselock";
    hold_standard_files();
    signals_start();
    if (argc < 2) {
        help_print_overview(stderr, commands);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argv[2]);
    if (strcmp(name, "--version") == 0)
        name = command_version.name;
    const struct command *command = command_find(commands, name);
    if (!command)
        return unknown(name);
    struct options options;
    argv[1] = program; /* how getopt_long() begins its messages */
    int code = options_parse(command, argc - 1, argv + 1, &options);
    return code == OPTIONS_GO_ON ? command->run(&options) : code;
}
