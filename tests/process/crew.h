/* Worker processes: this program once more, by fork and exec, with a book of who held what in memory that all share. */
#ifndef PROCESS_CREW_H
#define PROCESS_CREW_H

#include <sys/types.h>

#include "support/check.h"
#include "support/history.h"

/* What a worker does with the one resource that all contend for. */
typedef enum crew_task {
    CREW_TAKE_TURNS, /* a number of short turns, then it ends */
    CREW_HOLD        /* obtains, keeps, holds for a while, releases or just drops it, for ever */
} crew_task;

enum { CREW_MAX = 8, CREW_TTL_MS = 400 };

/* Reads `program [URL]`: the database of all tests. Without it each makes a new SQLite file. */
void crew_use(int count, char **arguments);

/* A database and a resource that nobody has used, and an empty book. Setup and teardown. */
int crew_setup(void **state);
int crew_teardown(void **state);

const char *crew_url(void);
const char *crew_resource(void);
history *crew_book(void);

/* Starts worker `number`; those of CREW_TAKE_TURNS wait for crew_go(), so that all begin at once. */
pid_t crew_start(int number, crew_task task, int turns);
void crew_go(void);
/* Fails unless it has ended by itself with status 0. */
void crew_join(pid_t worker);

/* True, and *status is what main has to return, when this process is a worker. */
bool crew_is_worker(int count, char **arguments, int *status);

#endif
