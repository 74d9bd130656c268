"""Runs that benchmarks open: what they record are fields that a run has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from connsearch.runs.documents import described

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def configs(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields line and keys of every dict with a command in a benchmark."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if "command" in keys and "settings" in keys:
                yield node.lineno, [str(key) for key in keys]


FOUND = [
    pytest.param(keys, id=f"{path.name}:{line}")
    for path in sorted(BENCHMARKS.glob("*.py"))
    for line, keys in configs(path)
]


@pytest.mark.parametrize("keys", FOUND)
def test_a_benchmark_records_fields_of_a_run(keys: list[str]) -> None:
    values = {"command": "train", "settings": {}}
    described({key: values.get(key, "x") for key in keys})


def test_there_are_some_and_others_are_refused() -> None:
    assert len(FOUND) >= 8
    with pytest.raises(ValueError, match="no field is declared for task"):
        described({"command": "train", "settings": {}, "task": "x"})
