"""leaselock_fence() from another client, in a transaction of that one's own: here psycopg."""

from __future__ import annotations

import psycopg
import pytest
from helpers import eventually

import leaselock

FENCE = "SELECT leaselock_fence(%s, %s)"


def test_nobody_is_granted_what_an_open_transaction_fences(postgresql_url: str) -> None:
    with leaselock.open(postgresql_url) as locks, psycopg.connect(postgresql_url) as user:
        lease = locks.obtain("a", ttl=0.3)
        user.execute(FENCE, (lease.resource_id, lease.sequence))
        user.execute("CREATE TABLE work (fence bigint)")
        user.execute("INSERT INTO work VALUES (%s)", (lease.sequence,))
        eventually(lambda: lease.remaining == 0)
        with pytest.raises(leaselock.Busy):
            locks.obtain_with_no_wait("a")
        lease.renew()  # the holder's own is not held up
        user.commit()
        lease.release()
        with locks.obtain_with_no_wait("a") as successor:
            assert successor.sequence == lease.sequence + 1
            with pytest.raises(psycopg.Error) as failed:
                user.execute(FENCE, (lease.resource_id, lease.sequence))
            assert failed.value.sqlstate == "LL001"
            user.rollback()
            user.execute(FENCE, (successor.resource_id, successor.sequence))
