/*
 * Messages to the server outside of pipeline mode, for migrations: each is sent whole, and everything that it brings is
 * read before the next. Who gives up cancels what runs, and still reads to the end: the session goes on.
 */
#ifndef LL_POSTGRESQL_MESSAGE_H
#define LL_POSTGRESQL_MESSAGE_H

#include "engines/postgresql/postgresql.h"

enum { LL_PG_PARAMETERS_MAX = 2 };

/* Zeroed, then filled. */
typedef struct ll_pg_message {
    const char *text; /* one statement where there are values, else any number */
    const char *values[LL_PG_PARAMETERS_MAX];
    int value_count;
    const leaselock_call *call; /* asked whether to go on; NULL: nobody is */
    int64_t asked_from_ms;      /* … from this moment on */
    int64_t until_ms;           /* cancelled then */
} ll_pg_message;

typedef struct ll_pg_reply {
    PGresult *result;  /* of the last statement that came to its end */
    PGresult *failure; /* the server's, or the end of the connection; NULL: all of it was done */
    size_t statements; /* how many came to their end */
    bool timed_out;    /* until_ms has passed */
    bool copied;       /* a statement wanted to copy rows from or to us: nobody is here for that */
} ll_pg_reply;

/*
 * OK: the reply says what became of it. Else what the call said, or UNAVAILABLE (too late); the reply is filled all the
 * same where the server answered the cancel.
 */
leaselock_status ll_pg_send(leaselock_connection *connection, const ll_pg_message *message, ll_pg_reply *reply);
void ll_pg_reply_clear(ll_pg_reply *reply);

/* The end of a call's time, or somewhat later: it says how long to wait for other runners, and that may be a
 * millisecond. */
int64_t ll_pg_answer_until(const leaselock_call *call);
/* Sends what is ours, within that time; `result` may be NULL. Any failure is a status, and `doing` completes "cannot
 * …". */
leaselock_status ll_pg_ask(leaselock_connection *connection, const leaselock_call *call, const char *text,
                           const char *const values[LL_PG_PARAMETERS_MAX], const char *doing, PGresult **result);
leaselock_status ll_pg_tell(leaselock_connection *connection, const leaselock_call *call, const char *text,
                            const char *doing);
/* The same at an end: asks nobody, and drops the link where it cannot be done. Keeps the error record. */
void ll_pg_tell_finally(leaselock_connection *connection, const char *text);

/* What a reply's failure means for what is ours to do; sets the record, drops a link that is broken. */
leaselock_status ll_pg_refused(leaselock_connection *connection, const PGresult *failure, const char *doing);

#endif
