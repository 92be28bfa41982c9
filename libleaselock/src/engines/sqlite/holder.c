#include "engines/sqlite/holder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "leaselock/common.h"
#include "util/alloc.h"

/* Where SQLite puts the locks of writers: the RESERVED byte of the database, the write byte of the -shm file. */
enum { RESERVED_BYTE = 0x40000001, WAL_WRITE_BYTE = 120 };

typedef struct ll_locked_byte {
    dev_t device;
    ino_t inode;
    long long byte;
} ll_locked_byte;

/* A line of proc(5)'s locks: "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 120 120". */
static long holder_in(const char *line, const ll_locked_byte *wanted)
{
    char kind[16], end[24];
    long pid;
    unsigned device_major, device_minor;
    unsigned long inode;
    long long first;
    if (sscanf(line, "%*s %15s %*s WRITE %ld %x:%x:%lu %lld %23s", kind, &pid, &device_major, &device_minor, &inode,
               &first, end) != 7)
        return 0;
    long long last = strcmp(end, "EOF") == 0 ? INT64_MAX : -1;
    if (last < 0 && sscanf(end, "%lld", &last) != 1)
        return 0;
    bool matches = inode == wanted->inode && makedev(device_major, device_minor) == wanted->device &&
                   first <= wanted->byte && wanted->byte <= last;
    return matches && pid > 0 && pid != getpid() ? pid : 0;
}

static long holder_of(const char *path, long long byte)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return 0;
    /* not the file itself: closing it would drop this process's locks on it */
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return 0;
    const ll_locked_byte wanted = {found.st_dev, found.st_ino, byte};
    char line[256];
    long pid = 0;
    while (!pid && fgets(line, sizeof line, locks))
        pid = holder_in(line, &wanted);
    fclose(locks);
    return pid;
}

long ll_sqlite_writer(const char *path)
{
    long pid = holder_of(path, RESERVED_BYTE);
    char *shared = pid ? NULL : ll_format("%s-shm", path);
    if (shared)
        pid = holder_of(shared, WAL_WRITE_BYTE);
    ll_free(shared);
    return pid;
}
