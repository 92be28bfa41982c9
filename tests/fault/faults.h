/* An observer that lets calls fail: the Nth of those that can, once or from then on. */
#ifndef FAULT_FAULTS_H
#define FAULT_FAULTS_H

#include "fault/shim.h"

typedef enum faults_mode {
    FAULTS_ERROR, /* each call with the error of its kind */
    FAULTS_FULL,  /* writes: no space left */
    FAULTS_TORN,  /* writes: half of the bytes arrive */
    FAULTS_BUSY,  /* locks: held by somebody else */
    FAULTS_MODES
} faults_mode;

/* The `first`th call (1 is the next) fails, and with `lasting` all that follow. */
void faults_arm(faults_mode mode, int first, bool lasting);
/* Ends that; whether a call did fail. */
bool faults_disarm(void);

int faults_before(shim_call *call);

#endif
