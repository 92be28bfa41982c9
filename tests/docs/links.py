"""Every relative link of the Markdown pages leads to a file that is there, and to a heading that is in it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")


def anchors(page: pathlib.Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def complaints() -> list[str]:
    found = []
    for page in PAGES:
        for file, anchor in LINK.findall(page.read_text()):
            target = page.parent / file if file else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                found.append(f"{page.name}: {file}{anchor and '#'}{anchor} leads nowhere")
    return found


if __name__ == "__main__":
    for line in complaints():
        print(line)
    print(f"{len(PAGES)} passed, {len(complaints())} failed")
    sys.exit(1 if complaints() else 0)
