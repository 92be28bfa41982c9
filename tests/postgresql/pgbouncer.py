#!/usr/bin/env python3
"""Runs a command behind pgbouncer in transaction mode, on the server of server.py:

    server.py pgbouncer.py COMMAND [ARGUMENT]...

The command finds the pooler's URL in LEASELOCK_TEST_POSTGRESQL (and _TCP), and for every argument {pooler}. Several clients
share few server sessions, and every transaction may meet another one. Exit status: the command's own; 77 without pgbouncer.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

from server import NOBODY, VARIABLE, free_port, unprivileged

CONFIG = """
[databases]
* = host={host} port={port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_round_robin = 1
logfile = {folder}/log
pidfile = {folder}/pid
"""


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"pgbouncer ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("pgbouncer did not start")


def main() -> int:
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if not program:
        print("skipped: there is no pgbouncer on this machine (Debian: pgbouncer)", file=sys.stderr)
        return 77
    there = urllib.parse.urlsplit(os.environ[VARIABLE + "_TCP"])
    own_port = free_port()
    with tempfile.TemporaryDirectory(prefix="leaselock-pgbouncer-") as folder:
        config = pathlib.Path(folder, "pgbouncer.ini")
        config.write_text(CONFIG.format(host=there.hostname, port=there.port or 5432, own_port=own_port, folder=folder))
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.chmod(config, 0o644)
        with subprocess.Popen([*unprivileged(), program, "-q", str(config)]) as pooler:
            try:
                wait_for(own_port, pooler)
                url = f"postgresql://postgres@127.0.0.1:{own_port}{there.path}"
                command = [url if argument == "{pooler}" else argument for argument in sys.argv[1:]]
                variables = {VARIABLE: url, VARIABLE + "_TCP": url, VARIABLE + "_DATA": ""}
                return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode
            finally:
                pooler.terminate()


if __name__ == "__main__":
    sys.exit(main())
