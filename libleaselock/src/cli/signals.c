#include "cli/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "leaselock/hooks.h"

static struct sigaction inherited_pipe, inherited_child;
static sigset_t inherited_mask;
static sigset_t taken; /* what signals_next() waits for */
static sigset_t ending; /* the part of it that ends a wait */
static int caught;

/* These come from the program's own faults, and are no messages to pass on. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPIPE};
/* These do not end a process. */
static const int harmless[] = {SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH, SIGURG};

static bool is_ignored(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_start(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, as_usual = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &ignore, &inherited_pipe);
    /* who inherits an ignored SIGCHLD cannot wait for a child's exit code */
    sigaction(SIGCHLD, &as_usual, &inherited_child);
    sigprocmask(SIG_SETMASK, NULL, &inherited_mask);
}

/* Called by the library, on this thread, while it waits. */
static int wait_has_ended(void *payload)
{
    (void)payload;
    return signals_caught() != 0;
}

void signals_end_waits(void)
{
    sigfillset(&ending);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&ending, faults[i]);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        sigdelset(&ending, harmless[i]);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (is_ignored(signal))
            sigdelset(&ending, signal);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    leaselock_interrupt_hook hook = {wait_has_ended, NULL};
    leaselock_interrupt_hook_swap(hook);
}

int signals_caught(void)
{
    struct timespec now = {0};
    if (caught == 0) {
        int signal = sigtimedwait(&ending, NULL, &now);
        caught = signal > 0 ? signal : 0;
    }
    return caught;
}

void signals_end_no_waits(void)
{
    leaselock_interrupt_hook none = {NULL, NULL};
    leaselock_interrupt_hook_swap(none);
}

void signals_take_all(void)
{
    taken = ending;
    if (!is_ignored(SIGTSTP))
        sigaddset(&taken, SIGTSTP);
    sigaddset(&taken, SIGWINCH);
    sigaddset(&taken, SIGCONT);
    sigaddset(&taken, SIGCHLD);
    sigset_t blocked = taken;
    sigaddset(&blocked, SIGTTOU); /* so that a background process may hand over the terminal */
    sigprocmask(SIG_BLOCK, &blocked, NULL);
}

int signals_next(int64_t timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
    int signal = sigtimedwait(&taken, NULL, &timeout);
    return signal > 0 ? signal : 0;
}

bool signals_stop_job(int signal)
{
    sigset_t one, pending;
    sigemptyset(&one);
    sigaddset(&one, signal);
    kill(0, signal); /* the whole job, as Ctrl-Z does: a script around us has to stop, too */
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    sigprocmask(SIG_BLOCK, &one, NULL);
    sigpending(&pending);
    return sigismember(&pending, SIGCONT);
}

void signals_restore(void)
{
    sigaction(SIGPIPE, &inherited_pipe, NULL);
    sigaction(SIGCHLD, &inherited_child, NULL);
    sigprocmask(SIG_SETMASK, &inherited_mask, NULL);
}
