"""A search with posts and gated connections: when they decide, how it resumes, what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connsearch.graph.spec import Edge, Post, Structure
from connsearch.models.exactness import exactness
from connsearch.models.gates import decides
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model, search
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from connsearch.runs.events import Event, NoteEvent
from connsearch.runs.names import GATES
from connsearch.runs.record import RunFiles, open_run
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions
from tests.pruning.gated import with_gates
from tests.training.test_resume import everything, steps_until
from tests.training.tiny import TinyData, result_of, tiny_config, tiny_options, tiny_structure

pytestmark = pytest.mark.usefixtures("unpictured")

GATED = [Edge(1, 3), Edge(2, 4)]
POSTS = {2: Post.SR, 3: Post.SRTG}
NAMES = ["node 3 <- 1", "node 3", "node 4 <- 2"]


def structure() -> Structure:
    return with_gates(tiny_structure(), GATED, POSTS)


def gated_search(
    directory: Path, start: Structure | None = None, **changes: Any
) -> Iterator[Event]:
    """Yields the events of a search of 8 steps; its gates decide from the fourth on."""
    options = tiny_options(**{"epochs": 2, "gate_start": 0.4, **changes})
    with Run.open(directory, tiny_config(options)) as run:
        data: Any = TinyData()
        yield from search(start or structure(), data, options, run=run)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gated") / "run"
    result_of(gated_search(directory))
    return directory


def test_gates_are_searched_and_what_they_learned_is_written(whole: Path) -> None:
    found = open_run(whole)
    learned = found.structure
    assert learned.gates_decide
    kept = {edge for edge, c in learned.connections() if c.gated}
    assert kept == set(GATED), "everything is connected; nothing else gets a gate"
    assert {i: b.post for i, b in learned.blocks() if b.post is not Post.NONE} == POSTS
    assert decides(found.network())
    rows = RunFiles(whole).gates
    assert {row.gate for row in rows} == set(NAMES)
    of_val = [row for row in rows if row.split == "val"]
    assert {row.clips for row in of_val} == {6}
    assert {(row.step, row.deciding) for row in of_val} == {(4, 1), (8, 1)}
    assert {row.deciding for row in rows if row.split == "train" and row.step <= 3} == {0}


@pytest.mark.parametrize("stop", [5])
def test_an_interrupted_search_ends_like_the_whole_one(
    tmp_path: Path, whole: Path, stop: int
) -> None:
    steps_until(gated_search(tmp_path / "run"), stop)
    result_of(gated_search(tmp_path / "run"))
    assert everything(tmp_path / "run") == everything(whole)
    assert (tmp_path / "run" / GATES).read_bytes() == (whole / GATES).read_bytes()


@pytest.mark.parametrize("start", [None, 0.0])
def test_the_start_is_an_option_and_not_of_the_structure(
    tmp_path: Path, start: float | None
) -> None:
    """What a structure has learned elsewhere does not matter: the filters are new."""
    before = replace(structure(), gates_decide=start is None)
    events = gated_search(tmp_path / "run", before, gate_start=start, epochs=1)
    learned = result_of(events).structure
    assert learned is not None
    assert learned.gates_decide == (start == 0.0)
    assert decides(open_run(tmp_path / "run").network()) == (start == 0.0)


def test_by_default_they_decide_after_the_usual_share(tmp_path: Path) -> None:
    before = replace(structure(), gates_decide=True)
    events = gated_search(tmp_path / "run", before, gate_start="auto")
    said = next(e.message for e in events if isinstance(e, NoteEvent) and "temporal" in e.message)
    assert "temporal gates (3): always fuse in the first" in said


def test_the_best_network_decides_as_it_did_at_its_look(tmp_path: Path) -> None:
    """Whichever look is kept: before the gates decide, or after."""
    for number, share in enumerate((0.9, 0.1)):
        run = tmp_path / str(number)
        best = result_of(gated_search(run, gate_start=share, keep="best")).report.choice
        found = open_run(run)
        assert best is not None
        assert found.structure.gates_decide == (best.step > round(share * 8))
        assert decides(found.network()) == found.structure.gates_decide


def test_a_pruned_search_is_exact_and_goes_on_deciding(whole: Path, tmp_path: Path) -> None:
    record = open_run(whole)
    parent = record.network()
    pruned = prune_by(record.structure, PruneOptions(criterion="top_k:3"))
    child = Network(pruned.structure, 2, seed=9)
    assert not decides(child), "a network with new filters has nothing to decide by"
    inherit(child, parent, pruned)
    found = exactness(parent, child, pruned, clip=(4, 16, 16))
    assert found.equal
    assert found.gates is not None
    options = TrainOptions.of(epochs=1, threads=1, precision="fp32", checkpoint_steps=None)
    data: Any = TinyData()
    config = {"command": "train", "settings": options.model_dump()}
    with Run.open(tmp_path / "trained", config) as run:
        events = list(fit_model(child, data, options, run=run))
    said = [e.message for e in events if isinstance(e, NoteEvent)]
    assert any("decide from the first step on" in text for text in said)
    trained = open_run(tmp_path / "trained")
    assert trained.structure.gates_decide
    assert decides(trained.network())
