#!/usr/bin/env python3
"""Runs a command with a PostgreSQL server of its own, which is gone afterwards:

    server.py [--setting NAME=VALUE]... COMMAND [ARGUMENT]...

The command finds a URL of a superuser on an empty database in LEASELOCK_TEST_POSTGRESQL, and for every argument {url}. Where that is set already, the
command runs against that server instead, in a database that is made for it and dropped again. Beside it, for tests that
are about the server itself (empty on a server that was given): LEASELOCK_TEST_POSTGRESQL_DATA, its data directory, and
LEASELOCK_TEST_POSTGRESQL_CONTROL, a command that takes pg_ctl's verbs (stop, start, restart) and is run as its owner.

Exit status: the command's own; 77 where there is no PostgreSQL on this machine.
"""

import argparse
import contextlib
import glob
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from typing import Any

VARIABLE = "LEASELOCK_TEST_POSTGRESQL"
NOBODY = 65534
SETTINGS = {
    "password_encryption": "scram-sha-256",  # older servers have another default
    "fsync": "off",  # the machine will not crash, and tests of durability look at the flushed position
    "max_connections": "200",
    "autovacuum_naptime": "1s",
    "log_min_messages": "fatal",
    "shared_buffers": "32MB",
    "wal_writer_delay": "10s",  # what is not flushed by a commit stays so for a while
    "bgwriter_delay": "10s",
}
# The tests' one role with a password; everybody else is trusted.
HBA = "host all app 127.0.0.1/32 scram-sha-256\nlocal all,replication all trust\nhost all,replication all 127.0.0.1/32 trust\n"


def programs() -> pathlib.Path | None:
    """The folder of the newest initdb."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if os.environ.get("LEASELOCK_TEST_POSTGRESQL_BIN"):
        found.append(os.environ["LEASELOCK_TEST_POSTGRESQL_BIN"] + "/initdb")
    path = found[-1] if found else shutil.which("initdb")
    return pathlib.Path(path).parent if path else None


def unprivileged() -> list[str]:
    """initdb refuses root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(data: str) -> bool:
    """A self-signed one, where openssl is there."""
    if not shutil.which("openssl"):
        return False
    made = ["openssl", "req", "-new", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-out", f"{data}/server.crt", "-keyout", f"{data}/server.key"]
    subprocess.run([*unprivileged(), *made], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data)
    return True


@contextlib.contextmanager
def private_server(bin_folder: pathlib.Path, settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """A server on a unix socket and on a port of 127.0.0.1; yields the environment of its tests."""
    with tempfile.TemporaryDirectory(prefix="leaselock-pg-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        os.chmod(folder, 0o755)
        data, port = f"{folder}/data", free_port()
        as_owner = unprivileged()
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": folder}
        initdb = [str(bin_folder / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run([*as_owner, *initdb], check=True, **quiet)
        with open(f"{data}/postgresql.conf", "a", encoding="utf-8") as config:
            for name, value in {**SETTINGS, **settings}.items():
                config.write(f"{name} = '{value}'\n")
            config.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n")
            if make_certificate(data):
                config.write("ssl = on\n")
        pathlib.Path(data, "pg_hba.conf").write_text(HBA, encoding="utf-8")
        control = [*as_owner, str(bin_folder / "pg_ctl"), "-D", data, "-w", "-t", "60", "-s", "-l", f"{folder}/log"]
        subprocess.run([*control, "start"], check=True, **quiet)
        try:
            host = urllib.parse.quote(folder, safe="")
            yield {
                VARIABLE: f"postgresql://postgres@{host}:{port}/postgres",
                VARIABLE + "_TCP": f"postgresql://postgres@127.0.0.1:{port}/postgres",
                VARIABLE + "_DATA": data,
                VARIABLE + "_CONTROL": " ".join([*control, "-m", "immediate"]),
                VARIABLE + "_PSQL": shutil.which("psql", path=f"{bin_folder}{os.pathsep}{os.environ['PATH']}") or "psql",
            }
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=False, stderr=subprocess.DEVNULL, **quiet)


@contextlib.contextmanager
def own_database(url: str) -> Iterator[dict[str, str]]:
    """An empty database on the server that the URL leads to."""
    name = f"leaselock_test_{secrets.token_hex(6)}"
    psql = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", url, "-c"]
    subprocess.run([*psql, f"CREATE DATABASE {name}"], check=True)
    try:
        parts = urllib.parse.urlsplit(url)
        there = urllib.parse.urlunsplit(parts._replace(path=f"/{name}"))
        yield {VARIABLE: there, VARIABLE + "_TCP": there, VARIABLE + "_DATA": "", VARIABLE + "_CONTROL": "",
               VARIABLE + "_PSQL": "psql"}
    finally:
        subprocess.run([*psql, f"DROP DATABASE {name} WITH (FORCE)"], check=False)


def run(command: list[str], environment: dict[str, str]) -> int:
    command = [environment[VARIABLE] if argument == "{url}" else argument for argument in command]
    with subprocess.Popen(command, env={**os.environ, **environment}) as child:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, frame: child.send_signal(received))
        return child.wait()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="of the private server")
    options.add_argument("command", nargs=argparse.REMAINDER)
    given = options.parse_args()
    if not given.command:
        options.error("no command")
    url = os.environ.get(VARIABLE)
    if url:
        with own_database(url) as environment:
            return run(given.command, environment)
    bin_folder = programs()
    if not bin_folder:
        print("skipped: there is no PostgreSQL server on this machine (Debian: postgresql)", file=sys.stderr)
        return 77
    settings = dict(setting.split("=", 1) for setting in given.setting)
    with private_server(bin_folder, settings) as environment:
        return run(given.command, environment)


if __name__ == "__main__":
    sys.exit(main())
