"""Trainings of few and many clips a class: what they record, and that a kill changes nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.data.clips.dataset import Clip, ClipKey
from connsearch.data.loading.loader import Loader
from connsearch.errors import DataError, RunError, SettingsError
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model, Predictions
from connsearch.nn.seeded import seeded
from connsearch.runs.events import NoteEvent, ResultEvent, StepEvent
from connsearch.runs.run import Run
from connsearch.training.balance import balance
from connsearch.training.curriculum import CyclicClips
from connsearch.training.loop import fit
from connsearch.training.noticed import training_course
from connsearch.training.options import TrainOptions
from tests.training.test_resume import everything, steps_until
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search

RARE = (3, 8, 12)
"""Clips of the second class, of 14."""


class Uneven(TinyData):
    """Eleven clips of one class, three of the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.train.labels = [int(i in RARE) for i in range(len(self.train))]


class Halved(Uneven):
    """The same, with a list for the connections: ten clips of one class and two of the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.connections = TinyClips(12, seed=4, options=self.options)
        self.connections.labels = [int(i in (1, 7)) for i in range(12)]


def notes(events: list[Any]) -> str:
    return "\n".join(e.message for e in events if isinstance(e, NoteEvent))


def config(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "config.json").read_text())


@pytest.mark.parametrize(
    "asked",
    [{"class_weights": "balanced"}, {"sampler_weights": "balanced", "keep": "best"}],
    ids=["weights", "sampler, best"],
)
def test_an_interrupted_run_ends_like_the_whole_one(tmp_path: Path, asked: dict[str, Any]) -> None:
    asked |= {"epochs": 2}
    result_of(tiny_search(tmp_path / "whole" / "run", Uneven(), **asked))
    for stop in (2, 5):
        steps_until(tiny_search(tmp_path / "cut" / "run", Uneven(), **asked), stop)
    result_of(tiny_search(tmp_path / "cut" / "run", Uneven(), **asked))
    assert everything(tmp_path / "cut" / "run") == everything(tmp_path / "whole" / "run")


def test_weights_are_told_recorded_and_change_what_is_learned(tmp_path: Path) -> None:
    plain: list[Any] = list(tiny_search(tmp_path / "plain", Uneven(), epochs=1))
    found: list[Any] = list(
        tiny_search(tmp_path / "run", Uneven(), epochs=1, class_weights="balanced")
    )
    assert "class weights of the training loss: red 0.6364, blue 2.333" in notes(found)
    assert "class weights" not in notes(plain)
    recorded = config(tmp_path / "run")["facts"]["class_weights"]
    assert recorded == pytest.approx({"red": 14 / 22, "blue": 14 / 6})
    assert "class_weights" not in config(tmp_path / "plain")["facts"]
    assert found[-1].report.digest != plain[-1].report.digest
    losses = [next(e.loss for e in some if isinstance(e, StepEvent)) for some in (plain, found)]
    assert losses[0] != losses[1]


def test_weights_of_a_file_are_scaled_and_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_text("label,weight\nred,10\nblue,20\n")
    asked = {"epochs": 1, "class_weights": str(path)}
    found = list(tiny_search(tmp_path / "run", Uneven(), **asked))
    assert "red 10, blue 20; scaled to a mean of 1" in notes(found)
    options = TrainOptions.of(class_weights=str(path))
    mean = (11 * 10 + 3 * 20) / 14
    scaled = balance(options, Uneven()).weights_K  # type: ignore[arg-type]
    assert scaled.tolist() == pytest.approx([10 / mean, 20 / mean])
    (tmp_path / "run" / "result.json").unlink()
    path.write_text("label,weight\nred,10\nblue,30\n")
    with pytest.raises(RunError, match=r"class_weights\.blue.*20.*30"):
        list(tiny_search(tmp_path / "run", Uneven(), **asked))


def test_a_file_that_cannot_be_used_leaves_no_run_behind(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_text("label,weight\nred,1\nblu,2\n")
    with pytest.raises(DataError, match="line 3: no class 'blu', did you mean 'blue'"):
        list(tiny_search(tmp_path / "run", Uneven(), class_weights=str(path)))
    assert not (tmp_path / "run").exists()
    path.write_text("label,weight\nred,0\nblue,2\n")
    only_red = Uneven()
    only_red.train.labels = [0] * 14
    with pytest.raises(SettingsError, match="weight 0, so nothing would be learned"):
        list(tiny_search(tmp_path / "run", only_red, class_weights=str(path)))


def test_a_sampler_says_how_often_it_shows_what(tmp_path: Path) -> None:
    found = list(tiny_search(tmp_path / "run", Uneven(), epochs=2, sampler_weights="balanced"))
    said = notes(found)
    assert "draws each of 2 classes 7 times or once more" in said
    assert "blue (clips: 3) 7 times, red (clips: 11) 7 times" in said
    steps = [e for e in found if isinstance(e, StepEvent)]
    assert len(steps) == 8  # as without it
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    assert sum(int(row["clips"]) for row in rows) == 28
    finished: Any = SimpleNamespace(directory=tmp_path / "run")
    options = TrainOptions.of(sampler_weights="balanced")
    seen: Any = Uneven()
    assert training_course(finished, seen, options, {}, 8).guess == 0.5
    assert training_course(finished, seen, TrainOptions(), {}, 8).guess == 11 / 14
    weighted = TrainOptions.of(class_weights="balanced")
    assert training_course(finished, seen, weighted, {}, 8).guess == 0.5


def test_both_halves_of_a_bilevel_search_take_turns_and_share_their_weights() -> None:
    data: Any = Halved()
    found = balance(TrainOptions.of(sampler_weights="balanced"), data)
    assert found.turns is not None
    assert found.connection_turns is not None
    with Loader(data.connections) as loader:
        clips = CyclicClips(loader, seed=0, turns=found.connection_turns)
        steps = [clips.clips(step) for step in range(3)]
        shown = [label for step in steps for batch in step.batches for label in batch.labels]
    assert shown.count(1) == 6
    weights = balance(TrainOptions.of(class_weights="balanced"), data).given_K
    assert weights is not None
    assert weights.tolist() == pytest.approx([26 / (2 * 21), 26 / (2 * 5)])


def test_weights_of_a_file_go_with_the_turns_and_are_scaled_over_classes(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_text("label,weight\nred,1\nblue,3\n")
    options = TrainOptions.of(class_weights=str(path), sampler_weights="balanced")
    found = balance(options, Uneven())  # type: ignore[arg-type]
    assert found.weights_K is not None
    assert found.weights_K.tolist() == pytest.approx([0.5, 1.5])


def test_classes_without_a_training_clip_are_named(tmp_path: Path) -> None:
    data = Uneven()
    data.classes = ("red", "blue", "green")
    found = list(tiny_search(tmp_path / "run", data, epochs=1, class_weights="balanced"))
    assert "without a training clip, so neither weighted nor shown: green" in notes(found)


class TwoHeads(Model):
    """A model that is no structure, with a second classifier that says the same as the first."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        logits = self.head(streams["rgb"].mean((2, 3, 4)))
        return Predictions(logits, (logits,))

    def describe(self) -> ModelDocument:
        return ModelDocument("two_heads", "two", {})


