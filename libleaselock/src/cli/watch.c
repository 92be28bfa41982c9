#include "cli/watch.h"

#include <signal.h>
#include <time.h>

#include "cli/exit.h"
#include "cli/signals.h"

enum {
    LOOK_MS = 100,       /* how often the lease is looked at, at least */
    UNKILLABLE_MS = 2000 /* how long a killed group may take to die before a lost lease is reported all the same */
};

/* Counts the time of a suspended machine, as the lease's deadline does. */
static int64_t boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True the first time. A stopped process cannot act on SIGTERM: it is continued, too. */
static bool terminate(struct watch *watch)
{
    if (watch->terminated)
        return false;
    child_signal(watch->child, SIGTERM);
    child_signal(watch->child, SIGCONT);
    watch->terminated = true;
    watch->kill_at_ms = boot_ms() + watch->grace_ms;
    return true;
}

static void kill_group(struct watch *watch)
{
    child_signal(watch->child, SIGKILL);
    if (watch->killed_at_ms == 0)
        watch->killed_at_ms = boot_ms();
}

static void report_loss(const struct watch *watch)
{
    const char *resource = leaselock_lease_resource(watch->lease);
    const char *to = leaselock_lease_lost_to(watch->lease);
    if (to)
        complain("\"%s\" was lost to \"%s\"; the command is killed", resource, to);
    else if (leaselock_lease_valid(watch->lease))
        complain("the lease of \"%s\" is about to end and cannot be renewed; the command is ended", resource);
    else
        complain("the lease of \"%s\" was lost; the command is killed", resource);
}

static int64_t sooner(int64_t pause_ms, int64_t event_in_ms)
{
    return event_in_ms > 0 && event_in_ms < pause_ms ? event_in_ms : pause_ms;
}

/* Sends the signals that are due; returns how long nothing more will be. */
static int64_t enforce(struct watch *watch)
{
    int64_t now = boot_ms();
    int64_t kill_in_ms = leaselock_lease_remaining(watch->lease) - WATCH_SLACK_MS;
    int64_t terminate_in_ms = kill_in_ms - watch->grace_ms;
    if (kill_in_ms <= 0 || (watch->terminated && watch->kill_at_ms <= now))
        kill_group(watch);
    else if (terminate_in_ms <= 0)
        terminate(watch);
    if (terminate_in_ms <= 0 && !watch->lost) {
        watch->lost = true;
        report_loss(watch);
    }
    if (watch->child->ended && !watch->lost && terminate(watch))
        complain("the command left processes behind; they are ended");
    int64_t pause_ms = sooner(sooner(LOOK_MS, kill_in_ms), terminate_in_ms);
    return watch->terminated ? sooner(pause_ms, watch->kill_at_ms - now) : pause_ms;
}

/* The command was stopped. On a terminal the job stops as a whole; elsewhere nobody could continue it. */
static void follow_stop(const struct watch *watch, int signal)
{
    if (watch->terminated || watch->terminal->descriptor < 0)
        return;
    if ((signal == SIGTTIN || signal == SIGTTOU) && terminal_give(watch->terminal, watch->child->pid)) {
        child_signal(watch->child, SIGCONT);
        return;
    }
    child_signal(watch->child, SIGSTOP); /* nobody of the group may run on while this process cannot watch the time */
    if (!signals_stop_job(signal == SIGSTOP ? SIGTSTP : signal) && signal == SIGTSTP)
        child_signal(watch->child, SIGCONT); /* as Ctrl-Z is ignored in "ssh -t HOST COMMAND" */
}

static void follow_continue(const struct watch *watch)
{
    if (!watch->terminal->shared)
        terminal_give(watch->terminal, watch->child->pid);
    child_signal(watch->child, SIGCONT);
}

static bool is_unkillable(const struct watch *watch)
{
    return watch->lost && watch->killed_at_ms != 0 && boot_ms() - watch->killed_at_ms >= UNKILLABLE_MS;
}

void watch_until_gone(struct watch *watch)
{
    for (;;) {
        int stopped_by = child_look(watch->child, watch->guardian);
        if (child_is_gone(watch->child))
            return;
        if (is_unkillable(watch)) {
            complain("processes of the command are still there, and cannot be killed");
            return;
        }
        if (stopped_by != 0)
            follow_stop(watch, stopped_by);
        /* after a stop the time comes first: what is killed now was never continued */
        int signal = signals_next(enforce(watch));
        if (signal == SIGCONT)
            follow_continue(watch);
        else if (signal != 0 && signal != SIGCHLD)
            child_signal(watch->child, signal);
    }
}
