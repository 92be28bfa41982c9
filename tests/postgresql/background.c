#include "postgresql/background.h"

leaselock_status background_obtain(background *of)
{
    return ll_engine_postgresql.obtain(of->connection, &of->claim, 1, call_of(of->time_ms), &of->outcome);
}

leaselock_status background_renew(background *of)
{
    return ll_engine_postgresql.renew(of->connection, &of->claim, 1, call_of(of->time_ms), &of->outcome);
}

leaselock_status background_release(background *of)
{
    return ll_engine_postgresql.release(of->connection, &of->claim, 1, call_of(of->time_ms), &of->outcome);
}

leaselock_status background_raise_floor(background *of)
{
    return ll_engine_postgresql.raise_floor(of->connection, of->floor, call_of(of->time_ms), &of->raised_to);
}

static void *body(void *argument)
{
    background *of = argument;
    of->status = of->run(of);
    atomic_store(&of->done, true);
    return NULL;
}

void background_start(background *of, leaselock_status (*run)(background *), leaselock_connection *connection)
{
    of->run = run;
    of->connection = connection;
    if (of->time_ms == 0)
        of->time_ms = PATIENCE_MS;
    atomic_store(&of->done, false);
    assert_int_equal(pthread_create(&of->thread, NULL, body, of), 0);
}

leaselock_status background_join(background *of)
{
    pthread_join(of->thread, NULL);
    return of->status;
}
