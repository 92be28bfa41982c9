/* The latest events of one resource, kept for whoever has to understand a violation. */
#ifndef SOAK_WITNESS_H
#define SOAK_WITNESS_H

#include <stdio.h>

#include "soak/diary.h"

enum { WITNESS_EVENTS = 16384 };

typedef struct soak_witness {
    diary_event events[WITNESS_EVENTS];
    size_t seen;
} soak_witness;

void witness_see(soak_witness *witness, const diary_event *event);

/* Those about the sequence and its neighbours, by the time of their answers. */
void witness_tell(const soak_witness *witness, int64_t sequence, FILE *out);

#endif
