#!/usr/bin/env python3
"""Runs a command with a synchronous standby beside the server of server.py:

    server.py standby.py COMMAND [ARGUMENT]...

The command finds a URL of both in LEASELOCK_TEST_POSTGRESQL_BOTH, which leads to the one that can be written, and in
LEASELOCK_TEST_POSTGRESQL_PROMOTE a command that makes the standby the primary. Exit status: the command's own; 77 where the
server is not one that may be stopped.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import urllib.parse

from server import NOBODY, VARIABLE, free_port, unprivileged


def main() -> int:
    if not os.environ.get(VARIABLE + "_DATA"):
        print("skipped: the server was given from outside, and a fail-over would stop it", file=sys.stderr)
        return 77
    there = urllib.parse.urlsplit(os.environ[VARIABLE + "_TCP"])
    psql = pathlib.Path(os.environ[VARIABLE + "_PSQL"])
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="leaselock-standby-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        data, quiet = f"{folder}/data", {"cwd": folder, "stdout": subprocess.DEVNULL}
        copy = [str(psql.parent / "pg_basebackup"), "-D", data, "-R", "-X", "stream", "-c", "fast", "-d", os.environ[VARIABLE]]
        subprocess.run([*unprivileged(), *copy], check=True, **quiet)
        with open(f"{data}/postgresql.conf", "a", encoding="utf-8") as config:
            config.write(f"port = {port}\nunix_socket_directories = '{folder}'\n")
        control = [*unprivileged(), str(psql.parent / "pg_ctl"), "-D", data, "-w", "-s", "-l", f"{folder}/log"]
        subprocess.run([*control, "start"], check=True, **quiet)
        try:
            for setting in ("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"):
                subprocess.run([psql, "-qXAt", os.environ[VARIABLE], "-c", setting], check=True, **quiet)
            both = f"postgresql://postgres@127.0.0.1:{there.port},127.0.0.1:{port}{there.path}?target_session_attrs=read-write"
            promote = shlex.join([*control, "promote"])
            variables = {VARIABLE + "_BOTH": both, VARIABLE + "_PROMOTE": promote}
            return subprocess.run(sys.argv[1:], env={**os.environ, **variables}, check=False).returncode
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=False, stderr=subprocess.DEVNULL, **quiet)


if __name__ == "__main__":
    sys.exit(main())
