#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/error.h"

static leaselock_status status_of_errno(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return LEASELOCK_NOT_FOUND;
    case EACCES:
    case EPERM:
        return LEASELOCK_PERMISSION;
    case EROFS:
        return LEASELOCK_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
        return LEASELOCK_FULL;
    case EISDIR:
        return LEASELOCK_DIRECTORY;
    default:
        return LEASELOCK_IO;
    }
}

leaselock_status ll_file_fail(const char *path)
{
    return ll_error_set_native(status_of_errno(errno), errno, "%s: %s", path, strerror(errno));
}

/* Reads `size` bytes and sees that there are no more. */
static leaselock_status read_all(int descriptor, const char *path, char *text, size_t size)
{
    char beyond;
    for (size_t done = 0;;) {
        bool last = done == size;
        ssize_t got = read(descriptor, last ? &beyond : text + done, last ? 1 : size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ll_file_fail(path);
        if (last && got == 0)
            return LEASELOCK_OK;
        if (last || got == 0)
            return ll_error_set(LEASELOCK_IO, "%s: its size changed while it was read", path);
        done += (size_t)got;
    }
}

static leaselock_status read_open(int descriptor, const char *path, size_t max, char **text, size_t *size)
{
    struct stat found;
    if (fstat(descriptor, &found) != 0)
        return ll_file_fail(path);
    if (S_ISDIR(found.st_mode))
        return ll_error_set(LEASELOCK_DIRECTORY, "%s is a directory", path);
    if (!S_ISREG(found.st_mode) || (uintmax_t)found.st_size > max)
        return ll_error_set(LEASELOCK_INVALID, S_ISREG(found.st_mode) ? "%s is longer than %zu bytes"
                                                                      : "%s is no regular file", path, max);
    char *whole = ll_alloc((size_t)found.st_size + 1);
    if (!whole)
        return LEASELOCK_NOMEM;
    leaselock_status status = read_all(descriptor, path, whole, (size_t)found.st_size);
    if (status != LEASELOCK_OK) {
        ll_free(whole);
        return status;
    }
    *text = whole;
    *size = (size_t)found.st_size;
    return LEASELOCK_OK;
}

leaselock_status ll_file_read(const char *path, size_t max, char **text, size_t *size)
{
    /* not to hang on a pipe that nobody writes to */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return ll_file_fail(path);
    leaselock_status status = read_open(descriptor, path, max, text, size);
    close(descriptor);
    return status;
}
