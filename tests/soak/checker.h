/*
 * Judges a history. It knows nothing of how leases are made, only what is promised:
 *  - no sequence is granted twice, and the order of the numbers is the order of the grants;
 *  - nobody holds a resource, by the engine's time, while another is granted it;
 *  - once a later grant was answered, nobody sees the earlier one as valid, current, renewed, or released as its own;
 *  - once a release was answered, nobody renews the lease, or sees it held;
 *  - what was seen as expired, or released, is valid again by nothing but an explicit renewal;
 *  - LOST says the truth; every number is above the floor.
 * What was killed or failed may or may not have happened.
 */
#ifndef SOAK_CHECKER_H
#define SOAK_CHECKER_H

#include <stdio.h>

#include "soak/diary.h"

typedef struct soak_checker soak_checker;

/* Violations are told to `out`, each with what else happened to the resource. */
soak_checker *checker_new(FILE *out);
void checker_free(soak_checker *checker);

/* In any order between lanes, in its own within a lane. */
void checker_feed(soak_checker *checker, const diary_event *event);

/* No event to come began before `reached_us`: judges, and forgets, what only such events could have changed. */
void checker_settle(soak_checker *checker, int64_t reached_us);

/* A violation that somebody else has found. */
void checker_report(soak_checker *checker, const char *format, ...) __attribute__((format(printf, 2, 3)));

unsigned long checker_violations(const soak_checker *checker);
unsigned long checker_grants(const soak_checker *checker);
/* Leases that were seen valid when only a keeper can have renewed them. */
unsigned long checker_kept(const soak_checker *checker);

#endif
