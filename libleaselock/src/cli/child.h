/* The command that runs under a lease, and its process group. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/guardian.h"
#include "cli/terminal.h"

struct child {
    pid_t pid; /* its process group has the same number, which is ours until leaselock ends: it is never reaped */
    bool ended;
    bool signalled; /* by a signal */
    int code;       /* what a shell would exit with */
};

/* Starts the program in a process group of its own. The exit code: 126 or 127 when it cannot be executed. */
int child_start(struct child *child, char **program, const struct guardian *guardian, const struct terminal *terminal);

/* Sends the signal to the whole group. */
void child_signal(const struct child *child, int signal);

/* Takes in what SIGCHLD told. Returns the signal that stopped the child since the last call; 0: none did. */
int child_look(struct child *child, struct guardian *guardian);

/* The child has ended, and so has everybody in its group. */
bool child_is_gone(const struct child *child);

#endif
