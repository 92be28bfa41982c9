#include "engines/sqlite/file.h"

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fork.h"

/* Never open() or close() the file here: close() would drop every lock that this process has on it. */

static ll_sqlite_file *files;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void protect_mutex(void)
{
    ll_fork_protect(&mutex);
}

static leaselock_status fail_errno(const char *path)
{
    leaselock_status code = errno == ENOENT || errno == ENOTDIR ? LEASELOCK_NOT_FOUND
                            : errno == EACCES || errno == EPERM ? LEASELOCK_PERMISSION
                            : errno == EROFS                    ? LEASELOCK_READ_ONLY
                            : errno == ENAMETOOLONG             ? LEASELOCK_INVALID
                                                                : LEASELOCK_IO;
    return ll_error_set_native(code, errno, "%s: %s", path, strerror(errno));
}

/* realpath(3) of a file that need not exist: its folder has to. */
static leaselock_status absolute_path(const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == path ? ll_strdup("/")
                   : slash       ? ll_format("%.*s", (int)(slash - path), path)
                                 : ll_strdup(".");
    if (!folder)
        return LEASELOCK_NOMEM;
    char *real = realpath(folder, NULL);
    leaselock_status status = LEASELOCK_OK;
    if (!real) {
        status = fail_errno(folder);
    } else {
        *out = ll_format("%s/%s", strcmp(real, "/") == 0 ? "" : real, slash ? slash + 1 : path);
        status = *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
    }
    free(real);
    ll_free(folder);
    return status;
}

/* The path without links; *exists tells whether there is something. */
static leaselock_status real_path(const char *path, char **out, bool *exists)
{
    char *real = realpath(path, NULL);
    *exists = real != NULL;
    if (!real)
        return errno == ENOENT ? absolute_path(path, out) : fail_errno(path);
    *out = ll_strdup(real);
    free(real);
    return *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

static leaselock_status check_kind(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return fail_errno(path);
    if (S_ISDIR(found.st_mode))
        return ll_error_set(LEASELOCK_DIRECTORY, "%s is a directory", path);
    if (!S_ISREG(found.st_mode))
        return ll_error_set(LEASELOCK_NOT_A_DATABASE, "%s is not a regular file", path);
    return LEASELOCK_OK;
}

/* Network file systems, and those that a program in user space may implement as it likes: magic(5), statfs(2). */
static bool is_untrusted(int64_t type)
{
    static const int64_t untrusted[] = {NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                        V9FS_MAGIC,       AFS_SUPER_MAGIC,  AFS_FS_MAGIC,     CODA_SUPER_MAGIC,
                                        CEPH_SUPER_MAGIC, NCP_SUPER_MAGIC,  OCFS2_SUPER_MAGIC, FUSE_SUPER_MAGIC,
                                        0x0BD00BD0 /* Lustre */, 0x01161970 /* GFS2 */};
    for (size_t i = 0; i < sizeof untrusted / sizeof *untrusted; i++)
        if ((uint32_t)type == (uint32_t)untrusted[i])
            return true;
    return false;
}

static leaselock_status check_file_system(const char *path)
{
    int64_t type;
    leaselock_status status = ll_file_system_type(path, &type);
    if (status == LEASELOCK_OK && is_untrusted(type))
        return ll_error_set(LEASELOCK_NETWORK_FILE_SYSTEM,
                            "%s is on a file system whose locks cannot be trusted (type 0x%llx); "
                            "any_file_system=1 overrides",
                            path, (unsigned long long)type);
    return status;
}

/* Of an absolute path. */
static char *folder_of(const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);
    return ll_format("%.*s", length ? (int)length : 1, path);
}

/* What is missing has to be made; SQLite would say of a folder that cannot be written that the file is not there. */
static leaselock_status check_folder(const char *path, bool any_file_system)
{
    char *folder = folder_of(path);
    if (!folder)
        return LEASELOCK_NOMEM;
    leaselock_status status = any_file_system ? LEASELOCK_OK : check_file_system(folder);
    if (status == LEASELOCK_OK && euidaccess(folder, W_OK | X_OK) != 0)
        status = fail_errno(folder);
    ll_free(folder);
    return status;
}

leaselock_status ll_sqlite_file_resolve(const char *path, bool create, bool any_file_system, char **out)
{
    char *real = NULL;
    bool exists;
    leaselock_status status = real_path(path, &real, &exists);
    if (status == LEASELOCK_OK && !exists)
        status = create ? check_folder(real, any_file_system)
                        : ll_error_set(LEASELOCK_NOT_FOUND,
                                       "%s: there is no such file, and none is made: installing is switched off", real);
    if (status == LEASELOCK_OK && exists)
        status = check_kind(real);
    if (status == LEASELOCK_OK && exists && !any_file_system)
        status = check_file_system(real);
    if (status == LEASELOCK_OK)
        *out = real;
    else
        ll_free(real);
    return status;
}

static ll_sqlite_file *new_file(const char *path)
{
    ll_sqlite_file *file = ll_alloc(sizeof *file);
    if (file && !(file->path = ll_strdup(path))) {
        ll_free(file);
        return NULL;
    }
    if (file) {
        file->fork_generation = ll_fork_generation();
        file->next = files;
        files = file;
    }
    return file;
}

static leaselock_status find_or_add(const char *path, ll_sqlite_file **out)
{
    struct stat found = {0};
    bool exists = stat(path, &found) == 0;
    for (ll_sqlite_file *file = files; file; file = file->next) {
        bool same_inode = exists && file->inode == found.st_ino && file->device == found.st_dev;
        bool same_path = strcmp(file->path, path) == 0;
        if (file->references > 0 && file->fork_generation != ll_fork_generation()) {
            if (same_path || same_inode)
                return ll_error_set(LEASELOCK_FORKED,
                                    "%s was open when this process was forked: close it before the fork, open it only "
                                    "after, or spawn",
                                    path);
        } else if (same_path && (same_inode || file->inode == 0)) {
            file->fork_generation = ll_fork_generation();
            *out = file;
            return LEASELOCK_OK;
        }
    }
    *out = new_file(path);
    return *out ? LEASELOCK_OK : LEASELOCK_NOMEM;
}

leaselock_status ll_sqlite_file_enter(const char *path, ll_sqlite_file **out)
{
    pthread_once(&once, protect_mutex);
    pthread_mutex_lock(&mutex);
    leaselock_status status = find_or_add(path, out);
    if (status == LEASELOCK_OK)
        (*out)->references++;
    pthread_mutex_unlock(&mutex);
    return status;
}

void ll_sqlite_file_opened(ll_sqlite_file *file)
{
    struct stat found;
    if (stat(file->path, &found) != 0)
        return;
    pthread_mutex_lock(&mutex);
    file->device = found.st_dev;
    file->inode = found.st_ino;
    pthread_mutex_unlock(&mutex);
}

void ll_sqlite_file_leave(ll_sqlite_file *file)
{
    pthread_mutex_lock(&mutex);
    /* what nobody has recovered from has to be known to whoever opens the file next */
    if (--file->references == 0 && atomic_load(&file->faults) == atomic_load(&file->healed)) {
        ll_sqlite_file **link = &files;
        while (*link != file)
            link = &(*link)->next;
        *link = file->next;
        ll_free(file->path);
        ll_free(file);
    }
    pthread_mutex_unlock(&mutex);
}
