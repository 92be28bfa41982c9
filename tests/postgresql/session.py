"""A psql that stays, so that an answer takes no longer than the server."""

from __future__ import annotations

import subprocess

PATIENCE = 60  # seconds until it has to have ended


class Session:
    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self("SELECT 1")  # it is there now

    def __call__(self, statement: str) -> list[str]:
        """The lines of its answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{statement};\n\\echo end of answer\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != "end of answer\n":
            assert line, "psql ended"
            lines.append(line.rstrip("\n"))
        return lines

    def close(self) -> None:
        self.process.communicate(timeout=PATIENCE)
