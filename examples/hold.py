"""Charges an invoice while no other process does."""

import leaselock


def charge(fence: int) -> None:
    print(f"charged, fence {fence}")


with leaselock.open("sqlite:leases.db", ttl=30) as locks:
    with locks.hold("invoice-42", client_id="worker-7") as lease:  # obtain, keep renewing, release
        charge(fence=lease.sequence)
