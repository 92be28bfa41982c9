/*
 * libpq, loaded when the first postgresql:// URL is opened: the library and the wheel work for SQLite without it.
 * Functions are called as pq.PQfinish(…).
 */
#ifndef LL_POSTGRESQL_LIBPQ_H
#define LL_POSTGRESQL_LIBPQ_H

#include <libpq-fe.h>

#include "leaselock/common.h"

#ifndef LIBPQ_HAS_PIPELINING
#error "libpq 14 or newer is needed"
#endif

#define LL_PQ_FUNCTIONS(F)   \
    F(PQbackendPID)          \
    F(PQcancel)              \
    F(PQclear)               \
    F(PQcmdStatus)           \
    F(PQconnectPoll)         \
    F(PQconnectStartParams)  \
    F(PQconnectionNeedsPassword) \
    F(PQconninfoFree)        \
    F(PQconninfoParse)       \
    F(PQconsumeInput)        \
    F(PQdb)                  \
    F(PQenterPipelineMode)   \
    F(PQerrorMessage)        \
    F(PQexitPipelineMode)    \
    F(PQfinish)              \
    F(PQflush)               \
    F(PQfreeCancel)          \
    F(PQfreemem)             \
    F(PQgetCancel)           \
    F(PQgetCopyData)         \
    F(PQgetResult)           \
    F(PQgetisnull)           \
    F(PQgetlength)           \
    F(PQgetvalue)            \
    F(PQhost)                \
    F(PQisBusy)              \
    F(PQntuples)             \
    F(PQparameterStatus)     \
    F(PQpass)                \
    F(PQpipelineStatus)      \
    F(PQpipelineSync)        \
    F(PQport)                \
    F(PQputCopyEnd)          \
    F(PQresultErrorField)    \
    F(PQresultErrorMessage)  \
    F(PQresultStatus)        \
    F(PQsendPrepare)         \
    F(PQsendQuery)           \
    F(PQsendQueryParams)     \
    F(PQsendQueryPrepared)   \
    F(PQsetErrorVerbosity)   \
    F(PQsetNoticeReceiver)   \
    F(PQsetnonblocking)      \
    F(PQsocket)              \
    F(PQstatus)              \
    F(PQtransactionStatus)   \
    F(PQuser)

typedef struct ll_pq_functions {
#define F(name) __typeof__(&name) name;
    LL_PQ_FUNCTIONS(F)
#undef F
} ll_pq_functions;

extern ll_pq_functions pq;

/* UNAVAILABLE is for servers: a library that is missing will not come by itself. NOT_FOUND with a message. */
leaselock_status ll_pg_load(void);

#endif
