/* Messages for the sink of leaselock_log_set(); silent without one. */
#ifndef LL_UTIL_LOG_H
#define LL_UTIL_LOG_H

#include "leaselock/hooks.h"

/* Never with a mutex held. */
void ll_log(int level, const char *domain, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
