/*
 * Migrations through the library. Prints milliseconds, by the clock and of CPU time, from opening the database to
 * closing it.
 *
 *   bench_migrations URL DIRECTORY up|down
 */
#include <string.h>

#include "bench.h"

int main(int count, char **arguments)
{
    if (count != 4)
        return 64;
    leaselock_migrations *migrations;
    double start = seconds(), cpu = cpu_seconds();
    check(leaselock_migrations_open_directory(arguments[1], arguments[2], NULL, &migrations));
    check(strcmp(arguments[3], "up") == 0 ? leaselock_migrations_up(migrations, NULL)
                                          : leaselock_migrations_down(migrations, NULL));
    check(leaselock_migrations_close(migrations));
    printf("%.3f %.3f\n", (seconds() - start) * 1000, (cpu_seconds() - cpu) * 1000);
    leaselock_migrations_free(migrations);
    return 0;
}
