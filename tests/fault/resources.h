/* What a program holds, to be compared before and after: nothing may be left over, whatever failed. */
#ifndef FAULT_RESOURCES_H
#define FAULT_RESOURCES_H

#include <stddef.h>

#include <sqlite3.h>

typedef struct resources {
    size_t memory;
    sqlite3_int64 sqlite_memory;
    int files, descriptors;
} resources;

resources resources_now(void);

#endif
