/* The time while the command runs: signals, the lease's deadline, the end. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/child.h"
#include "leaselock/lease.h"

/* How long before the lease's deadline everything must be dead. */
enum { WATCH_SLACK_MS = 500 };

struct watch {
    leaselock_lease *lease;
    struct child *child;
    struct guardian *guardian;
    const struct terminal *terminal;
    int64_t grace_ms;

    bool lost;          /* the lease ended before the command did */
    bool terminated;    /* SIGTERM was sent */
    int64_t kill_at_ms; /* the boot clock's; then SIGKILL is due, if the lease lasts until then */
    int64_t killed_at_ms; /* 0: not yet */
};

/*
 * Returns when nothing of the command's process group is left, or, once the lease is lost, when what is left cannot be
 * killed.
 */
void watch_until_gone(struct watch *watch);

#endif
