"""Where a document, a docstring or a comment names a file or a module of ours, there is one."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = "connsearch tests benchmarks docs examples findings structures .github".split()
FORMER = ("CHANGELOG.md", "tests/earlier/written/")
"""What speaks of how things were."""

FILE = re.compile(r"(?<![\w./:*}-])(?:[\w-]+/)*[\w-]+\.(?:py|md)(?!\w)")
PLACE = re.compile(r"`(?:[\w-]+/)+[\w-]*`")
MODULE = re.compile(r"(?<![\w./-])connsearch(?:\.\w+)+")
NAME = re.compile(r"`(?:[a-z_]\w*\.)+\w+[`(]")
IMPORT = re.compile(r"^ *from (connsearch[\w.]*) import ([\w, ]+)$", re.MULTILINE)

SUFFIXES = set("csv gz html json jsonl md onnx png pt2 py safetensors svg txt".split())


def _ours() -> list[str]:
    found = [p for p in ROOT.iterdir() if p.is_file()]
    for folder in FOLDERS:
        found += [p for p in (ROOT / folder).rglob("*") if p.is_file()]
    names = (p.relative_to(ROOT).as_posix() for p in found)
    return sorted(name for name in names if "/__pycache__/" not in name)


FILES = _ours()
READ = [
    name
    for name in FILES
    if name.endswith((".py", ".md", ".toml", ".yml")) and not name.startswith(FORMER)
]


def _tails(name: str, mark: str) -> Iterator[str]:
    """Every name a file has, from the root, from the package, or from its own room."""
    parts = name.split(mark)
    return (mark.join(parts[n:]) for n in range(len(parts)))


PLACES = {
    tail
    for name in FILES
    for place in (name, name.removesuffix(".py"), *map(str, Path(name).parents))
    for tail in _tails(place, "/")
}
ROOMS = {n.split("/")[1].removesuffix(".py") for n in FILES if n.startswith("connsearch/")}
FIRST = ({n.split("/")[0] for n in FILES if "/" in n} | ROOMS) - {"runs"}
"""What a place of ours begins with. (``runs/...`` is mostly what a command has made.)"""


def _defined(name: str) -> set[str]:
    """The names a module has, those inside of its classes among them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                found.add(node.name)
            case ast.alias():
                found.add(node.asname or node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
    return found


MODULES: dict[str, set[str]] = {}
for _file in FILES:
    if _file.startswith("connsearch/") and _file.endswith(".py"):
        _full = _file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        _names = _defined(_file)
        for _tail in _tails(_full, "."):
            MODULES.setdefault(_tail, set()).update(_names)


def _is_name(dotted: str) -> bool:
    """Whether there is such a module, or such a name in one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        if (module := ".".join(parts[:end])) in MODULES:
            return end == len(parts) or parts[end] in MODULES[module]
    return False


def _looks_ours(dotted: str) -> bool:
    first, *rest = dotted.split(".")
    if rest[-1] in SUFFIXES or first == "nn":  # a file, or torch's
        return False
    return first in ROOMS or (len(rest) > 1 and first != "self" and find_spec(first) is None)


def words(name: str, text: str) -> str:
    """Returns what a file says to people: of code its comments and its docstrings."""
    if not name.endswith(".py"):
        return text
    said = [
        node.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join([*said, *(t.string for t in tokens if t.type == tokenize.COMMENT)])


def stale(said: str) -> list[str]:
    """Returns the paths and names in a text that look like ours and are not there."""
    places = FILE.findall(said)
    places += [p for p in (m.strip("`/") for m in PLACE.findall(said)) if p.split("/")[0] in FIRST]
    names = MODULE.findall(said) + [
        name for name in (m.strip("`(") for m in NAME.findall(said)) if _looks_ours(name)
    ]
    for module, asked in IMPORT.findall(said):
        names += [f"{module}.{name.split()[0]}" for name in asked.split(",")]
    return [p for p in places if p not in PLACES] + [n for n in names if not _is_name(n)]


def test_what_is_named_is_there() -> None:
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in READ}
    suspected = {n: text for n, text in texts.items() if stale(text)}  # the cheaper question
    found = {name: stale(words(name, text)) for name, text in suspected.items()}
    assert {name: gone for name, gone in found.items() if gone} == {}


@pytest.mark.parametrize(
    "said",
    [
        "as `train/loop.py` does",
        "see tests/test_disk.py.",
        "see docs/gone.md",
        "rooms.py has it",
        "by its rules (``data/units``)",
        "(``evolve.draft.Offspring``)",
        ":mod:`connsearch.graph.kind`",
        ":func:`~connsearch.runs.files.gone`",
        "``graph.plan.gone``",
        "    from connsearch.graph.spec import Structure, Guide",
    ],
)
def test_a_stale_name_is_seen(said: str) -> None:
    assert len(stale(said)) == 1


def test_what_is_there_passes() -> None:
    assert not stale("``data/sources/units``, `hooks/`, test_*.py, data/units/clip")
    assert not stale("``graph.plan.Plan``, ``nn.Conv3d``, ``runs/first``, ``data.csv``")
    assert words("a.py", '"""One."""\nx = "two.py"  # three\n') == "One.\n# three"