def test_every_kind_of_model_is_weighted_in_all_of_its_heads(tmp_path: Path) -> None:
    options = TrainOptions.of(
        steps=1, seed=2, threads=1, precision="fp32", label_smoothing=0.0, class_weights="balanced"
    )
    with seeded(0):
        model = TwoHeads()
    first = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    data: Any = Uneven()
    with Run.open(tmp_path, {"command": "train", "settings": options.model_dump()}) as run:
        events = list(fit(model, data, options, run=run, open_test=False))
    step = next(e for e in events if isinstance(e, StepEvent))
    model.load_state_dict(first)
    with Loader(data.train) as loader:
        batch = next(loader.batches(seed=options.seed, shuffle=True, augment=True))
    logits = model(batch.streams).logits
    losses = F.cross_entropy(logits, batch.labels, reduction="none")
    weights = torch.tensor([14 / 22, 14 / 6])
    assert set(batch.labels.tolist()) == {0, 1}
    assert step.loss == pytest.approx(2 * (losses * weights[batch.labels]).mean().item(), rel=1e-5)
    assert isinstance(events[-1], ResultEvent)


def noting(clips: TinyClips, shown: list[int]) -> None:
    """Lets a list of clips take down the class of every clip that is trained on."""
    clip = clips.clip

    def noted(key: ClipKey) -> Clip:
        found = clip(key)
        if key.augment:
            shown.append(found.label)
        return found

    clips.clip = noted  # type: ignore[method-assign]


def test_a_training_shows_both_of_its_lists_in_turns(tmp_path: Path) -> None:
    filters: list[int] = []
    connections: list[int] = []
    data = Halved()
    assert data.connections is not None
    noting(data.train, filters)
    noting(data.connections, connections)
    result_of(tiny_search(tmp_path / "run", data, epochs=1, sampler_weights="balanced"))
    assert (filters.count(0), filters.count(1)) == (7, 7)
    assert abs(connections.count(0) - connections.count(1)) <= 4  # the second epoch has only begun
    assert connections.count(1) > 4
