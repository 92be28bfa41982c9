#include "sqlite/child.h"

#include <grp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, CHILDREN_MAX = 32 };

pid_t child_start(child_act act, void *argument)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(getppid() == parent ? act(argument) : 1);
    }
    assert_true(child > 0);
    return child;
}

int child_end(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void in_child(child_act act, void *argument)
{
    assert_int_equal(child_end(child_start(act, argument)), 0);
}

typedef struct demotion {
    child_act act;
    void *argument;
} demotion;

static int without_rights(void *argument)
{
    const demotion *job = argument;
    if (geteuid() == 0)
        expect(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
               setresuid(NOBODY, NOBODY, NOBODY) == 0);
    return job->act(job->argument);
}

void in_child_without_rights(child_act act, void *argument)
{
    demotion job = {act, argument};
    in_child(without_rights, &job);
}

typedef struct start {
    atomic_int waiting;
    int count;
    child_act act;
} start;

typedef struct runner {
    start *together;
    int number;
} runner;

/* Spins at the end, so that they begin within microseconds of each other. */
static int run_at_once(void *argument)
{
    const runner *self = argument;
    atomic_fetch_add(&self->together->waiting, 1);
    while (atomic_load(&self->together->waiting) < self->together->count)
        real_sleep(0);
    return self->together->act((void *)(intptr_t)self->number);
}

void in_children_at_once(int count, child_act act)
{
    pid_t children[CHILDREN_MAX];
    start *together = shared_memory(sizeof *together);
    together->count = count;
    together->act = act;
    assert_true(count <= CHILDREN_MAX);
    for (int i = 0; i < count; i++) {
        runner self = {together, i};
        children[i] = child_start(run_at_once, &self);
    }
    int failed = 0;
    for (int i = 0; i < count; i++)
        failed += child_end(children[i]) != 0;
    munmap(together, sizeof *together);
    assert_int_equal(failed, 0);
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}
