/* All memory of the library goes through here, so that tests can make any of it fail. */
#ifndef LL_UTIL_ALLOC_H
#define LL_UTIL_ALLOC_H

#include <stddef.h>

/* Zeroed memory; NULL with the error record set to NOMEM. */
void *ll_alloc(size_t size);
/* The old memory stays as it is where this fails (NULL, NOMEM). */
void *ll_realloc(void *memory, size_t size);
char *ll_strdup(const char *text);
/* printf into new memory. */
char *ll_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ll_free(void *memory);

#endif
