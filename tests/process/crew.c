#include "process/crew.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Handed to the workers as an open file, since a mapping does not survive an exec. */
typedef struct crew_memory {
    atomic_bool go;
    history book;
} crew_memory;

static crew_memory *memory;
static int memory_file = -1;
static const char *given_url;
static char folder[64], file_url[96], resource[32];

static bool map_memory(int file)
{
    void *at = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    memory = at == MAP_FAILED ? NULL : at;
    return memory != NULL;
}

void crew_use(int count, char **arguments)
{
    given_url = count > 1 ? arguments[1] : NULL;
}

int crew_setup(void **state)
{
    (void)state;
    static int number;
    snprintf(resource, sizeof resource, "contended-%d", ++number);
    snprintf(folder, sizeof folder, "crew.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file_url, sizeof file_url, "sqlite:%s/leases.db", folder);
    memory_file = memfd_create("crew", 0);
    return memory_file >= 0 && ftruncate(memory_file, sizeof *memory) == 0 && map_memory(memory_file) ? 0 : -1;
}

int crew_teardown(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/leases.db%s", folder, suffixes[i]);
        unlink(path);
    }
    munmap(memory, sizeof *memory);
    close(memory_file);
    return rmdir(folder);
}

const char *crew_url(void)
{
    return given_url ? given_url : file_url;
}

const char *crew_resource(void)
{
    return resource;
}

history *crew_book(void)
{
    return &memory->book;
}

pid_t crew_start(int number, crew_task task, int turns)
{
    char numbers[4][16];
    snprintf(numbers[0], sizeof numbers[0], "%d", memory_file);
    snprintf(numbers[1], sizeof numbers[1], "%d", number);
    snprintf(numbers[2], sizeof numbers[2], "%d", task);
    snprintf(numbers[3], sizeof numbers[3], "%d", turns);
    pid_t worker = fork();
    if (worker == 0) {
        execl("/proc/self/exe", "worker", crew_url(), resource, numbers[0], numbers[1], numbers[2], numbers[3],
              (char *)NULL);
        _exit(127);
    }
    assert_true(worker > 0);
    return worker;
}

void crew_go(void)
{
    atomic_store(&memory->go, true);
}

void crew_join(pid_t worker)
{
    int end;
    assert_int_equal(waitpid(worker, &end, 0), worker);
    assert_int_equal(end, 0);
}

/*
 * --- in the worker -------------------------------------------------------------------------------------------------
 */

/* Writes down that the lease is held, again and again, for that long or until it is valid no more. */
static void hold(const leaselock_lease *lease, int number, int64_t for_us)
{
    int64_t from_us = real_boot_us(), now_us = from_us;
    if (!leaselock_lease_valid(lease))
        return;
    history_entry *entry = history_begin(&memory->book, 0, number, leaselock_lease_sequence(lease), from_us);
    while (entry && now_us - from_us < for_us) {
        usleep(300);
        /* before the look: it was valid at that time, however long this process is stopped now */
        now_us = real_boot_us();
        if (!leaselock_lease_valid(lease))
            return;
        history_held_until(entry, now_us);
    }
}

static leaselock_status take_turns(leaselock_lock *lock, leaselock_backoff *backoff, int number, int turns)
{
    leaselock_status status = LEASELOCK_OK;
    for (int i = 0; i < turns && status == LEASELOCK_OK; i++) {
        leaselock_lease *lease;
        status = leaselock_lock_obtain_with_backoff(lock, resource, NULL, backoff, NULL, &lease);
        if (status != LEASELOCK_OK)
            break;
        hold(lease, number, 1000 * (i % 3));
        status = leaselock_lock_release(lock, lease, NULL);
        leaselock_lease_free(lease);
    }
    return status;
}

static leaselock_status hold_for_ever(leaselock_lock *lock, leaselock_backoff *backoff, int number)
{
    const leaselock_obtain_options options = {.struct_size = sizeof options, .ttl_ms = CREW_TTL_MS};
    for (;;) {
        leaselock_lease *lease;
        leaselock_status status =
            leaselock_lock_obtain_with_backoff(lock, resource, NULL, backoff, &options, &lease);
        if (status != LEASELOCK_OK)
            return status;
        /* stopped and continued, it may be LOST by now; any other failure is one */
        status = leaselock_lease_keep(lease);
        if (status != LEASELOCK_OK && status != LEASELOCK_LOST)
            return status;
        hold(lease, number, 1000 * (20 + rand() % 2 * CREW_TTL_MS));
        if (rand() % 3)
            status = leaselock_lock_release(lock, lease, NULL);
        leaselock_lease_free(lease);
        if (status != LEASELOCK_OK && status != LEASELOCK_LOST)
            return status;
    }
}

static leaselock_status work(const char *at, int number, crew_task task, int turns)
{
    leaselock_lock *lock;
    leaselock_backoff *backoff;
    leaselock_status status = leaselock_lock_open(at, NULL, &lock);
    if (status != LEASELOCK_OK)
        return status;
    status = leaselock_backoff_new_exponential(1000000, 2, 1.0, &backoff);
    if (status == LEASELOCK_OK) {
        status = task == CREW_HOLD ? hold_for_ever(lock, backoff, number) : take_turns(lock, backoff, number, turns);
        leaselock_backoff_free(backoff);
    }
    if (status == LEASELOCK_OK)
        status = leaselock_lock_close(lock);
    leaselock_lock_free(lock);
    return status;
}

bool crew_is_worker(int count, char **arguments, int *status)
{
    if (count != 7 || strcmp(arguments[0], "worker") != 0)
        return false;
    *status = 1;
    snprintf(resource, sizeof resource, "%s", arguments[2]);
    int number = atoi(arguments[4]);
    crew_task task = (crew_task)atoi(arguments[5]);
    srand((unsigned)number + (unsigned)getpid());
    if (!map_memory(atoi(arguments[3])))
        return true;
    while (task == CREW_TAKE_TURNS && !atomic_load(&memory->go))
        usleep(100);
    if (work(arguments[1], number, task, atoi(arguments[6])) == LEASELOCK_OK)
        *status = 0;
    else
        fprintf(stderr, "worker %d: %s\n", number, leaselock_error_last()->message);
    return true;
}
