#include <leaselock.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
    leaselock_lock *locks;
    leaselock_lease *lease;
    bool was_ours = false;
    if (count != 2 || strcmp(leaselock_version(), LEASELOCK_VERSION) != 0)
        return 2;
    if (leaselock_lock_open(arguments[1], NULL, &locks) != LEASELOCK_OK ||
        leaselock_lock_obtain_with_no_wait(locks, "consumer", "c", NULL, &lease) != LEASELOCK_OK ||
        leaselock_lock_release(locks, lease, &was_ours) != LEASELOCK_OK) {
        fprintf(stderr, "%s\n", leaselock_error_last()->message);
        return 1;
    }
    leaselock_lease_free(lease);
    leaselock_lock_close(locks);
    leaselock_lock_free(locks);
    return was_ours ? 0 : 1;
}
