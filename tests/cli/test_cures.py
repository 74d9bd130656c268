"""Cures: each option that one names is an option, and none speaks of a setting without its option.

The messages are read from the source, so that none is forgotten. What belongs to Python alone
(``nn/modules``), or to a structure's file (``graph``), may speak of its own words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import connsearch
from connsearch.cli.app import COMMANDS, command_class
from connsearch.cli.mirror import options_of

ROOT = Path(connsearch.__file__).parent

TOLD = re.compile(
    r"\b(?:fewer|smaller|larger|more|higher|lower|longer|another|other|raise|lower|give|set|use|"
    r"choose|omit|option|a|with|by|without|or|and)\s+(?:the\s+)?(\w+)\b(?!\s*[:=.]?\w*\()"
)
"""What a cure says to do with a word."""

COUNTED = frozenset("frames stride size epochs steps lr workers rounds mutations searches".split())
"""Options that a cure may never call by a plain word."""


@cache
def options() -> dict[str, str]:
    """Every option of every command: how settings call it, and how a line does."""
    return {
        option.name: "--" + (option.flag.name or option.name).replace("_", "-")
        for name in COMMANDS
        for option in options_of(command_class(name))
        if not option.flag.positional
    }


def text_of(node: ast.AST) -> str | None:
    """The text of a string in the source, with what is filled in between braces."""
    match node:
        case ast.Constant(str(value)):
            return value
        case ast.JoinedStr(parts):
            texts = [text_of(part) if isinstance(part, ast.Constant) else "{}" for part in parts]
            return "".join(text or "" for text in texts)
        case ast.BinOp(left, ast.Add(), right):
            return (text_of(left) or "{}") + (text_of(right) or "{}")
        case _:
            return None


def cures() -> Iterator[tuple[str, str]]:
    """Yields every cure in the source, and where it is."""
    for path in sorted(ROOT.rglob("*.py")):
        if set(path.relative_to(ROOT).parts) & {"nn", "graph"}:  # of Python, of structure files
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.keyword) and node.arg == "cure":
                text = text_of(node.value)
                if text:
                    yield where.replace(":0", ""), text
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AlarmKind":
                yield where, text_of(node.args[2]) or ""
            elif text := text_of(node):
                for found in re.findall(r"cure: ?([^\n]*)", text):
                    yield where, found


CURES = sorted(set(cures()))


def test_there_are_cures() -> None:
    assert len(CURES) > 150


@pytest.mark.parametrize("word", sorted(COUNTED))
def test_words_that_are_never_plain_are_options(word: str) -> None:
    assert word in options()


def test_every_option_that_a_cure_names_is_one() -> None:
    known = {*options().values(), "--no-keep-aspect", "--no-include-start", "--help", "--help-all"}
    known |= {f"--no-{flag[2:]}" for flag in options().values()}
    strange = {
        (where, flag)
        for where, text in CURES
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)
        if flag not in known
    }
    assert not strange


def test_no_cure_speaks_of_a_setting_without_its_option() -> None:
    settings = {name for name in options() if "_" in name}
    found = [
        f"{where}: {name} is {options()[name]} on a command line: {text}"
        for where, text in CURES
        for name in settings
        if re.search(rf"(?<![\w-]){name}\b", text)
    ]
    found += [
        f"{where}: {word} is {options()[word]} on a command line: {text}"
        for where, text in CURES
        for word in TOLD.findall(re.sub(r"--[\w-]+( \S+)?", "", text))
        if word in COUNTED
    ]
    assert not found, "\n".join(found)
