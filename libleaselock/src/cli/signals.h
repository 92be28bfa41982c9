/*
 * Signals. A command that waits or runs a program blocks them and asks for them when it is ready: no handler runs
 * anywhere. What the caller had ignored (nohup, a shell's background job) stays ignored and is never asked for.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* At the start of the process: a closed pipe is an error to report, not a death. */
void signals_start(void);

/* From now on, signals that would end the process end the library's waits instead. */
void signals_end_waits(void);

/* The signal that ended a wait, or that came since; 0: none. */
int signals_caught(void);

/* From now on they end no wait any more. */
void signals_end_no_waits(void);

/* From now on signals_next() returns every signal that can be caught, SIGCHLD included. */
void signals_take_all(void);

/* The next signal, or 0 when `timeout_ms` have passed without one. */
int signals_next(int64_t timeout_ms);

/*
 * Stops this process's job as the terminal would, and returns when it is continued, SIGCONT being the next signal.
 * False: the system ignores it, since nobody is there who could continue the job.
 */
bool signals_stop_job(int signal);

/* Between fork and exec: as the caller of leaselock had them. */
void signals_restore(void);

#endif
