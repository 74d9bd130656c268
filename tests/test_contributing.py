"""CONTRIBUTING.md has a row for every cupboard, ARCHITECTURE.md one for every room, on one page."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_layers import STAIRS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_cupboard_has_a_row() -> None:
    cupboards = {
        file.parent.relative_to(ROOT / "connsearch").as_posix()
        for file in (ROOT / "connsearch").rglob("__init__.py")
        if re.search(r"= Registry\(", file.read_text(encoding="utf-8"))
    }
    rows = set(re.findall(r"^\| [a-z ]+ \| `([\w/]+)/`", TEXT, re.MULTILINE))
    assert cupboards - rows == {"view/report/evolution_sections"}, "like the sections of a report"


def test_every_room_is_on_the_page() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    order = re.search(r"`(errors < [^`]+)`", page)
    assert order is not None
    rooms = STAIRS[: STAIRS.index("__main__")]
    assert re.split(r"\s*<\s*", order[1]) == rooms
    firsts = " ".join(re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE))
    named = {name.rstrip("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", firsts)}
    assert set(rooms) <= named
    lines = page.splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 110


def test_every_cupboard_of_a_room_is_on_the_page() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    cupboards = re.findall(r"^\| [a-z ]+ \| `[\w/]*?(\w+/)`", TEXT, re.MULTILINE)
    assert [name for name in cupboards if f"`{name}`" not in page] == []
