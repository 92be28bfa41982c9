/* The controlling terminal, and which process group has it. Without a terminal all of this does nothing. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct terminal {
    int descriptor; /* -1: none */
    pid_t own_group;
    bool shared; /* with the rest of a pipeline, which needs it to stay ours */
    bool has_modes;
    struct termios modes;
};

void terminal_open(struct terminal *terminal);

/* Hands the terminal to the group if it is ours to give. Async-signal-safe. */
bool terminal_give(const struct terminal *terminal, pid_t group);

/* Takes it back from the group. `broken`: the group died by a signal and may have left it in raw mode. */
void terminal_take_back(const struct terminal *terminal, pid_t group, bool broken);

#endif
