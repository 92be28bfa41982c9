/*
 * An observer that remembers every write to the test's database, in shared memory, so that children's writes count; and
 * the disk that these writes and syncs leave behind, had the power gone at any one moment.
 */
#ifndef FAULT_POWER_H
#define FAULT_POWER_H

#include <stddef.h>
#include <stdint.h>

#include "fault/shim.h"

enum { POWER_RESOURCES = 4 };

/* Forgets all and records from here on: the database has to be missing still. Before children are forked. */
void power_start(void);
void power_stop(void);
int power_before(shim_call *call);
void power_after(const shim_call *call, int result);

/*
 * The `nth` sync from here on (1 is the next; 0: none) fails, and what was not synced by then never reaches the disk,
 * though it can still be read: so does Linux. Every other descriptor of the file gets the error once, too.
 */
void power_fail_sync(int nth);
/* Whether it did. */
bool power_sync_failed(void);

/* Marks in the record: a sequence was handed out; all later ones are to be above. */
void power_note_grant(int resource, int64_t sequence);
void power_note_floor(int64_t floor);

/* How many events there are in the record. */
size_t power_events(void);

/* What is there after a cut, of the writes that were not synced. */
typedef enum power_cut {
    POWER_NOTHING_UNSYNCED,
    POWER_ALL,
    POWER_SOME_WRITES, /* whole ones, at random */
    POWER_SOME_SECTORS, /* of 512 bytes, at random */
    POWER_CUTS
} power_cut;

/* The disk as the record goes by. */
typedef struct power_disk power_disk;
power_disk *power_disk_new(void);
void power_disk_free(power_disk *disk);
/* Lets one more event happen; true when that was a sync. */
bool power_disk_step(power_disk *disk);
/* The highest sequence that had been handed out by now, and the highest floor. */
int64_t power_disk_granted(const power_disk *disk, int resource);
/* Writes what a cut at this moment leaves of the database to this path, and to those beside it. */
void power_disk_save(const power_disk *disk, power_cut cut, unsigned seed, const char *path);

#endif
