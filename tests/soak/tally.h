/* What was done, how it ended, and how long it took at most. */
#ifndef SOAK_TALLY_H
#define SOAK_TALLY_H

#include <stdio.h>

#include "soak/diary.h"

enum { TALLY_OUTCOMES = 10 };

typedef struct soak_tally {
    unsigned long operations;
    unsigned long counts[DIARY_KINDS][TALLY_OUTCOMES];
    int64_t longest_us[DIARY_KINDS];
    const char *outcomes[TALLY_OUTCOMES]; /* names of the columns, as they turned up */
} soak_tally;

/* `disturbed`: its process was stopped meanwhile, so that how long it took says nothing. */
void tally_add(soak_tally *tally, const diary_event *event, bool disturbed);

void tally_print(const soak_tally *tally, FILE *out);

#endif
