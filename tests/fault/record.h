/* What power.c writes down and disk.c reads. */
#ifndef FAULT_RECORD_H
#define FAULT_RECORD_H

#include <stdatomic.h>

#include "fault/power.h"

enum { POWER_FILES = 3, POWER_EVENTS = 1 << 18, POWER_BYTES = 1 << 28 };

static const char *const power_suffixes[POWER_FILES] = {"", "-wal", "-journal"};

typedef enum power_event_kind {
    POWER_CREATE,
    POWER_DELETE,
    POWER_WRITE,
    POWER_TRUNCATE,
    POWER_SYNC,
    POWER_SYNC_FAILED,
    POWER_FOLDER_SYNC, /* names that were made or deleted stay so */
    POWER_GRANT,
    POWER_FLOOR,
} power_event_kind;

typedef struct power_event {
    power_event_kind kind;
    int file;       /* of the suffixes; GRANT: the resource */
    int64_t offset; /* TRUNCATE: the size; GRANT, FLOOR: the number */
    size_t position, amount; /* WRITE: in bytes */
} power_event;

typedef struct power_record {
    atomic_size_t count, bytes_used;
    atomic_int syncs_until_failure;
    atomic_bool sync_failed;
    atomic_uint errors[POWER_FILES]; /* failed syncs */
    power_event events[POWER_EVENTS];
    unsigned char bytes[POWER_BYTES];
} power_record;

power_record *power_the_record(void);

#endif
