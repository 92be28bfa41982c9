"""The databases that the tests run the program on, and what a test does to one from outside."""
import sqlite3
import sys
import time
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("postgresql", "migrate")]
import schemas
from session import Session

PATIENCE = 60  # how long anything may take before a test gives up; nothing is expected to


def boot_ms():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Sqlite:
    def __init__(self, folder):
        self.path = folder / "leases.db"
        self.url = f"sqlite://{self.path}"

    def connect(self):
        """A connection of the test's own, beside the library's. Transactions are begun by hand."""
        return sqlite3.connect(self.path, isolation_level=None, timeout=PATIENCE)

    def is_untouched(self):
        return not self.path.exists()

    def is_sound(self):
        return self.connect().execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def deadline_of(self, resource):
        """The engine's, by the boot clock: from then on somebody else can be granted the resource."""
        query = "SELECT deadline_ms FROM leaselock_leases WHERE resource = ?"
        return self.connect().execute(query, [resource]).fetchone()[0]

    def lock(self):
        """Nothing can be written until the function that this returns is called."""
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        return lambda: connection.execute("ROLLBACK")

    def take_over(self, client):
        """As if every lease had been granted to somebody else meanwhile."""
        self.connect().execute(
            "UPDATE leaselock_leases SET client = ?, acquisition = ?, sequence = sequence + 1,"
            " deadline_ms = deadline_ms + 3600000",
            [client, "f" * 32],
        )

    def release_all(self):
        """By force."""
        self.connect().execute("UPDATE leaselock_leases SET released = 1")

    def close(self):
        pass


class Postgresql:
    """A schema of its own on the server of tests/postgresql/server.py."""

    def __init__(self, folder):
        self.url = schemas.new_url()
        self.sessions = []

    def session(self):
        self.sessions.append(Session(schemas.psql(self.url)))
        return self.sessions[-1]

    def is_untouched(self):
        return self.session()("SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace") == ["0"]

    def is_sound(self):
        """The server looks after that."""
        return True

    def deadline_of(self, resource):
        """Not later than the engine's, and earlier by the way to it and back at most."""
        session = self.session()
        before = boot_ms()
        remaining = "floor(1000 * extract(epoch FROM expires_at - clock_timestamp()))"
        (answer,) = session(f"SELECT {remaining} FROM leaselock_leases WHERE resource = '{resource}'")
        return before + int(answer)

    def lock(self):
        session = self.session()
        session("BEGIN")
        session("LOCK TABLE leaselock_leases IN EXCLUSIVE MODE")
        return lambda: session("ROLLBACK")

    def take_over(self, client):
        acquisition = "f" * 32
        self.session()(
            f"UPDATE leaselock_leases SET client = '{client}', acquisition = '{acquisition}', sequence = sequence + 1,"
            " expires_at = expires_at + interval '1 hour'"
        )

    def release_all(self):
        self.session()("UPDATE leaselock_leases SET released = true")

    def close(self):
        for session in self.sessions:
            session.close()


ENGINES = {"sqlite": Sqlite, "postgresql": Postgresql}
