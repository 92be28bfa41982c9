/*
 * The guardian: a small process that ends with the runner, and when the runner was killed takes the command's process
 * group with it. It is forked before the database is opened, and has a session of its own and no files of the runner's.
 */
#ifndef CLI_GUARDIAN_H
#define CLI_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

struct guardian {
    pid_t pid;
    int link; /* it notices when nobody has this end open any more */
};

/* It keeps the caller's signal mask. False: errno says why. */
bool guardian_start(struct guardian *guardian);

/* Waits until it has a session of its own; false: it died. */
bool guardian_is_ready(const struct guardian *guardian);

/* Tells it which process group to kill. Called by the command's process before it executes. Async-signal-safe. */
bool guardian_watch(const struct guardian *guardian, pid_t group);

/* The group is gone: so is the guardian. */
void guardian_dismiss(struct guardian *guardian);

#endif
