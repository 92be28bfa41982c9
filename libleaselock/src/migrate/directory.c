#include "migrate/directory.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "migrate/source.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"

/* SQLite takes no longer text, nor does PostgreSQL. */
enum { BODY_MAX = 1000000000 };

const char *ll_directory_path(const char *directory)
{
    if (strncmp(directory, "file://", 7) == 0)
        directory += 7;
    return directory[0] ? directory : ".";
}

/* Whatever is no subfolder; a link is none, wherever it leads. */
static int is_candidate(const struct dirent *entry)
{
    return entry->d_type != DT_DIR;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

/* Some file systems do not tell what an entry is. */
static bool is_folder(const char *directory, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return false;
    struct stat found;
    char *path = ll_format("%s/%s", directory, entry->d_name);
    bool folder = path && lstat(path, &found) == 0 && S_ISDIR(found.st_mode);
    ll_free(path);
    return folder;
}

leaselock_status ll_directory_list(const char *directory, ll_directory_visitor visit, void *payload)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_candidate, by_bytes);
    if (count < 0)
        return ll_file_fail(directory);
    leaselock_status status = LEASELOCK_OK;
    for (int i = 0; i < count; i++) {
        if (status == LEASELOCK_OK && !is_folder(directory, entries[i]))
            status = visit(entries[i]->d_name, payload);
        free(entries[i]);
    }
    free(entries);
    return status;
}

leaselock_status ll_directory_read(const char *directory, const char *file, char **text, size_t *size)
{
    char *path = ll_format("%s/%s", directory, file);
    leaselock_status status = path ? ll_file_read(path, BODY_MAX, text, size) : LEASELOCK_NOMEM;
    ll_free(path);
    if (status == LEASELOCK_OK || status == LEASELOCK_NOMEM)
        return status;
    /* an unreadable body must never pass for an empty one */
    leaselock_error failure;
    ll_error_save(&failure);
    failure.code = LEASELOCK_BAD_MIGRATION;
    return ll_error_restore(&failure);
}

static leaselock_status add_file(const char *file, void *payload)
{
    return ll_source_add(payload, file, NULL, 0);
}

leaselock_status ll_source_open_directory(const char *directory, leaselock_migration_source **out)
{
    leaselock_migration_source *source = NULL;
    leaselock_status status = leaselock_migration_source_new(&source);
    if (status != LEASELOCK_OK)
        return status;
    source->directory = ll_strdup(ll_directory_path(directory));
    status = source->directory ? ll_directory_list(source->directory, add_file, source) : LEASELOCK_NOMEM;
    if (status == LEASELOCK_OK)
        *out = source;
    else
        leaselock_migration_source_free(source);
    return status;
}
