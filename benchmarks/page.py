"""A page of results: a markdown table, the command that makes it, the machine and the date."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def machine() -> str:
    """Returns one line about this machine, without its name."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = f"{len(names)} cores of {names[0].split(':')[1].strip()}" if names else model
    return f"{model}, {platform.system()}, Python {platform.python_version()}"


def write_markdown(
    path: Path, title: str, command: str, lines: Sequence[str], *, note: str = ""
) -> None:
    """Writes a results page: title, command, lines, then machine, what to note, and the date."""
    foot = ", ".join(part for part in (machine(), note) if part)
    page = [f"# {title}", "", f"    {command}", "", *lines, "", f"{foot}; {datetime.now(UTC):%F}."]
    path.write_text("\n".join(page) + "\n", encoding="utf-8")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns a markdown table as lines."""
    return [
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
