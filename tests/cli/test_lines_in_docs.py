"""Command lines that the documents show are lines that their commands take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from connsearch.cli.app import COMMANDS, _named, command_class
from connsearch.cli.parse import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
LINE = re.compile(r"^(?: {4})?(?:\$ )?(connsearch [a-z][^\n]*)", re.MULTILINE)


def lines(page: str) -> Iterator[str]:
    """Yields the whole lines of commands, without what follows; patterns of lines are no lines."""
    for found in LINE.findall(page.replace("\\\n", " ")):
        line = re.split(r"\s#|&&|;|\s\|", found)[0].strip()
        if "`" not in line and "..." not in line and "[" not in line:
            yield line


def taken(line: str) -> None:
    name, rest = _named(shlex.split(line)[1:])
    assert name in COMMANDS, line
    parse(command_class(name), rest, program=f"connsearch {name}")


@pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(ROOT).as_posix() for p in PAGES])
def test_every_line_is_one_that_its_command_takes(page: Path) -> None:
    for line in lines(page.read_text(encoding="utf-8")):
        taken(line)


def test_a_line_with_another_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(lines("    connsearch search --data clips.csv  # yours\n"))) == 1
    with pytest.raises(SystemExit):
        taken("connsearch search --epoch 3")
    assert "--epoch" in capsys.readouterr().err
