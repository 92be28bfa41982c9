/* The SQL of migrations/, embedded by the build. */
#ifndef LL_SQLITE_SCHEMA_H
#define LL_SQLITE_SCHEMA_H

#include "leaselock/sys/engine.h"

extern const leaselock_schema_step ll_sqlite_schema[];

#endif
