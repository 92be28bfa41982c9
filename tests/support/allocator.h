/* An allocator that counts what is alive, and fails when it is told to. */
#ifndef SUPPORT_ALLOCATOR_H
#define SUPPORT_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

/* Puts the library on this allocator, for the rest of the process. */
void allocator_install(void);

/* How many allocations are alive. */
size_t allocator_alive(void);

/* From now on the `first`th allocation (1 is the next) fails, and with `lasting` all that follow. */
void allocator_fail(size_t first, bool lasting);
/* Ends that; true when an allocation did fail. */
bool allocator_heal(void);

#endif
