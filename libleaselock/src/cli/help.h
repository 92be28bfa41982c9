/* Help pages. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

struct command;

/* The page of a command, on standard output. The exit code. */
int help_print(const struct command *command);

/* What leaselock is, and its commands. */
void help_print_overview(FILE *file, const struct command *const *commands);

#endif
