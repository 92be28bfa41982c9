/* Signals that stop a run of migrations. The library may be told from a handler. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cli/migrate.h"

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOPPING = sizeof stopping / sizeof *stopping };

static struct sigaction inherited[STOPPING];
static leaselock_migrations *running;
static volatile sig_atomic_t is_asked;

static void tell(const char *message, size_t size)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 1 && write(STDERR_FILENO, message, size) < 0)
        return; /* there is nobody left to tell */
}

static void on_signal(int signal)
{
    static const char first[] = "leaselock: stopping after the migration that runs; once more to cancel it\n";
    static const char again[] = "leaselock: cancelling\n";
    int before = errno;
    (void)signal;
    leaselock_migrations_stop(running, is_asked ? LEASELOCK_STOP_NOW : LEASELOCK_STOP_BETWEEN);
    if (is_asked)
        tell(again, sizeof again - 1);
    else
        tell(first, sizeof first - 1);
    is_asked = 1;
    errno = before;
}

void migrate_stop_on_signals(leaselock_migrations *migrations)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (int i = 0; i < STOPPING; i++)
        sigaddset(&action.sa_mask, stopping[i]);
    running = migrations;
    for (int i = 0; i < STOPPING; i++) {
        sigaction(stopping[i], NULL, &inherited[i]);
        if (inherited[i].sa_handler != SIG_IGN) /* as nohup has it, and a shell's background job */
            sigaction(stopping[i], &action, NULL);
    }
}

void migrate_stop_no_more(void)
{
    for (int i = 0; i < STOPPING; i++)
        sigaction(stopping[i], &inherited[i], NULL);
}
