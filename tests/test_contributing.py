"""CONTRIBUTING.md has a row for every cupboard."""

from __future__ import annotations

import re
from pathlib import Path

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
