"""Runs the README's four examples against a build tree, one after the other on one database: examples.py BUILD [URL]

With a URL, of a new database, it takes the place of theirs, and nothing else is changed. Each has to print its fence; together
they are 1, 2, 3, 4, since each is the next holder of the same resource.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES_URL = "sqlite:leases.db"


def blocks() -> dict[str, str]:
    section = (ROOT / "README.md").read_text().split("## The same in four languages")[1].split("\n## ")[0]
    return dict(re.findall(r"```(\w+)\n(.*?)```", section, re.S))


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


def main() -> int:
    build = pathlib.Path(sys.argv[1]).resolve()
    env = {
        **os.environ,
        "PATH": f"{build}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(build / "python"),
        "LUA_PATH": f"{build}/lua/5.4/?.lua;;",
        "LUA_CPATH": f"{build}/lua/5.4/?.so;;",
    }
    url = sys.argv[2] if len(sys.argv) > 2 else EXAMPLES_URL
    texts = {language: text.replace(EXAMPLES_URL, url) for language, text in blocks().items()}
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for fence, language in enumerate(("python", "lua", "sh", "c"), start=1):
            done = subprocess.run(command(language, texts[language], build), env=env, capture_output=True, text=True)
            if done.returncode != 0 or done.stdout.split() != ["charging", "with", "fence", str(fence)] or done.stderr:
                failed += 1
                print(f"{language}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        os.chdir("/")
    print(f"{4 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
