/* The SQL of migrations/, embedded by the build. */
#ifndef LL_POSTGRESQL_SCHEMA_H
#define LL_POSTGRESQL_SCHEMA_H

#include "leaselock/sys/engine.h"

extern const leaselock_schema_step ll_postgresql_schema[];

#endif
