"""Tables: every fact is there, at 80 columns and in a pipe."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.spec import FREE, Edge
from connsearch.pruning.pruner import prune
from connsearch.view.structures.markup import weight_text
from connsearch.view.structures.tables import (
    connections_frame,
    metrics_table,
    prune_table,
    short,
    structure_table,
    totals_table,
)
from tests.view.structures import PUBLISHED, gated, small


def printed(table: Any, width: int = 80) -> str:
    """What a pipe gets: no colours, so many columns."""
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=False).print(table)
    return file.getvalue()


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", [*PUBLISHED, "starter"])
@pytest.mark.parametrize("width", [80, 140])
def test_structure_table_says_everything_at_any_width(name: str, width: int) -> None:
    structure = load_structure(name)
    found = cost(structure, num_classes=157)
    text = printed(structure_table(structure, found), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for edge, connection in structure.connections():
        if isinstance(connection.weight, float):
            assert f"{edge.source}:{weight_text(connection.weight)}" in text
    for node in found.nodes:
        assert "x".join(map(str, node.shape)) in text
        assert short(node.parameters) in text
    assert "head" in text


def test_structure_table_without_cost_is_one_table() -> None:
    text = printed(structure_table(small()))
    assert text.count("node") == 1
    assert ["4", "0", "block", "dead", "8", "1", "1", "0:0.70", "1:0.60"] in rows(text)
    assert ["5", "1", "block", "8", "1", "1", "2:0.90", "3:0.20", "1:free"] in rows(text)
    assert ["0", "-", "rgb", "-", "4", "-", "-"] in rows(text)
    assert ["2", "0", "block", "8", "1", "1", "0:always"] in rows(text)


def test_totals_table() -> None:
    structure = load_structure("assemblenet-50")
    text = printed(totals_table(structure, cost(structure, num_classes=157)))
    for fact in ("assemblenet-50", "15 (4 stems)", "30 (28 with a stored weight, frozen; 0 free)",
                 "36,900,957", "157", "16 x 112 x 112"):  # fmt: skip
        assert fact in text


def test_connections_frame() -> None:
    frame = connections_frame(gated({3: 1.0}))
    assert list(frame.columns) == [
        "source", "target", "source_level", "target_level", "stream", "weight", "state", "peers",
        "gated",
    ]  # fmt: skip
    assert [Edge(*pair) for pair in zip(frame.source, frame.target, strict=True)] == list(
        small().edges()
    )
    first, strong, free = frame.iloc[0], frame.iloc[4], frame.iloc[6]
    assert (first.stream, first.state, math.isnan(first.weight)) == ("rgb", "fixed", True)
    assert (strong.stream, strong.state, strong.weight, strong.peers) == (
        "",
        "learned",
        0.9,
        "3:1.00",
    )
    assert (free.state, math.isnan(free.weight), free.source_level) == ("free", True, -1)
    assert str(frame.weight.dtype) == "float64"


@pytest.mark.parametrize("mode", ["pinned", "published"])
def test_prune_table(mode: Any) -> None:
    structure = load_structure("assemblenet_plus-50")
    keep = [e for e, w in structure.weights().items() if w is None or (w != FREE and w >= 0.5)]
    done = prune(structure, keep, mode=mode)
    text = printed(prune_table(done))
    assert max(map(len, text.splitlines())) <= 80
    assert f"{len(done.removed)} connections: " in text
    for change in done.changes:
        assert " ".join(str(change).split()[:4]) in text
    assert ("change" in text) == bool(done.changes)


def test_metrics_table() -> None:
    text = printed(
        metrics_table(
            [{"split": "val", "accuracy": 0.812345}, {"split": "[red]test", "loss": math.nan}],
            title="[b]accuracy",
        )
    )
    assert "[b]accuracy" in text  # nothing is read as markup
    assert ["val", "0.8123", "-"] in rows(text)
    assert ["[red]test", "-", "-"] in rows(text)
    assert printed(metrics_table([])).strip() == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (999_600, "1.00 M"), (10**15, "1.00 P")],
)
def test_short(count: int, text: str) -> None:
    assert short(count) == text
