#include <leaselock.h>

#include <iostream>
#include <memory>

int main(int count, char **arguments)
{
    leaselock_lock *opened = nullptr;
    if (count != 2 || leaselock_lock_open(arguments[1], nullptr, &opened) != LEASELOCK_OK) {
        std::cerr << leaselock_error_last()->message << '\n';
        return 1;
    }
    std::unique_ptr<leaselock_lock, decltype(&leaselock_lock_free)> locks(opened, leaselock_lock_free);
    leaselock_obtain_options options{};
    options.struct_size = sizeof options;
    options.ttl_ms = 1000;
    leaselock_lease *obtained = nullptr;
    if (leaselock_lock_obtain(locks.get(), "consumer", "c++", &options, &obtained) != LEASELOCK_OK)
        return 1;
    std::unique_ptr<leaselock_lease, decltype(&leaselock_lease_free)> lease(obtained, leaselock_lease_free);
    bool was_ours = false;
    return leaselock_lease_sequence(lease.get()) > 0 &&
                   leaselock_lock_release(locks.get(), lease.get(), &was_ours) == LEASELOCK_OK && was_ours
               ? 0
               : 1;
}
