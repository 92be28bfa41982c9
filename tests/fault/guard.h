/*
 * An observer that watches how checkpoints are made: the database file may be written only while the same thread holds
 * the write lock of its WAL, or, where there is no WAL, the file's own exclusive lock.
 */
#ifndef FAULT_GUARD_H
#define FAULT_GUARD_H

#include "fault/shim.h"

/* Shares its count with the children of the process; before they are forked. */
void guard_start(void);
int guard_before(shim_call *call);
void guard_after(const shim_call *call, int result);

/* How often the rule was broken, and how often the database was written at all. */
int guard_violations(void);
int guard_writes(void);
/* How often a checkpoint was begun. */
int guard_checkpoints(void);

#endif
