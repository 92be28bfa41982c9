/*
 * One story of a lease, told while calls fail: open, obtain, renew, release, obtain by a second client, list, raise the
 * floor, keep. After each step what was answered is compared with what is in the file.
 */
#ifndef FAULT_STORY_H
#define FAULT_STORY_H

#include <stdint.h>

#include "fault/faults.h"

/* What went wrong where, for the messages of a test that fails. */
typedef struct story_place {
    const char *beginning; /* "new" or "existing": of the file */
    faults_mode mode;
    bool lasting;
    int call;
} story_place;

/* The resource's numbers, as far as anybody was told. */
typedef struct story_numbers {
    int64_t highest; /* that was handed out */
    int64_t floor;   /* that was said to be in force */
} story_numbers;

/* Tells it on the test's database, with the faults armed as the place says. True when a call did fail. */
bool story_tell(const story_place *place, story_numbers *numbers);

/* In the story, and after it: the condition, or a message that says where it was not so. */
#define story_check(place, condition) story_check_at((place), (condition), #condition, __FILE__, __LINE__)
void story_check_at(const story_place *place, bool condition, const char *text, const char *file, int line);

#endif
