#include "cli/database.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/percent.h"

enum { PRIVATE = 0700 };

/* Makes the path's missing directories, itself included. */
static bool make_directories(char *path)
{
    for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        if (slash == path)
            continue;
        *slash = '\0';
        bool made = mkdir(path, PRIVATE) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return mkdir(path, PRIVATE) == 0 || errno == EEXIST;
}

/* $XDG_STATE_HOME/leaselock. Relative paths in that variable count as unset (XDG Base Directory Specification). */
static bool own_directory(char *path, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME");
    if (state && state[0] == '/')
        return (size_t)snprintf(path, size, "%s/leaselock", state) < size;
    const char *home = getenv("HOME");
    const struct passwd *user = home && home[0] ? NULL : getpwuid(getuid());
    if (user)
        home = user->pw_dir;
    return home && home[0] == '/' && (size_t)snprintf(path, size, "%s/.local/state/leaselock", home) < size;
}

static int own_url(bool make, char *url)
{
    char directory[PATH_MAX];
    if (!own_directory(directory, sizeof directory)) {
        complain("there is no home directory for leases.db; set --db or LEASELOCK_DB");
        return EX_CONFIG;
    }
    if (make && !make_directories(directory)) {
        complain("%s: %s", directory, strerror(errno));
        return EX_CANTCREAT;
    }
    size_t length = (size_t)sprintf(url, "sqlite://");
    length += percent_encode(directory, url + length);
    sprintf(url + length, "/leases.db");
    return 0;
}

int database_open(const struct options *options, leaselock_lock **out)
{
    char own[3 * PATH_MAX + sizeof "sqlite:///leases.db"];
    const char *url = options->db ? options->db : getenv("LEASELOCK_DB");
    if (!url || (!options->db && !url[0])) {
        int code = own_url(!options->no_install, own);
        if (code != 0)
            return code;
        url = own;
    }
    leaselock_lock_options settings = {.struct_size = sizeof settings, .no_install = options->no_install};
    return leaselock_lock_open(url, &settings, out) == LEASELOCK_OK ? 0 : exit_with_failure();
}

void database_close(leaselock_lock *lock, leaselock_lease *lease)
{
    leaselock_lease_free(lease);
    if (lock)
        leaselock_lock_close(lock);
    leaselock_lock_free(lock);
}
