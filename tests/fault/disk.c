/* The disk that a record leaves behind: files by their content, and names that lead to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/record.h"
#include "support/check.h"

enum { SECTOR = 512 };

/* One file, from its creation on; it lives on after its name was deleted, until that is on the disk. */
typedef struct incarnation {
    unsigned char *bytes; /* that were synced */
    size_t size, capacity;
    size_t *pending; /* events of writes and truncations since */
    size_t pending_count, pending_capacity;
} incarnation;

struct power_disk {
    size_t at; /* the next event */
    incarnation *now[POWER_FILES];     /* what the names lead to */
    incarnation *durable[POWER_FILES]; /* what they lead to on the disk */
    int64_t granted[POWER_RESOURCES];
    int64_t floor;
};

/* --- incarnations ---------------------------------------------------------------------------------------------- */

static void *grown(void *memory, size_t size)
{
    memory = realloc(memory, size);
    assert_non_null(memory);
    return memory;
}

static void set_size(incarnation *file, size_t size)
{
    if (size > file->capacity) {
        file->capacity = 2 * size;
        file->bytes = grown(file->bytes, file->capacity);
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

static void put(incarnation *file, size_t offset, const unsigned char *bytes, size_t amount)
{
    if (offset + amount > file->size)
        set_size(file, offset + amount);
    memcpy(file->bytes + offset, bytes, amount);
}

static void add_pending(incarnation *file, size_t event)
{
    if (file->pending_count == file->pending_capacity) {
        file->pending_capacity = file->pending_capacity ? 2 * file->pending_capacity : 64;
        file->pending = grown(file->pending, file->pending_capacity * sizeof *file->pending);
    }
    file->pending[file->pending_count++] = event;
}

static void free_incarnation(incarnation *file)
{
    if (!file)
        return;
    free(file->bytes);
    free(file->pending);
    free(file);
}

/* Of a write the sectors that happen to arrive; each piece lies in one of them. */
static void put_some_sectors(incarnation *file, const power_event *event, unsigned *seed)
{
    const unsigned char *bytes = power_the_record()->bytes + event->position;
    for (size_t done = 0; done < event->amount;) {
        size_t offset = (size_t)event->offset + done, piece = SECTOR - offset % SECTOR;
        if (piece > event->amount - done)
            piece = event->amount - done;
        if (rand_r(seed) & 0x100)
            put(file, offset, bytes + done, piece);
        done += piece;
    }
}

static void apply(incarnation *file, const power_event *event, power_cut cut, unsigned *seed)
{
    if (cut == POWER_SOME_SECTORS && event->kind == POWER_WRITE)
        put_some_sectors(file, event, seed);
    else if (cut != POWER_ALL && rand_r(seed) & 0x100)
        return;
    else if (event->kind == POWER_TRUNCATE)
        set_size(file, (size_t)event->offset);
    else
        put(file, (size_t)event->offset, power_the_record()->bytes + event->position, event->amount);
}

static void apply_pending(incarnation *file, const incarnation *from, power_cut cut, unsigned *seed)
{
    for (size_t i = 0; i < from->pending_count; i++)
        apply(file, &power_the_record()->events[from->pending[i]], cut, seed);
}

/* --- the record goes by ---------------------------------------------------------------------------------------- */

power_disk *power_disk_new(void)
{
    power_disk *disk = calloc(1, sizeof *disk);
    assert_non_null(disk);
    return disk;
}

void power_disk_free(power_disk *disk)
{
    for (int i = 0; i < POWER_FILES; i++) {
        if (disk->now[i] != disk->durable[i])
            free_incarnation(disk->now[i]);
        free_incarnation(disk->durable[i]);
    }
    free(disk);
}

static void make(power_disk *disk, int name)
{
    if (disk->now[name])
        return; /* two processes at once: both saw it missing */
    disk->now[name] = calloc(1, sizeof(incarnation));
    assert_non_null(disk->now[name]);
}

static void delete(power_disk *disk, int name)
{
    if (disk->now[name] != disk->durable[name])
        free_incarnation(disk->now[name]);
    disk->now[name] = NULL;
}

static void sync_folder(power_disk *disk)
{
    for (int i = 0; i < POWER_FILES; i++) {
        if (disk->now[i] == disk->durable[i])
            continue;
        free_incarnation(disk->durable[i]);
        disk->durable[i] = disk->now[i];
    }
}

bool power_disk_step(power_disk *disk)
{
    unsigned seed = 0;
    const power_event *event = &power_the_record()->events[disk->at];
    incarnation *file = event->kind < POWER_FOLDER_SYNC ? disk->now[event->file] : NULL;
    switch (event->kind) {
    case POWER_CREATE:
        make(disk, event->file);
        break;
    case POWER_DELETE:
        delete(disk, event->file);
        break;
    case POWER_WRITE:
    case POWER_TRUNCATE:
        if (file) /* else its name is gone, and nobody will find it */
            add_pending(file, disk->at);
        break;
    case POWER_SYNC:
        if (file)
            apply_pending(file, file, POWER_ALL, &seed);
        /* fall through */
    case POWER_SYNC_FAILED:
        if (file)
            file->pending_count = 0;
        break;
    case POWER_FOLDER_SYNC:
        sync_folder(disk);
        break;
    case POWER_GRANT:
        if (event->offset > disk->granted[event->file])
            disk->granted[event->file] = event->offset;
        break;
    case POWER_FLOOR:
        if (event->offset > disk->floor)
            disk->floor = event->offset;
        break;
    }
    disk->at++;
    return event->kind == POWER_SYNC || event->kind == POWER_FOLDER_SYNC || event->kind == POWER_SYNC_FAILED;
}

int64_t power_disk_granted(const power_disk *disk, int resource)
{
    return disk->granted[resource] > disk->floor ? disk->granted[resource] : disk->floor;
}

/* --- the cut --------------------------------------------------------------------------------------------------- */

/* Which file a name leads to after the cut. */
static const incarnation *survivor(const power_disk *disk, int name, power_cut cut, unsigned *seed)
{
    if (cut == POWER_ALL || (cut != POWER_NOTHING_UNSYNCED && rand_r(seed) & 0x100))
        return disk->now[name];
    return disk->durable[name];
}

static void save(const incarnation *file, power_cut cut, unsigned *seed, const char *path)
{
    incarnation copy = {0};
    set_size(&copy, file->size);
    if (file->size)
        memcpy(copy.bytes, file->bytes, file->size);
    if (cut != POWER_NOTHING_UNSYNCED)
        apply_pending(&copy, file, cut, seed);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_true(copy.size == 0 || fwrite(copy.bytes, 1, copy.size, out) == copy.size);
    assert_int_equal(fclose(out), 0);
    free(copy.bytes);
}

void power_disk_save(const power_disk *disk, power_cut cut, unsigned seed, const char *path)
{
    for (int i = 0; i < POWER_FILES; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, power_suffixes[i]);
        const incarnation *file = survivor(disk, i, cut, &seed);
        if (file)
            save(file, cut, &seed, name);
        else
            unlink(name);
    }
}
