#include "cli/guardian.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE = STDERR_FILENO + 1 };

/* Keeps nothing of the runner but the pipe: whoever reads the runner's output must not wait for the guardian. */
static void let_go(int pipe)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, "leaselock-guard");
    dup2(pipe, PIPE);
    int nothing = open("/dev/null", O_RDWR);
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        dup2(nothing, descriptor);
    closefrom(PIPE + 1);
    if (chdir("/") != 0)
        return; /* then it holds on to the directory */
}

static _Noreturn void guard(int pipe)
{
    let_go(pipe);
    pid_t group = 0, message;
    while (read(PIPE, &message, sizeof message) == sizeof message)
        group = message;
    if (group > 0)
        kill(-group, SIGKILL);
    _exit(0);
}

bool guardian_start(struct guardian *guardian)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    guardian->pid = fork();
    if (guardian->pid == 0) {
        close(ends[1]);
        guard(ends[0]);
    }
    close(ends[0]);
    guardian->pipe = ends[1];
    return guardian->pid > 0;
}

bool guardian_watch(const struct guardian *guardian, pid_t group)
{
    return write(guardian->pipe, &group, sizeof group) == sizeof group;
}

void guardian_dismiss(struct guardian *guardian)
{
    if (guardian->pid > 0) {
        kill(guardian->pid, SIGKILL);
        waitpid(guardian->pid, NULL, 0);
    }
    close(guardian->pipe);
}
