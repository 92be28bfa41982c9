DROP FUNCTION leaselock_fence(text, bigint);
DROP TABLE leaselock_control;
DROP TABLE leaselock_leases;
DROP FUNCTION leaselock_lock_row();
