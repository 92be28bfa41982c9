"""Every public function has a comment of its own, or shares its neighbour's, that says since when, and what can fail says how.

A getter may share the comment above it when no blank line parts them.
"""

import pathlib
import re
import sys

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "libleaselock/include"
FUNCTION = re.compile(r"LEASELOCK_API\s[^;{]*?\b(leaselock_\w+)\s*\(([^;]*)\);", re.S)


def comment_before(text: str, position: int) -> str:
    """The nearest comment above, if nothing but code that belongs to it stands between."""
    above = text[:position]
    end = above.rfind("*/")
    if end < 0 or "\n\n" in above[end:]:
        return ""
    return above[above.rfind("/**", 0, end) : end]


def complaints() -> list[str]:
    found = []
    for header in sorted(INCLUDE.rglob("*.h")):
        text = header.read_text()
        general = text[: text.find("#ifndef")]
        for match in FUNCTION.finditer(text):
            name, declaration = match.group(1), match.group(0)
            comment = comment_before(text, match.start())
            if "Since 0." not in comment:
                found.append(f"{header.name}: {name}: no comment that says since when")
            can_fail = "leaselock_status " in declaration.split("(")[0] and name.startswith("leaselock_")
            if can_fail and "errors:" not in comment and "Errors" not in general:
                found.append(f"{header.name}: {name}: no word on its errors")
    return found


if __name__ == "__main__":
    for line in complaints():
        print(line)
    print(f"{len(list(INCLUDE.rglob('*.h')))} passed, {len(complaints())} failed")
    sys.exit(1 if complaints() else 0)
