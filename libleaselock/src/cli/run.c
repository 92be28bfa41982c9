/* leaselock run: a command under a lease. watch.c has what happens while it runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/child.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/exit.h"
#include "cli/obtain.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/watch.h"
#include "leaselock/hooks.h"

/* As lease.h has it: the deadline is that much before the lease's end. */
enum { MARGIN_SHARE = 50, MARGIN_MIN_MS = 50 };

/*
 * A kept lease is renewed when a third of its ttl has passed. The command's grace and the slack have to find room
 * between that moment and the deadline, or the command would be ended while all is well.
 */
static int check_times(const struct options *options)
{
    int64_t ttl_ms = options->ttl_ms ? options->ttl_ms : LEASELOCK_TTL_DEFAULT_MS;
    int64_t margin_ms = ttl_ms / MARGIN_SHARE > MARGIN_MIN_MS ? ttl_ms / MARGIN_SHARE : MARGIN_MIN_MS;
    int64_t room_ms = ttl_ms - ttl_ms / 3 - margin_ms - WATCH_SLACK_MS;
    if (options->grace_ms < room_ms)
        return 0;
    char ttl[OUTPUT_TIME_SIZE], grace[OUTPUT_TIME_SIZE];
    output_seconds(ttl_ms, ttl);
    output_seconds(options->grace_ms, grace);
    complain("a ttl of %s s is too short for a grace of %s s; make --ttl longer or --grace shorter", ttl, grace);
    return EXIT_USAGE;
}

static bool set_environment(const leaselock_lease *lease)
{
    char sequence[32], expiry[OUTPUT_TIME_SIZE];
    snprintf(sequence, sizeof sequence, "%lld", (long long)leaselock_lease_sequence(lease));
    output_utc(leaselock_lease_expiry(lease), expiry);
    return setenv("LEASELOCK_RESOURCE", leaselock_lease_resource(lease), 1) == 0 &&
           setenv("LEASELOCK_CLIENT", leaselock_lease_client(lease), 1) == 0 &&
           setenv("LEASELOCK_SEQUENCE", sequence, 1) == 0 && setenv("LEASELOCK_EXPIRY", expiry, 1) == 0;
}

/* The keeper's warnings, once each: it tries again several times a second. Only its thread calls this. */
static void log_once(int level, const char *domain, const char *message, void *payload)
{
    static char last[512];
    (void)level, (void)domain, (void)payload;
    if (strcmp(last, message) == 0)
        return;
    snprintf(last, sizeof last, "%s", message);
    complain("%s", message);
}

/* Released only when nothing of the command is left. A lost lease is left alone: it ends by itself. */
static int release(leaselock_lease *lease, int code)
{
    bool was_ours = true;
    if (leaselock_lock_release(leaselock_lease_lock(lease), lease, &was_ours) != LEASELOCK_OK)
        exit_with_failure();
    if (was_ours)
        return code;
    complain("the lease of \"%s\" was lost while the command ran", leaselock_lease_resource(lease));
    return EXIT_LOST;
}

static int run_under_lease(leaselock_lease *lease, const struct options *options, struct guardian *guardian)
{
    struct child child;
    struct terminal terminal;
    terminal_open(&terminal);
    signals_take_all();
    int code = child_start(&child, options->program, guardian, &terminal);
    if (code != 0)
        return release(lease, code);
    struct watch watch = {.lease = lease, .child = &child, .guardian = guardian, .terminal = &terminal,
                   .grace_ms = options->grace_ms};
    watch_until_gone(&watch);
    terminal_take_back(&terminal, child.pid, child.signalled);
    return watch.lost ? EXIT_LOST : release(lease, child.code);
}

/* From the grant to the command's start: each failure gives the lease back. */
static int prepare(leaselock_lease *lease, const struct guardian *guardian)
{
    if (signals_caught())
        return EXIT_SIGNAL + signals_caught();
    if (!guardian_is_ready(guardian)) {
        complain("the guardian died");
        return EX_OSERR;
    }
    if (!set_environment(lease)) {
        complain("%s", strerror(errno));
        return EX_OSERR;
    }
    leaselock_log_set(log_once, NULL, LEASELOCK_LOG_WARNING);
    return leaselock_lease_keep(lease) == LEASELOCK_OK ? 0 : exit_with_failure();
}

