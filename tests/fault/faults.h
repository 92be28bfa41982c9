/*
 * Lets calls fail: the Nth of those that can, once or from then on. Calls on files, as an observer; or SQLite's
 * allocations.
 */
#ifndef FAULT_FAULTS_H
#define FAULT_FAULTS_H

#include "fault/shim.h"

typedef enum faults_mode {
    FAULTS_ERROR, /* each call with the error of its kind */
    FAULTS_FULL,  /* writes: no space left */
    FAULTS_TORN,  /* writes: half of the bytes arrive */
    FAULTS_BUSY,  /* locks: held by somebody else */
    FAULTS_NOMEM, /* SQLite's allocations; only after faults_install_memory() */
    FAULTS_MODES
} faults_mode;

/* The `first`th call (1 is the next) fails, and with `lasting` all that follow. */
void faults_arm(faults_mode mode, int first, bool lasting);
/* Ends that; whether a call did fail. */
bool faults_disarm(void);
/* What the test itself asks SQLite meanwhile: such calls neither fail nor count. */
void faults_pause(bool pause);

int faults_before(shim_call *call);

/* Once per process, before SQLite is used. It gets no lookaside memory, which would hide most of its allocations. */
void faults_install_memory(void);

#endif
