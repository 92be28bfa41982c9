#include "engines/postgresql/libpq.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

ll_pq_functions pq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[256]; /* empty: loaded */

static void load(void)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "PostgreSQL's client library is needed for this URL (Debian: libpq5): %s",
                 dlerror());
        return;
    }
#define F(name)                                        \
    do {                                               \
        void *symbol = dlsym(library, #name);          \
        memcpy(&pq.name, &symbol, sizeof symbol);      \
        if (!symbol)                                   \
            snprintf(failure, sizeof failure, "libpq 14 or newer is needed: this one has no %s", #name); \
    } while (0);
    LL_PQ_FUNCTIONS(F)
#undef F
}

leaselock_status ll_pg_load(void)
{
    pthread_once(&once, load);
    return failure[0] ? ll_error_set(LEASELOCK_NOT_FOUND, "%s", failure) : LEASELOCK_OK;
}
