"""States that are kept by their epoch, and runs that go on from one as if nothing had been."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.data.options import DataOptions
from connsearch.errors import RunError
from connsearch.oneshot.search import fit_model
from connsearch.runs import epochs
from connsearch.runs.checkpoint import read_checkpoint
from connsearch.runs.epochs import begin_from, kept_epoch, kept_epochs, place_from
from connsearch.runs.events import Event, NoteEvent, StepEvent
from connsearch.runs.files import load_weights
from connsearch.runs.names import CHECKPOINTS, METRICS, STATE
from connsearch.runs.record import open_run
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions
from tests.training.plain import plain_network
from tests.training.tiny import TinyData, result_of, tiny_config, tiny_options, tiny_search

SETTINGS: dict[str, Any] = {
    "epochs": 3,
    "threads": 1,
    "precision": "fp32",
    "recalibrate_clips": 0,
    "save_every": 1,
    "score_csv": True,
    "dropout": 0.3,
}


def config(**changes: Any) -> tuple[TrainOptions, dict[str, Any]]:
    options = TrainOptions.of(
        **{**{k: v for k, v in SETTINGS.items() if k != "dropout"}, **changes}
    )
    return options, {"command": "train", "settings": options.model_dump()}


def fit(directory: Path, **changes: Any) -> Iterator[Event]:
    options, asked = config(**changes)
    data = TinyData(DataOptions.of(frames=4, size=16, batch_size=4))
    with Run.open(directory, asked) as run:
        yield from fit_model(plain_network(dropout=0.3), data, options, run=run)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("whole") / "run"
    list(fit(directory))
    return directory


def steps(directory: Path, after: int = 0) -> list[tuple[str, ...]]:
    """Returns step, loss, rate and shape of every step after some: what decides the next one."""
    names = ("step", "epoch", "loss", "accuracy", "learning_rate", "clips")
    with open(directory / METRICS, newline="") as file:
        found = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return [tuple(row[name] for name in names) for row in found if int(row["step"]) > after]


def weights(directory: Path) -> dict[str, bytes]:
    found = load_weights(directory / "learned.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in found.items()}


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_goes_on_from_an_epoch_as_the_uninterrupted_one_did(
    whole: Path, tmp_path: Path, epoch: int
) -> None:
    """Rates, losses (so clips and dropout), weights and optimiser, bit for bit."""
    place = tmp_path / "again"
    assert begin_from(whole, epoch, place, config()[1])
    list(fit(place))
    assert steps(place) == steps(whole, after=4 * epoch)
    assert weights(place) == weights(whole)
    newest = [max((d / CHECKPOINTS).glob("*.safetensors")) for d in (place, whole)]
    tensors = [read_checkpoint(path).tensors for path in newest]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    table = (place / f"train_results_s{epoch:04d}.csv").read_text().splitlines()
    everything = (whole / "train_results_s0000.csv").read_text().splitlines()
    assert table == [everything[0], *everything[1 + epoch :]]


def test_a_search_goes_on_from_an_epoch_with_all_that_its_hooks_know(tmp_path: Path) -> None:
    settings = {"epochs": 2, "save_every": 1, "keep": "best", "patience": 9}
    first = result_of(tiny_search(tmp_path / "run", **settings)).report.digest
    place = tmp_path / "again"
    begin_from(tmp_path / "run", 1, place, tiny_config(tiny_options(**settings)))
    assert result_of(tiny_search(place, **settings)).report.digest == first


def test_states_are_kept_after_every_so_many_epochs_and_their_size_is_told(tmp_path: Path) -> None:
    events = list(fit(tmp_path / "run", epochs=5, save_every=2))
    assert sorted(kept_epochs(tmp_path / "run")) == [2, 4]
    assert [p.name for p in kept_epochs(tmp_path / "run").values()] == [
        "Sequential_ep-0002",
        "Sequential_ep-0004",
    ]
    told = [e.message for e in events if isinstance(e, NoteEvent) and "save_every" in e.message]
    size = (kept_epoch(tmp_path / "run", 2) / STATE).stat().st_size
    assert len(told) == 1
    assert "2 in all" in told[0]
    assert f"{size / 1e6:,.1f} MB" in told[0]


def test_a_training_that_ends_before_a_state_is_due_says_so(tmp_path: Path) -> None:
    events = fit(tmp_path / "run", steps=1, save_every=1)
    told = [e.message for e in events if isinstance(e, NoteEvent) and "save_every" in e.message]
    assert told == [
        "save_every 1: no state is kept, because the training ends after 1 steps, before the first "
        "epoch is over"
    ]
    assert not kept_epochs(tmp_path / "run")


def test_a_kept_state_is_taken_for_a_run(whole: Path) -> None:
    found = open_run(kept_epoch(whole, 3))
    assert {n: t.numpy().tobytes() for n, t in found.tensors.items()} == weights(whole)
    assert found.outcome is not None
    assert found.outcome.name == "Sequential"
    assert found.recorded["facts"] == open_run(whole).recorded["facts"]
    before = open_run(kept_epoch(whole, 1)).tensors
    assert any(not torch.equal(before[n], t) for n, t in found.tensors.items())
    with pytest.raises(RunError, match="state that a run has kept"):
        list(fit(kept_epoch(whole, 3)))


def test_how_often_states_are_kept_may_change(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "again"
    begin_from(whole, 2, place, config(save_every=None)[1])
    list(fit(place, save_every=None))
    assert weights(place) == weights(whole)


def test_a_run_that_was_killed_finds_its_states_and_keeps_them(whole: Path, tmp_path: Path) -> None:
    events = fit(tmp_path / "run")
    for event in events:
        if isinstance(event, StepEvent) and event.step == 9:
            break
    events.close()  # type: ignore[attr-defined]
    assert sorted(kept_epochs(tmp_path / "run")) == [1, 2]
    list(fit(tmp_path / "run"))
    assert sorted(kept_epochs(tmp_path / "run")) == [1, 2, 3]
    for epoch in (1, 2, 3):
        one, other = (
            read_checkpoint(kept_epoch(d, epoch) / STATE) for d in (whole, tmp_path / "run")
        )
        assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


def test_what_was_killed_while_it_was_written_is_not_there(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As if the process had ended."""

    def end(*_: object) -> None:
        raise Killed

    place = tmp_path / "again"
    with monkeypatch.context() as patch:
        patch.setattr(epochs.shutil, "rmtree", lambda *_, **__: None)  # nobody cleans up
        patch.setattr(epochs.os, "replace", end)
        with pytest.raises(Killed):
            begin_from(whole, 1, place, config()[1])
    assert not place.exists()
    assert begin_from(whole, 1, place, config()[1])
    assert not list(tmp_path.glob(".*")), "what was left is gone"
    assert not begin_from(whole, 1, place, config()[1]), "it is begun already"


