"""golang-migrate's own command, how a URL is written for it, and for how long the tools take turns."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator

MODULE = "github.com/golang-migrate/migrate/v4"
VERSION = "v4.19.1"
DRIVERS = "sqlite postgres"
ENVIRONMENT = os.environ | {"GOFLAGS": "-buildvcs=false -mod=mod", "GOTOOLCHAIN": "local"}
LONGER = "LEASELOCK_INTEROP_SECONDS"  # a longer run, with ever new directories


def skip(reason: str) -> None:
    print(f"skipped (registry): {reason}")
    sys.exit(77)


def build(folder: pathlib.Path) -> None:
    """By Go's ordinary client; asked once whether the module is within reach."""
    if not shutil.which("go"):
        skip("there is no Go")
    try:
        ask = ["go", "list", "-m", f"{MODULE}@{VERSION}"]
        probe = subprocess.run(ask, env=ENVIRONMENT, cwd="/", capture_output=True, timeout=5)
    except subprocess.TimeoutExpired:
        skip("golang-migrate's module did not answer within 5 s")
    if probe.returncode:
        skip("golang-migrate's module cannot be reached: " + probe.stderr.decode().strip().splitlines()[-1])
    subprocess.run(
        ["go", "install", "-tags", DRIVERS, f"{MODULE}/cmd/migrate@{VERSION}"],
        env=ENVIRONMENT | {"GOBIN": str(folder)}, cwd="/", check=True, timeout=500,
    )


def command(folder: pathlib.Path) -> str:
    """The program in a folder that keeps it; tests that run at the same time build it once."""
    folder /= DRIVERS.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "migrate").exists():
            build(folder)
    return str(folder / "migrate")


def url(ours: str) -> str:
    """The same database, so that libpq reads it, too; to golang-migrate's driver a server's socket is an option."""
    if ours.startswith("sqlite:"):
        return ours.replace("sqlite:", "sqlite://", 1)
    parts = urllib.parse.urlsplit(ours)
    user, _, server = parts.netloc.rpartition("@")
    host, _, port = server.partition(":")
    server_options = {"host": urllib.parse.unquote(host), "port": port or "5432", "sslmode": "disable"}
    options = urllib.parse.urlencode(server_options | dict(urllib.parse.parse_qsl(parts.query)))
    return f"postgres://{user}@{parts.path}?{options}"


def seeds(count: int) -> Iterator[int]:
    """So many, or more, for the seconds that the environment says."""
    until = time.monotonic() + float(os.environ.get(LONGER) or 0)
    seed = 0
    while seed < count or time.monotonic() < until:
        yield seed
        seed += 1