static int obtain_and_run(const struct options *options, struct guardian *guardian)
{
    leaselock_lock *lock = NULL;
    leaselock_lease *lease = NULL;
    int code = database_open(options, &lock);
    if (code == 0)
        code = obtain_lease(lock, options, &lease);
    if (code == 0) {
        code = prepare(lease, guardian);
        signals_end_no_waits();
        code = code == 0 ? run_under_lease(lease, options, guardian) : release(lease, code);
    }
    database_close(lock, lease);
    return code;
}

static int run(const struct options *options)
{
    struct guardian guardian;
    int code = check_times(options);
    if (code != 0)
        return code;
    signals_end_waits(); /* first, so that the guardian, too, outlasts a signal to everybody */
    if (!guardian_start(&guardian)) {
        complain("cannot start the guardian: %s", strerror(errno));
        return EX_OSERR;
    }
    code = obtain_and_run(options, &guardian);
    guardian_dismiss(&guardian);
    return code;
}

const struct command command_run = {
    .name = "run",
    .summary = "run a command under a lease",
    .synopsis = "[OPTION]... RESOURCE -- COMMAND [ARGUMENT]...",
    .accepts = ACCEPT_DB | ACCEPT_INSTALL | ACCEPT_CLIENT | ACCEPT_TTL | ACCEPT_WAIT | ACCEPT_GRACE,
    .operands_min = 1,
    .operands_max = 1,
    .runs_program = true,
    .run = run,
    .help = "DESCRIPTION\n"
            "  Obtains the lease of RESOURCE, runs COMMAND, keeps the lease renewed while\n"
            "  it runs, and releases it. Standard input, output and error are the\n"
            "  command's; its exit code is passed on. In its environment are\n"
            "\n"
            "    LEASELOCK_RESOURCE, LEASELOCK_CLIENT\n"
            "    LEASELOCK_SEQUENCE   the fencing token: hand it to what you protect\n"
            "    LEASELOCK_EXPIRY     the end of the lease as granted, in UTC, such as\n"
            "                         2026-01-31T12:00:00.000Z; renewals move it on\n"
            "\n"
            "OPTIONS\n" HELP_OBTAIN
            "  --grace DURATION  the time from SIGTERM to SIGKILL (default: 5s)\n" HELP_DB HELP_HELP "\n" HELP_DURATION
            "\n"
            "SIGNALS\n"
            "  A signal that comes while leaselock waits for the lease ends the wait, with\n"
            "  128+N. Later, every signal that can be caught is passed on to the command's\n"
            "  process group. On a terminal that group is in the foreground, and Ctrl-Z,\n"
            "  fg and bg work as without leaselock. A job that is stopped for longer than\n"
            "  its lease lasts is killed when it is continued.\n"
            "\n"
            "WHEN THE LEASE ENDS\n"
            "  If renewals fail, the command's process group gets SIGTERM in time for it\n"
            "  to end within the grace, and SIGKILL half a second before others can have\n"
            "  the resource. If somebody has it already, it gets SIGKILL at once. The exit\n"
            "  code is 76 then. A ttl too short for the grace and a renewal is refused.\n"
            "\n"
            "WHEN THE COMMAND ENDS\n"
            "  What it leaves behind in its process group may still be at work: that gets\n"
            "  SIGTERM and, after the grace, SIGKILL before the lease is released. A\n"
            "  daemon that is to stay has to leave the group, as setsid does.\n"
            "\n"
            "  If leaselock itself is killed, a guardian process kills the group. The\n"
            "  lease then ends by its ttl.\n"
            "\n"
            "  Not covered: processes that left the group (setsid, or the jobs of a shell\n"
            "  with set -m) or became another user, a process that the kernel cannot kill,\n"
            "  and leaselock alone being stopped (kill -STOP) while the command goes on.\n"
            "\n"
            "EXAMPLES\n"
            "  leaselock run invoice-42 -- ./charge.sh\n"
            "  leaselock run --no-wait --ttl 2m nightly -- sh -c 'pg_dump app > app.sql'\n"
            "\n"
            "OTHER EXIT CODES\n"
            "  The command's own, and 126 or 127 when it cannot be executed or found.\n",
};
