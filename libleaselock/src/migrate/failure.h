/* Where in a file something failed, for people. */
#ifndef LL_MIGRATE_FAILURE_H
#define LL_MIGRATE_FAILURE_H

#include "migrate/runner.h"

/* Fills `failure` (may be NULL) from an offset plus 1; 0, or no text: only the file is known. */
void ll_failure_note(ll_failure *failure, const char *file, const char *text, size_t failed_at);

#endif
