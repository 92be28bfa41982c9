"""A folder of migrations beside a database, for the tests of leaselock migrate."""
import json
import sqlite3

# finite, but long enough to be met; and one that only ends when it is cancelled
LONG = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000000) SELECT count(*) FROM n;"
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n;"


class Migrations:
    def __init__(self, leaselock):
        self.leaselock = leaselock
        self.folder = leaselock.path.parent / "migrations"
        self.folder.mkdir()

    def file(self, name, text):
        (self.folder / name).write_text(text)

    def tables(self, count=3):
        """Migrations 1 to count; each makes a table of its number's letter."""
        for version in range(1, count + 1):
            name = "abcdefgh"[version - 1]
            self.file(f"{version}_{name}.up.sql", f"CREATE TABLE {name} (x);")
            self.file(f"{version}_{name}.down.sql", f"DROP TABLE {name};")

    def arguments(self, *arguments):
        return ["migrate", "--path", str(self.folder), *arguments]

    def __call__(self, *arguments, **options):
        return self.leaselock(*self.arguments(*arguments), **options)

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, "--json", **options).stdout)

    def start(self, *arguments, **options):
        return self.leaselock.start(*self.arguments(*arguments), **options)

    def version(self):
        return self("version").stdout.strip()

    def found(self):
        """The tables in the database, but for the version's."""
        rows = self.leaselock.connect().execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [name for (name,) in rows if name != "schema_migrations"]

    def is_at_work(self):
        """Whether somebody has the write lock."""
        connection = sqlite3.connect(self.leaselock.path, isolation_level=None, timeout=0)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()
        return False
