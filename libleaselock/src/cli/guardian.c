#include "cli/guardian.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINK = STDERR_FILENO + 1 };

/* Keeps nothing of the runner but the link: whoever reads the runner's output must not wait for the guardian. */
static void let_go(int link)
{
    setsid();
    prctl(PR_SET_NAME, "leaselock-guard");
    dup2(link, LINK);
    int nothing = open("/dev/null", O_RDWR);
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        dup2(nothing, descriptor);
    closefrom(LINK + 1);
    if (chdir("/") != 0)
        return; /* then it holds on to the directory */
}

static _Noreturn void guard(int link)
{
    let_go(link);
    pid_t group = 0, message = getpid();
    bool told = write(LINK, &message, sizeof message) == sizeof message;
    while (told && read(LINK, &message, sizeof message) == sizeof message)
        group = message;
    if (group > 0)
        kill(-group, SIGKILL);
    _exit(0);
}

bool guardian_start(struct guardian *guardian)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    guardian->pid = fork();
    if (guardian->pid == 0) {
        close(ends[1]);
        guard(ends[0]);
    }
    close(ends[0]);
    guardian->link = ends[1];
    return guardian->pid > 0;
}

bool guardian_is_ready(const struct guardian *guardian)
{
    pid_t message;
    return read(guardian->link, &message, sizeof message) == sizeof message;
}

bool guardian_watch(const struct guardian *guardian, pid_t group)
{
    return write(guardian->link, &group, sizeof group) == sizeof group;
}

void guardian_dismiss(struct guardian *guardian)
{
    if (guardian->pid > 0) {
        kill(guardian->pid, SIGKILL);
        waitpid(guardian->pid, NULL, 0);
    }
    close(guardian->link);
}
