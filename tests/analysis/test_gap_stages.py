"""The gap report: what each stage is, that nothing cut is nothing lost, and that it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from connsearch.analysis.gap import GapPlan, cut, measure_gap, recorded_evaluation
from connsearch.analysis.searched_run import SearchedRun
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import SettingsError
from connsearch.graph.spec import Attention
from connsearch.models.structure import Network
from connsearch.runs.formats.analyses import GapRow
from connsearch.runs.ledger import Ledger
from connsearch.runs.record import open_run
from connsearch.training.evaluate import Compute
from tests.analysis.subjects import SearchedData, drained, soft_everywhere, tiny_subject
from tests.pruning.structures import MODES
from tests.training.tiny import tiny_options, tiny_search


def rows_of(
    searched: SearchedRun, shares: tuple[float, ...], directory: Path, **changes: Any
) -> list[GapRow]:
    peers = changes.pop("peers", 1)
    criterion = changes.pop("criterion", "relative")
    cuts = cut(searched.structure, criterion, shares, peers=peers)
    chosen: dict[str, Any] = {"tune_steps": 0, "scratch": False, "seed": 0, **changes}
    return drained(measure_gap(searched, GapPlan(cuts, **chosen), directory))


@pytest.mark.parametrize("attention", MODES)
def test_where_nothing_is_cut_nothing_is_lost(tmp_path: Path, attention: Attention) -> None:
    searched = tiny_subject(tmp_path, attention=attention)
    all_peers = soft_everywhere(searched.structure)
    soft, masked, *_ = rows_of(searched, (0.001,), tmp_path / "gap", peers=all_peers)
    assert masked.connections == len(searched.structure.edges())
    assert soft.dead == masked.dead == 0
    for key in ("accuracy", "low", "high", "loss", "clips", "connections", "macs"):
        assert getattr(masked, key) == getattr(soft, key)


def test_a_row_says_what_is_left(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path, attention=Attention.NONE)
    rows = rows_of(searched, (1.0, 0.001), tmp_path / "gap")
    assert [row.share for row in rows] == [0.001] * 3 + [1.0] * 3
    assert [row.stage for row in rows] == ["soft", "masked", "recalibrated"] * 2
    last = cut(searched.structure, "relative", [1.0])[1.0]
    assert rows[-1].connections == len(last.edges) < rows[0].connections
    assert rows[-1].dead == len(last.dead)
    assert rows[-1].parameters == searched.cost(last.structure).parameters
    assert rows[-1].macs < rows[0].macs
    assert len({row.accuracy for row in rows if row.stage == "soft"}) == 1
    assert searched.network.masked_finals is None


def test_what_is_pruned_and_masked_has_one_loss(tmp_path: Path) -> None:
    """The masked stage is the pruned network with inherited weights."""
    searched = tiny_subject(tmp_path)
    rows = rows_of(searched, (0.8,), tmp_path / "gap")
    child = searched.child(cut(searched.structure, "relative", [0.8])[0.8])
    assert searched.judge(child).loss == rows[1].loss != rows[0].loss
    searched.recalibrate(child)
    assert searched.judge(child).loss == rows[2].loss


def test_more_thresholds_and_stages_add_to_what_is_there(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    place = tmp_path / "gap"
    first = rows_of(searched, (0.5,), place)
    before = (place / "ledger.jsonl").read_bytes()
    more = rows_of(searched, (0.5, 1.0), place, tune_steps=2, scratch=True)
    assert (place / "ledger.jsonl").read_bytes().startswith(before)
    assert [r for r in more if r.share == 0.5][:3] == first
    assert [r.stage for r in more][-2:] == ["fine-tuned", "scratch"]
    again = (place / "ledger.jsonl").read_bytes()
    assert rows_of(searched, (0.5, 1.0), place, tune_steps=2, scratch=True) == more
    assert (place / "ledger.jsonl").read_bytes() == again
    tuned = next(place.glob("fine-tuned-2-*"))
    assert open_run(tuned).config["settings"]["training"]["schedule"]["steps"] == 2
    scratch = next(place.glob("scratch-*"))
    assert (
        open_run(scratch).config["settings"]["training"]["schedule"]["epochs"]
        == searched.options.schedule.epochs
    )


def test_a_wiring_that_two_thresholds_leave_is_judged_once(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    rows = rows_of(searched, (0.001, 0.002), tmp_path / "gap")
    assert len(rows) == 6
    with Ledger(tmp_path / "gap", {**settings_of(tmp_path / "gap")}) as ledger:
        assert len(ledger.results) == 3


def settings_of(directory: Path) -> dict[str, Any]:
    import json

    head = (directory / "ledger.jsonl").read_text().splitlines()[0]
    return json.loads(head)["settings"]


def test_a_work_that_was_killed_goes_on(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    cuts = cut(searched.structure, "relative", (0.5, 1.0))
    plan = GapPlan(cuts, tune_steps=4, scratch=False, seed=0)
    work = measure_gap(searched, plan, tmp_path / "a")
    for _ in range(9):  # inside the first fine-tuning
        next(work)
    work.close()
    assert drained(measure_gap(searched, plan, tmp_path / "a")) == drained(
        measure_gap(searched, plan, tmp_path / "b")
    )


@pytest.mark.parametrize("views", [1, 2])
def test_the_soft_row_is_the_searchs_own_last_evaluation(tmp_path: Path, views: int) -> None:
    data = SearchedData()
    data.options = data.options.with_values(crops_per_clip=views)
    data.__post_init__()
    list(tiny_search(tmp_path / "run", data, epochs=2))
    record = open_run(tmp_path / "run")
    network = Network(record.structure, 2, learn_connections=True)
    network.load_state_dict(record.weights())
    searched = SearchedRun(
        tmp_path / "run",
        network.eval(),
        record.structure,
        cast("DataSplits", data),
        tiny_options(epochs=2),
        Compute(),
        SplitLoaders(cast("DataSplits", data).parts()),
    )
    recorded = recorded_evaluation(searched)
    assert recorded is not None
    assert recorded.views == views
    soft = rows_of(searched, (0.5,), tmp_path / "gap")[0]
    for key in ("accuracy", "low", "high", "clips", "loss"):
        assert getattr(soft, key) == getattr(recorded, key)


def test_any_criterion_with_a_threshold_can_cut(tmp_path: Path) -> None:
    structure = tiny_subject(tmp_path).structure
    assert set(cut(structure, "top_k", (2, 1))) == {1, 2}
    assert set(cut(structure, "random:seed=3", (0.5,))) == {0.5}
    with pytest.raises(SettingsError, match="share"):
        cut(structure, "relative", (1.5,))
