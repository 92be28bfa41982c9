/* Which engine serves a URL. */
#ifndef LL_CORE_ENGINES_H
#define LL_CORE_ENGINES_H

#include "leaselock/sys/engine.h"

/* SCHEME where there is none, with a message that lists those there are. */
leaselock_status ll_engine_for_url(const char *url, const leaselock_engine **out);

#endif
