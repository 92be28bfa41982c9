#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"

static int read_clock(clockid_t clock, int64_t *ms)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return errno;
    *ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return 0;
}

static int system_boot_clock(void *payload, int64_t *ms)
{
    (void)payload;
    return read_clock(CLOCK_BOOTTIME, ms);
}

static int system_wall_clock(void *payload, int64_t *ms)
{
    (void)payload;
    return read_clock(CLOCK_REALTIME, ms);
}

/* Reads a small file of procfs; ENOTSUP where the path leads to another file system (containers mount over it). */
static int read_procfs(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    struct statfs where;
    int failure = 0;
    ssize_t length = -1;
    if (fstatfs(file, &where) != 0)
        failure = errno;
    else if (where.f_type != PROC_SUPER_MAGIC)
        failure = ENOTSUP;
    else if ((length = read(file, text, size - 1)) < 0)
        failure = errno;
    close(file);
    if (!failure)
        text[length] = '\0';
    return failure;
}

static int system_boot_id(void *payload, char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    (void)payload;
    int failure = read_procfs("/proc/sys/kernel/random/boot_id", id, LEASELOCK_BOOT_ID_MAX + 1);
    if (!failure)
        id[strcspn(id, "\n")] = '\0';
    return failure;
}

/* timens_offsets are those of the *children's* namespace: they are ours only while both are the same. */
static int system_boot_offset(void *payload, int64_t *ms)
{
    (void)payload;
    struct stat own, children;
    *ms = 0;
    if (stat("/proc/self/ns/time", &own) != 0)
        return errno == ENOENT ? 0 : errno; /* a kernel without time namespaces has no offsets */
    if (stat("/proc/self/ns/time_for_children", &children) != 0)
        return errno;
    if (own.st_ino != children.st_ino || own.st_dev != children.st_dev)
        return ENOTSUP;
    char text[256];
    int failure = read_procfs("/proc/self/timens_offsets", text, sizeof text);
    if (failure)
        return failure;
    const char *line = strstr(text, "boottime");
    long long seconds, nanoseconds;
    if (!line || sscanf(line, "boottime %lld %lld", &seconds, &nanoseconds) != 2)
        return ENOTSUP;
    *ms = (int64_t)seconds * 1000 + nanoseconds / 1000000;
    return 0;
}

static int system_file_system(void *payload, const char *path, int64_t *type)
{
    (void)payload;
    struct statfs where;
    if (statfs(path, &where) != 0)
        return errno;
    *type = (int64_t)where.f_type;
    return 0;
}

static int system_random(void *payload, void *bytes, size_t count)
{
    (void)payload;
    while (count > 0) {
        ssize_t got = getrandom(bytes, count, 0);
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0) {
            bytes = (char *)bytes + got;
            count -= (size_t)got;
        }
    }
    return 0;
}

#define SYSTEM_PROBES                                                                                            \
    {                                                                                                            \
        sizeof(leaselock_probes), NULL, system_boot_clock, system_wall_clock, system_boot_id, system_boot_offset, \
            system_file_system, system_random                                                                    \
    }

static const leaselock_probes system_probes = SYSTEM_PROBES;
static leaselock_probes probes = SYSTEM_PROBES;

void leaselock_probes_set(const leaselock_probes *replacement)
{
    probes = system_probes;
    if (!replacement)
        return;
    leaselock_probes given = {0};
    size_t known = replacement->struct_size < sizeof given ? replacement->struct_size : sizeof given;
    memcpy(&given, replacement, known);
    probes.payload = given.payload;
#define TAKE(slot)  \
    if (given.slot) \
    probes.slot = given.slot
    TAKE(boot_clock);
    TAKE(wall_clock);
    TAKE(boot_id);
    TAKE(boot_offset);
    TAKE(file_system);
    TAKE(random);
#undef TAKE
}

/* The test clock, in microseconds, since an engine pauses for less than a millisecond. */
static atomic_bool test_clock;
static _Atomic int64_t test_boot_us;
static _Atomic int64_t test_wall_us;

void leaselock_test_clock_start(int64_t boot_ms, int64_t wall_ms)
{
    test_boot_us = boot_ms * 1000;
    test_wall_us = wall_ms * 1000;
    test_clock = true;
}

void leaselock_test_clock_advance(int64_t ms)
{
    ll_clock_test_advance(ms * 1000);
}

void leaselock_test_clock_step_wall(int64_t ms)
{
    test_wall_us += ms * 1000;
}

void leaselock_test_clock_stop(void)
{
    test_clock = false;
}

bool ll_clock_is_test(void)
{
    return atomic_load_explicit(&test_clock, memory_order_relaxed);
}

void ll_clock_test_advance(int64_t microseconds)
{
    test_boot_us += microseconds;
    test_wall_us += microseconds;
}

int64_t ll_clock_boot(void)
{
    if (ll_clock_is_test())
        return test_boot_us / 1000;
    int64_t ms;
    return probes.boot_clock(probes.payload, &ms) == 0 ? ms : LL_CLOCK_BROKEN;
}

int64_t ll_clock_wall(void)
{
    if (ll_clock_is_test())
        return test_wall_us / 1000;
    int64_t ms;
    return probes.wall_clock(probes.payload, &ms) == 0 ? ms : LL_CLOCK_BROKEN;
}

int64_t ll_clock_after(int64_t ms)
{
    int64_t now = ll_clock_boot();
    return now > INT64_MAX - ms ? INT64_MAX : now + ms;
}

leaselock_status ll_clock_boot_id(char id[LEASELOCK_BOOT_ID_MAX + 1])
{
    int failure = probes.boot_id(probes.payload, id);
    if (!failure && id[0] == '\0')
        failure = ENOTSUP;
    if (failure)
        return ll_error_set_native(LEASELOCK_CLOCK, failure, "cannot tell one boot of this machine from another: %s",
                                   failure == ENOTSUP ? "the boot id is not the kernel's own" : strerror(failure));
    return LEASELOCK_OK;
}

leaselock_status ll_clock_boot_offset(int64_t *ms)
{
    int failure = probes.boot_offset(probes.payload, ms);
    if (failure)
        return ll_error_set_native(LEASELOCK_CLOCK, failure,
                                   "cannot tell this time namespace's offset: %s",
                                   failure == ENOTSUP ? "its children are in another one" : strerror(failure));
    return LEASELOCK_OK;
}

leaselock_status ll_file_system_type(const char *path, int64_t *type)
{
    int failure = probes.file_system(probes.payload, path, type);
    if (!failure)
        return LEASELOCK_OK;
    leaselock_status code = failure == ENOENT || failure == ENOTDIR ? LEASELOCK_NOT_FOUND
                            : failure == EACCES                     ? LEASELOCK_PERMISSION
                                                                    : LEASELOCK_IO;
    return ll_error_set_native(code, failure, "%s: %s", path, strerror(failure));
}

leaselock_status ll_random(void *bytes, size_t count)
{
    int failure = probes.random(probes.payload, bytes, count);
    if (failure)
        return ll_error_set_native(LEASELOCK_INTERNAL, failure, "no random numbers: %s", strerror(failure));
    return LEASELOCK_OK;
}
