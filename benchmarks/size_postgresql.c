/*
 * What pairs on one resource leave behind: prints the bytes of the table and its indexes.
 *
 *   bench_size_postgresql URL PAIRS
 */
#include "postgresql.h"

int main(int count, char **arguments)
{
    if (count != 3)
        return 64;
    PGconn *link = connect_by_hand(arguments[1]);
    leaselock_lock *locks = open_locks(arguments[1]);
    PQclear(checked(link, PQexec(link, "TRUNCATE leaselock_leases")));
    for (long left = atol(arguments[2]); left > 0; left--)
        pair(locks, "benchmark");
    close_locks(locks);
    PGresult *bytes = checked(link, PQexec(link, "SELECT pg_total_relation_size('leaselock_leases')"));
    printf("%s\n", PQgetvalue(bytes, 0, 0));
    PQclear(bytes);
    PQfinish(link);
    return 0;
}
