#include "cli/terminal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_pipe(int descriptor)
{
    struct stat what;
    return fstat(descriptor, &what) == 0 && (S_ISFIFO(what.st_mode) || S_ISSOCK(what.st_mode));
}

void terminal_open(struct terminal *terminal)
{
    terminal->descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    terminal->own_group = getpgrp();
    terminal->shared = is_pipe(STDIN_FILENO) || is_pipe(STDOUT_FILENO);
    terminal->has_modes = terminal->descriptor >= 0 && tcgetattr(terminal->descriptor, &terminal->modes) == 0;
}

bool terminal_give(const struct terminal *terminal, pid_t group)
{
    return terminal->descriptor >= 0 && tcgetpgrp(terminal->descriptor) == terminal->own_group &&
           tcsetpgrp(terminal->descriptor, group) == 0;
}

void terminal_take_back(const struct terminal *terminal, pid_t group, bool broken)
{
    if (terminal->descriptor < 0 || tcgetpgrp(terminal->descriptor) != group)
        return;
    tcsetpgrp(terminal->descriptor, terminal->own_group);
    if (broken && terminal->has_modes)
        tcsetattr(terminal->descriptor, TCSADRAIN, &terminal->modes);
}