def test_what_is_not_there_or_other_is_refused(whole: Path, tmp_path: Path) -> None:
    asked = config()[1]
    with pytest.raises(RunError, match=r"(?s)epoch 7 was not kept.*kept: 1, 2, 3"):
        begin_from(whole, 7, tmp_path / "again", asked)
    with pytest.raises(RunError, match=r"(?s)no such run.*--save-every"):
        begin_from(tmp_path / "nothing", 1, tmp_path / "again", asked)
    with pytest.raises(RunError, match="other settings"):
        begin_from(whole, 1, tmp_path / "again", config(lr=0.5)[1])
    assert not (tmp_path / "again").exists()
    begin_from(whole, 1, tmp_path / "again", asked)
    with pytest.raises(RunError, match="does not go on from epoch 2"):
        begin_from(whole, 2, tmp_path / "again", asked)
    with pytest.raises(RunError, match=r"(?s)not kept.*kept: none.*--save-every"):
        begin_from(tmp_path / "again", 1, tmp_path / "other", asked)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(RunError, match="not a run directory"):
        begin_from(whole, 1, tmp_path / "full", asked)


def test_a_damaged_state_is_refused(whole: Path, tmp_path: Path) -> None:
    begin_from(whole, 1, tmp_path / "copy", config()[1])
    list(fit(tmp_path / "copy"))
    state = kept_epoch(tmp_path / "copy", 2) / STATE
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        begin_from(tmp_path / "copy", 2, tmp_path / "again", config()[1])


def test_where_it_goes_on_is_recorded_and_named(whole: Path, tmp_path: Path) -> None:
    assert place_from(Path("runs/a"), 12) == Path("runs/a-from-0012")
    begin_from(whole, 2, tmp_path / "again", config()[1])
    recorded = json.loads((tmp_path / "again" / "config.json").read_text())["from_epoch"]
    assert recorded["epoch"] == 2
    assert recorded["run"] == str(whole)
    assert len(recorded["digest"]) == 64
