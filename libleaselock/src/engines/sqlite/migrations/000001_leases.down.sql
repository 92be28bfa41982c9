DROP TABLE leaselock_control;
DROP TABLE leaselock_leases;
