"""Runs the examples of the README and of docs/migrations.md against a build tree: examples.py BUILD [URL]

With a URL, of a new database, it takes the place of theirs, and nothing else is changed. Each of the README's four has to print
its fence; together they are 1, 2, 3, 4, since each is the next holder of the same resource. Both pages' migrations begin with
nothing: what the shell has brought up, Python has to bring up again.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES_URL = re.compile(r"sqlite:(leases|app)\.db")
CREATED = "db/migrations/000001_users.up.sql\ndb/migrations/000001_users.down.sql\n"
STATUS = "1\tAPPLIED\tup,down\tusers\n"


def blocks(page: str, heading: str, url: str | None) -> dict[str, str]:
    """The first example of each language between a heading and the next one."""
    section = (ROOT / page).read_text().split(f"{heading}\n", 1)[1].split("\n## ")[0]
    texts = reversed(re.findall(r"```(\w+)\n(.*?)```", section, re.S))
    return {language: EXAMPLES_URL.sub(url, text) if url else text for language, text in texts}


def command(language: str, text: str, build: pathlib.Path) -> list[str]:
    if language == "python":
        return [sys.executable, "-W", "error", "-c", text]
    if language == "lua":
        pathlib.Path("example.lua").write_text(text)
        return ["lua5.4", "-W", "example.lua"]
    if language == "sh":
        return ["sh", "-eu", "-c", text]
    pathlib.Path("example.c").write_text(text)
    include, library = ROOT / "libleaselock/include", build / "lib"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{include}", f"-L{library}", "-lleaselock"]
    subprocess.run(["cc", "example.c", "-o", "example", *flags, f"-Wl,-rpath,{library}"], check=True)
    return ["./example"]


def passes(name: str, arguments: list[str], expected: str, folder: str = ".") -> bool:
    """Whether it prints what is expected, a pattern, and nothing to standard error."""
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    good = done.returncode == 0 and not done.stderr and re.fullmatch(expected, done.stdout) is not None
    if not good:
        print(f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return good


def leases(build: pathlib.Path, url: str | None) -> list[bool]:
    texts = blocks("README.md", "## The same in four languages", url)
    return [
        passes(language, command(language, texts[language], build), rf"charging with fence\s{fence}\n")
        for fence, language in enumerate(("python", "lua", "sh", "c"), start=1)
    ]


def migrations(build: pathlib.Path, url: str | None, page: str, heading: str) -> list[bool]:
    texts = blocks(page, heading, url)
    there = ["--db", url or "sqlite:app.db", "--path", "db/migrations"]
    steps = [
        ("sh", command("sh", texts["sh"], build), rf"{CREATED}up\t1\tusers\t\d+\n{STATUS}"),
        ("down", ["leaselock", "migrate", "down", "--all", *there], r"down\t1\tusers\t\d+\n"),
        ("python", command("python", texts["python"], build), ""),
        ("status", ["leaselock", "migrate", "status", *there], STATUS),
        ("drop", ["leaselock", "migrate", "drop", "--yes", *there[:2]], ""),
    ]
    with tempfile.TemporaryDirectory(dir=".") as folder:
        return [passes(f"{page}: {step}", arguments, expected, folder) for step, arguments, expected in steps]


def main() -> int:
    build = pathlib.Path(sys.argv[1]).resolve()
    url = sys.argv[2] if len(sys.argv) > 2 else None
    os.environ["PATH"] = f"{build}/bin:{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = str(build / "python")
    os.environ["LUA_PATH"] = f"{build}/lua/5.4/?.lua;;"
    os.environ["LUA_CPATH"] = f"{build}/lua/5.4/?.so;;"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        results = [
            *leases(build, url),
            *migrations(build, url, "README.md", "## Migrations"),
            *migrations(build, url, "docs/migrations.md", "# Migrations"),
        ]
        os.chdir("/")
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
