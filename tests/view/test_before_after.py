"""Pictures that stand beside each other: a node is found at one place, under one number."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from connsearch.graph.compare import compare
from connsearch.graph.dag import levels
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Structure
from connsearch.pruning.options import Mode, PruneOptions
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.remains import remains_of
from connsearch.view.runs.animation import Moment, set_stage
from connsearch.view.structures.before_after import before_and_after, render_pruning
from connsearch.view.structures.diff_draw import render_diff
from connsearch.view.structures.draw import render
from connsearch.view.structures.interactive import as_text
from tests.pruning.structures import random_tiny
from tests.view.report_files import searched
from tests.view.structures import large
from tests.view.svg import Box, groups, node_boxes, text_boxes, texts

SEARCHED = searched()


def boxes(path: Path) -> dict[str, Box]:
    return {box.text: box for box in node_boxes(path)}


def drawn(structure: Structure, pruned: Pruned, folder: Path) -> tuple[Path, Path]:
    paths = {name: folder / f"{name}.svg" for name in ("before", "after")}
    before, after = render_pruning(structure, pruned, paths)
    return before, after


@pytest.mark.parametrize("mode", ["pinned", "published"])
@pytest.mark.parametrize(
    ("name", "criterion"),
    [
        ("starter", "top_k:k=1"),
        ("starter", "threshold:0.6"),
        ("assemblenet_plus-50", "threshold:0.6"),
    ],
)
def test_what_stays_stands_where_it_stood(
    tmp_path: Path, name: str, criterion: str, mode: Mode
) -> None:
    structure = SEARCHED if name == "starter" else load_structure(name)
    pruned = prune_by(structure, PruneOptions(criterion=criterion, mode=mode))
    assert pruned.dead
    before, after = drawn(structure, pruned, tmp_path)
    there, here = boxes(before), boxes(after)
    assert set(here) == {"output", *(f"node-{old}" for old in pruned.node_map)}
    assert {name: there[name] for name in here} == here
    lines = groups(after)
    for edge in structure.edges():
        assert (f"connection-{edge.source}-{edge.target}" in lines) == (edge in pruned.edges)


def test_the_number_after_pruning_stands_beside_the_one_before(tmp_path: Path) -> None:
    pruned = prune_by(SEARCHED, PruneOptions(criterion="top_k:k=1"))
    before, after = drawn(SEARCHED, pruned, tmp_path)
    told = texts(after)
    for old, new in pruned.node_map.items():
        assert (str(old) if old == new else f"{old}→{new}") in told
    assert "number before and after pruning" in told
    for path in (before, after):
        inside = [b for b in text_boxes(path) if b.text.strip("\xa0")]
        assert not any(a.overlaps(b) for a, b in pairwise(inside)), "no text lies on another"


def test_a_pruned_structure_alone_says_its_numbers_of_before(tmp_path: Path) -> None:
    pruned = prune_by(SEARCHED, PruneOptions(criterion="top_k:k=1"))
    path = render(pruned.structure, tmp_path / "alone.svg")
    moved = {old: new for old, new in pruned.node_map.items() if old != new}
    assert moved
    told = " ".join(texts(path))
    assert all(f"was {old}" in told for old in moved)
    assert "number before pruning" in told
    assert "was" not in " ".join(texts(render(SEARCHED, tmp_path / "before.svg")))


def test_the_order_in_a_column_is_that_of_the_numbers_everywhere(tmp_path: Path) -> None:
    for seed in range(4):
        structure = random_tiny(random.Random(seed))
        pruned = prune_by(structure, PruneOptions(criterion="top_k:k=1"))
        before, after = drawn(structure, pruned, tmp_path)
        both = tmp_path / "diff.svg"
        render_diff(compare(structure, pruned.structure), [both], title="")
        weights = {e: 0.5 for e in structure.edges()}
        moment = Moment(0, 0, weights, pruned.edges, remains_of(pruned), None)
        film = tmp_path / "film.svg"
        film.write_text(as_text(set_stage(structure, [moment], title="").picture))
        found = [columns(path, structure) for path in (before, after, both, film)]
        for order in found:
            assert all(numbers == sorted(numbers) for numbers in order.values())


def columns(path: Path, structure: Structure) -> dict[int, list[int]]:
    """The nodes of each level, top down."""
    level = levels(structure)
    found: dict[int, list[tuple[float, int]]] = {}
    for name, box in boxes(path).items():
        if name.startswith("node-"):
            number = int(name.removeprefix("node-"))
            found.setdefault(level[number], []).append((box.top, number))
    return {at: [number for _, number in sorted(nodes)] for at, nodes in found.items()}


def test_large_ones_have_the_order_in_common() -> None:
    structure = large(70, 300)
    pruned = prune_by(structure, PruneOptions(criterion="top_k:k=1"))
    before, after = before_and_after(structure, pruned)
    assert before.compact
    assert (before.beside, after.beside) == (None, None)
    assert after.before, "each says the number it had"
