/* Three migrations whose traces tell at any time which of them are applied. */
#ifndef FAULT_MIGRATED_H
#define FAULT_MIGRATED_H

#include "migrate/fixture.h"

enum { MIGRATED_LAST = 3 };

/* Writes their files, up and down: plain; with foreign keys off; with a setting that needs a new handle afterwards. */
void migrated_files(void);
/*
 * The version of the database at this path, clean, 0 for none. Fails, and says `when`, where the version, the schema
 * and the rows are not of one and the same moment, or the file is damaged.
 */
int64_t migrated_version(const char *path, const char *when);

#endif
