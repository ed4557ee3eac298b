"""Reads the documentation: its code blocks, links, headings and tables."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")


class Block(NamedTuple):
    """A fenced block: its language, its text, and all that stands before it on its page."""

    language: str
    text: str
    before: str


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of one language, in their order."""
    found = []
    text = page.read_text()
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        found.append(Block(match[1], match[2], text[: match.start()]))
    return [block for block in found if block.language == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def links(page: Path) -> list[str]:
    """The targets of all links and pictures of a page."""
    return [match[1] or match[2] for match in _LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(page: Path) -> list[list[str]]:
    """The rows of all tables of a page, as cells without their outer blanks."""
    lines = [line for line in prose(page).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def section(page: Path, heading: str) -> str:
    """The text under a heading of the second level, up to the next."""
    return page.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
