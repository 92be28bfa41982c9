#include "cli/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/signals.h"

/* Between fork and exec: other threads of the parent may hold any mutex, so only async-signal-safe calls. */
static _Noreturn void become(char **program, pid_t runner, const struct guardian *guardian,
                             const struct terminal *terminal, int report)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner)
        _exit(EXIT_SIGNAL + SIGKILL); /* killed before the line above */
    errno = 0;
    if (guardian_watch(guardian, getpid())) {
        if (!terminal->shared)
            terminal_give(terminal, getpid());
        signals_restore();
        execvp(program[0], program);
    }
    int error = errno;
    _exit(write(report, &error, sizeof error) == sizeof error ? EXIT_NOT_EXECUTABLE : EX_OSERR);
}

static int report_failure(const char *program, int error)
{
    complain("%s: %s", program, strerror(error));
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int child_start(struct child *child, char **program, const struct guardian *guardian, const struct terminal *terminal)
{
    int report[2];
    memset(child, 0, sizeof *child);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that what the command leaves behind is reaped */
    if (pipe2(report, O_CLOEXEC) != 0)
        return report_failure(program[0], errno);
    pid_t runner = getpid();
    child->pid = fork();
    if (child->pid == 0)
        become(program, runner, guardian, terminal, report[1]);
    int error = child->pid < 0 ? errno : 0;
    close(report[1]);
    if (child->pid > 0 && read(report[0], &error, sizeof error) != sizeof error)
        error = 0; /* executing closed the pipe */
    close(report[0]);
    if (error == 0)
        return 0;
    if (child->pid > 0) {
        terminal_take_back(terminal, child->pid, false);
        waitpid(child->pid, NULL, 0);
    }
    return report_failure(program[0], error);
}

void child_signal(const struct child *child, int signal)
{
    kill(-child->pid, signal);
}

static void note_end(struct child *child, const siginfo_t *info)
{
    child->ended = true;
    child->signalled = info->si_code != CLD_EXITED;
    child->code = child->signalled ? EXIT_SIGNAL + info->si_status : info->si_status;
}

int child_look(struct child *child, struct guardian *guardian)
{
    siginfo_t info = {0};
    /* Stops at the child, which stays a zombie: as long as it is there nobody else gets its number. */
    while (!child->ended && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        if (info.si_pid == child->pid) {
            note_end(child, &info);
            break;
        }
        if (info.si_pid == guardian->pid) {
            guardian->pid = 0;
            complain("the guardian died; if leaselock is killed now, the command lives on");
        }
        waitid(P_PID, (id_t)info.si_pid, &info, WEXITED);
        info.si_pid = 0;
    }
    info.si_pid = 0;
    if (waitid(P_PID, (id_t)child->pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid != 0)
        return info.si_status;
    return 0;
}

/* State and process group from /proc/PID/stat, whose second field is a name with anything in it. */
static bool read_stat(const char *pid, char *state, pid_t *group)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    ssize_t length = read(descriptor, line, sizeof line - 1);
    close(descriptor);
    line[length > 0 ? length : 0] = '\0';
    const char *after_name = strrchr(line, ')');
    return after_name && sscanf(after_name, ") %c %*d %d", state, group) == 2;
}

/* Zombies do no harm and are not counted. Without /proc nobody can tell: then what may be left is killed at once. */
static bool group_is_alive(pid_t wanted)
{
    DIR *proc = opendir("/proc");
    if (!proc) {
        kill(-wanted, SIGKILL);
        return false;
    }
    bool alive = false;
    for (struct dirent *entry; !alive && (entry = readdir(proc));) {
        char state;
        pid_t group;
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_stat(entry->d_name, &state, &group))
            alive = group == wanted && state != 'Z' && state != 'X';
    }
    closedir(proc);
    return alive;
}

bool child_is_gone(const struct child *child)
{
    return child->ended && !group_is_alive(child->pid);
}
