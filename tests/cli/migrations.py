"""A folder of migrations beside a database, for the tests of leaselock migrate."""
import functools
import json

from outside import outside


class Migrations:
    def __init__(self, leaselock, folder):
        self.leaselock = leaselock
        self.folder = folder
        self.folder.mkdir()

    @functools.cached_property
    def database(self):
        """The test's own view of it."""
        return outside(self.leaselock.database.url)

    def close(self):
        self.database.close()

    def file(self, name, text):
        (self.folder / name).write_text(text)

    def tables(self, count=3):
        """Migrations 1 to count; each makes a table of its number's letter."""
        for version in range(1, count + 1):
            name = "abcdefgh"[version - 1]
            self.file(f"{version}_{name}.up.sql", f"CREATE TABLE {name} (x int);")
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
        return [name for name in self.database.tables() if name != "schema_migrations"]
