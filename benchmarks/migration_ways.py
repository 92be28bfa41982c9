"""What the benchmarks of migrations share: the files, who runs them, and what it costs."""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/interop"))

import golang  # type: ignore[import]


class Cost(NamedTuple):
    """In milliseconds."""

    wall: float
    cpu: float


Way = Callable[[str, str], Cost]  # migrates the database of a URL "up" or "down"


def write_migrations(directory: pathlib.Path, count: int) -> None:
    directory.mkdir()
    for version in range(1, count + 1):
        columns = "id INTEGER PRIMARY KEY, name TEXT NOT NULL, made_at TEXT DEFAULT CURRENT_TIMESTAMP"
        body = f"CREATE TABLE t{version} ({columns});\nCREATE INDEX t{version}_name ON t{version} (name);\n"
        (directory / f"{version:06}_table.up.sql").write_text(body)
        (directory / f"{version:06}_table.down.sql").write_text(f"DROP TABLE t{version};\n")


def golang_migrate_command() -> str | None:
    """As tests/interop builds it; None, and the reason is printed, where that cannot be done."""
    try:
        return str(golang.command(ROOT / "build/golang-migrate"))
    except SystemExit:
        return None


def printed_by(*command: object, directory: pathlib.Path, environment: dict[str, str] | None = None) -> Way:
    """A program that is given URL DIRECTORY up|down, and prints what it cost."""

    def run(url: str, way: str) -> Cost:
        words = [str(part) for part in (*command, url, directory, way)]
        done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return Cost(*map(float, done.stdout.split()))

    return run


def cost_of_process(*command: object) -> Cost:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall * 1000, (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000)


def migration_ways(build: pathlib.Path, directory: pathlib.Path) -> dict[str, Way]:
    """Every way in that is there."""
    command, theirs = build / "bin/leaselock", golang_migrate_command()

    def leaselock(url: str, way: str) -> Cost:
        everything = ["--all"] if way == "down" else []
        return cost_of_process(command, "migrate", way, "--db", url, "--path", directory, *everything)

    def golang_migrate(url: str, way: str) -> Cost:
        everything = ["-all"] if way == "down" else []
        return cost_of_process(theirs, "-database", golang.url(url), "-path", directory, way, *everything)

    ways = {"C": printed_by(build / "bin/bench_migrations", directory=directory)}
    if (build / "python").is_dir():
        script, environment = ROOT / "benchmarks/migrations.py", {**os.environ, "PYTHONPATH": str(build / "python")}
        ways["Python"] = printed_by("/usr/bin/python3", script, directory=directory, environment=environment)
    if os.access(command, os.X_OK):
        ways["command"] = leaselock
    if theirs:
        ways["golang-migrate"] = golang_migrate
    return ways
