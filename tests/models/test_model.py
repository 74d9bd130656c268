"""Whatever is a model is trained, stopped, resumed and kept: no structure is needed for that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from connsearch.errors import DataError, RunError, SettingsError
from connsearch.graph.files import load_structure
from connsearch.models.catalogue import create_model
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model, ParameterGroups, Predictions, Wrapped, as_predictions
from connsearch.models.structure import Network
from connsearch.nn.seeded import seeded
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import CheckpointEvent, Event, NoteEvent, ResultEvent, StepEvent
from connsearch.runs.files import load_weights, put_weights, stored_model, stored_structure
from connsearch.runs.formats.tables import Row
from connsearch.runs.record import open_run
from connsearch.runs.run import Run
from connsearch.training.hooks import Hook
from connsearch.training.loop import fit
from connsearch.training.options import TrainOptions
from tests.training.tiny import TinyData, tiny_structure


def plain(seed: int = 0) -> nn.Module:
    with seeded(seed):
        return nn.Sequential(
            nn.Conv3d(3, 4, 3, padding=1),
            nn.BatchNorm3d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(4, 2),
        )


def train(model: Model, directory: Path, *hooks: Hook, **changes: Any) -> Iterator[Event]:
    chosen = {"epochs": 3, "threads": 1, "precision": "fp32", "recalibrate_clips": 8, **changes}
    options = TrainOptions.of(checkpoint_steps=3, **chosen)
    config = {"command": "train", "settings": options.model_dump()}
    with Run.open(directory, config) as run:
        yield from fit(model, TinyData(), options, run=run, hooks=hooks)


def result(events: Iterator[Event]) -> ResultEvent:
    *_, last = events
    assert isinstance(last, ResultEvent)
    return last


def test_a_plain_module_learns(tmp_path: Path) -> None:
    found = result(train(Wrapped(plain()), tmp_path / "run", epochs=12, lr=0.05))
    assert found.metrics["test"].accuracy == 1.0
    assert found.model == ModelDocument("module", "Sequential", found.model.settings)
    assert found.model.settings["class"] == "torch.nn.modules.container.Sequential"
    assert found.model.settings["provenance"]["operator"] == "train"
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"model.json", "learned.json", "learned.safetensors", "metrics.csv"} <= names
    assert not {"structure.json", "connections.csv"} & names


class OverFrames(nn.Module):
    """Has a kernel over images, which torch lays out in another way than one over clips."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        images = self.conv(x.transpose(1, 2).flatten(0, 1)).mean((2, 3))
        return self.head(images).unflatten(0, (x.shape[0], x.shape[2])).mean(1)


def test_a_module_with_kernels_over_images_is_trained(tmp_path: Path) -> None:
    found = result(train(Wrapped(OverFrames()), tmp_path / "run"))
    assert set(load_weights(tmp_path / "run" / "learned.safetensors")) >= {"module.conv.weight"}
    assert found.report.steps > 0


def test_its_weights_come_back(tmp_path: Path) -> None:
    found = result(train(Wrapped(plain()), tmp_path / "run"))
    tensors = load_weights(tmp_path / "run" / "learned.safetensors")
    other = Wrapped(plain(seed=1))
    put_weights(other, tensors, tmp_path)
    assert digest(other.state_dict(), {}) == found.report.digest


@pytest.mark.parametrize("stop", [2, 3, 7])
def test_it_goes_on_bit_for_bit(tmp_path: Path, stop: int) -> None:
    whole = result(train(Wrapped(plain()), tmp_path / "whole"))
    for event in train(Wrapped(plain()), tmp_path / "cut"):
        if isinstance(event, StepEvent) and event.step == stop:
            break
    gone_on = result(train(Wrapped(plain()), tmp_path / "cut"))
    assert gone_on.report.digest == whole.report.digest


def test_an_unfinished_run_of_it_can_be_read(tmp_path: Path) -> None:
    for event in train(Wrapped(plain()), tmp_path):
        if isinstance(event, CheckpointEvent):
            break
    record = open_run(tmp_path)
    assert record.model.kind == "module"
    assert record.outcome == record.model
    with pytest.raises(RunError, match=r"trains Sequential, a module: it has no connections"):
        _ = record.structure
    path = next((tmp_path / "checkpoint").iterdir())
    assert stored_model(path) == record.model
    with pytest.raises(RunError, match="contains a module"):
        stored_structure(path)


def test_a_module_that_is_no_model_is_refused_and_leaves_no_run(tmp_path: Path) -> None:
    plainly: Any = plain()
    with pytest.raises(SettingsError, match=r"Sequential: is not a model: .*no describe and no"):
        list(train(plainly, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


class TwoHeads(Model):
    """Two classifiers on one feature; the second one is there to be taught."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        means = streams["rgb"].mean((2, 3, 4))
        return Predictions(self.first(means), (self.second(means),))

    def describe(self) -> ModelDocument:
        return ModelDocument("two_heads", "two", {})


def test_auxiliary_logits_learn_and_are_not_judged(tmp_path: Path) -> None:
    with seeded(0):
        model = TwoHeads()
    before = model.second.weight.detach().clone()
    found = result(train(model, tmp_path, epochs=8, lr=0.1))
    assert not torch.equal(before, model.second.weight)
    assert found.metrics["test"].accuracy == 1.0
    means = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])
    assert model.second(means).argmax(1).tolist() == model.first(means).argmax(1).tolist()


class Apart(TwoHeads):
    """A model that says which of its parameters decide something."""

    def parameter_groups(self) -> ParameterGroups:
        return ParameterGroups(list(self.first.parameters()), list(self.second.parameters()))


def test_a_model_says_which_parameters_have_a_rate_of_their_own(tmp_path: Path) -> None:
    with seeded(0):
        model = Apart()
    first, second = (head.weight.detach().clone() for head in (model.first, model.second))
    result(train(model, tmp_path, epochs=1, lr=1e-9, connection_lr=0.1, weight_decay=0.0))
    assert (model.first.weight - first).abs().max() < 1e-6
    assert (model.second.weight - second).abs().min() > 1e-3


class SeenRow(Row):
    step: int
    seen: int


class Everything(Hook):
    """Uses every moment a hook has, and remembers in a tensor and in its state."""

    name = "everything"
    tables = {"everything.csv": SeenRow}  # noqa: RUF012

    def __init__(self, model: Model) -> None:
        self.model = model
        self.seen, self.sums = 0, torch.zeros(1)
        self.finished = 0

    def begin(self, step: int, total: int) -> None:
        self.model.scale = 1 + step / total  # type: ignore[assignment]

    def penalty(self, step: int, total: int) -> Tensor | None:
        weight = next(self.model.parameters())
        return None if step % 2 else 0.01 * self.sums[0] * weight.square().sum()

    def observe(self) -> None:
        self.seen += 1
        gradient = next(self.model.parameters()).grad
        assert gradient is not None
        self.sums += gradient.abs().sum()

    def log(self, run: Run, step: int, epoch: int) -> Iterator[Event]:
        run.log("everything.csv", {"step": step, "seen": self.seen})
        yield NoteEvent(f"seen {self.seen}")

    def epoch_done(self, step: int, total: int) -> str | None:
        return "enough" if step >= 8 else None

    def finish(self) -> None:
        self.finished += 1

    def learned(self, document: ModelDocument) -> ModelDocument:
        return ModelDocument(document.kind, document.name, {**document.settings, "seen": self.seen})

    def tensors(self) -> Mapping[str, Tensor]:
        return {"sums": self.sums}

    def state(self) -> Mapping[str, Any]:
        return {"seen": self.seen}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        self.sums.copy_(tensors["sums"])
        self.seen = state["seen"]


def hooked(directory: Path, stop: int | None = None) -> tuple[ResultEvent | None, Everything]:
    model = Wrapped(plain())
    hook = Everything(model)
    for event in train(model, directory, hook, log_every=2):
        if isinstance(event, StepEvent) and event.step == stop:
            return None, hook
        if isinstance(event, ResultEvent):
            return event, hook
    raise AssertionError


def test_a_hook_is_asked_at_every_moment_and_resumed(tmp_path: Path) -> None:
    whole, hook = hooked(tmp_path / "whole")
    assert whole is not None
    assert (whole.report.steps, hook.seen, hook.finished) == (8, 8, 1)
    assert whole.model.settings["seen"] == 8
    table = (tmp_path / "whole" / "everything.csv").read_text().splitlines()
    assert table == ["step,seen", "0,0", "2,2", "4,4", "6,6", "8,8"]
    for stop in (2, 5, 7):
        hooked(tmp_path / str(stop), stop)
        again, _ = hooked(tmp_path / str(stop))
        assert again is not None
        assert again.report.digest == whole.report.digest
        assert again.model.settings["seen"] == 8
        assert (tmp_path / str(stop) / "everything.csv").read_text().splitlines() == table
    plainly = result(train(Wrapped(plain()), tmp_path / "plain", steps=8))
    assert plainly.report.digest != whole.report.digest


def test_a_stream_that_is_missing_is_named() -> None:
    with pytest.raises(DataError, match="stream 'depth' is missing; given: rgb"):
        Wrapped(plain(), stream="depth")({"rgb": torch.zeros(1, 3, 4, 8, 8)})
    everything = Wrapped(_Streams(), stream=None)
    assert as_predictions(everything({"rgb": torch.zeros(1, 3, 1, 1, 1)})).logits.shape == (1, 3)


class _Streams(nn.Module):
    def forward(self, streams: Mapping[str, Tensor]) -> Tensor:
        return streams["rgb"].mean((2, 3, 4))


def test_documents_go_through_json(tmp_path: Path) -> None:
    for document in (
        ModelDocument("resnet3d", "r3d_18", {"depth": 18, "classes": 5}),
        ModelDocument.of(tiny_structure()),
    ):
        for one in (document, document.with_provenance({"run": "a"})):
            read = ModelDocument.read(json.loads(json.dumps(one.to_json())), where="here")
            assert read.to_json() == one.to_json()
    twice = document.with_provenance({"run": "a"}).with_provenance({"run": "b"})
    assert twice.structure is not None
    assert twice.structure.provenance == {"run": "b", "earlier": {"run": "a"}}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"kind": "resnet3d", "schema": 1, "name": "a"}, "not a model document"),
        ({"kind": 3, "schema": 1, "name": "a", "settings": {}}, "not a model document"),
        ({"kind": "resnet3d", "schema": 2, "name": "a", "settings": {}}, "model schema 2"),
    ],
)
def test_what_is_no_document_is_refused(value: dict[str, Any], told: str) -> None:
    with pytest.raises(RunError, match=told):
        ModelDocument.read(value, where="model.json")


def _stands_alone(stream: str | None) -> Wrapped:
    return Wrapped(nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten()), stream=stream)


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        (lambda: Network(tiny_structure(), 2), ["rgb"]),
        (lambda: Network(load_structure("starter"), 2), ["rgb", "object"]),
        (lambda: create_model("r3d_18", 2, widths=(2, 2, 2, 2)), ["rgb"]),
        (lambda: _stands_alone("rgb"), ["rgb"]),
        (lambda: _stands_alone(None), ["rgb"]),
    ],
)
def test_a_bare_tensor_is_told_what_is_wanted(
    network: Callable[[], Model], wanted: list[str]
) -> None:
    net = network().eval()
    clips: Any = torch.zeros(2, 3, 4, 16, 16)
    with pytest.raises(DataError) as caught:
        net(clips)
    told = str(caught.value)
    assert "read a tensor of shape (2, 3, 4, 16, 16), float32" in told
    call = ", ".join(f'"{name}": {"x" if name == "rgb" else name}' for name in wanted)
    assert told.endswith(f"cure: net({{{call}}})")
    assert all(f'"{name}": float (clips, ' in told for name in wanted)
    for other, what in ((None, "None"), ([clips], "the type list"), (clips.numpy(), "ndarray")):
        with pytest.raises(DataError, match=rf"a dict of streams, read .*{what}"):
            net(other)


def test_a_stream_that_is_no_tensor_is_named() -> None:
    streams: Any = {"rgb": torch.zeros(2, 3, 4, 16, 16).numpy()}
    for net in (Network(tiny_structure(), 2), _stands_alone("rgb")):
        with pytest.raises(DataError, match=r"rgb stream must be a torch tensor, read .*ndarray"):
            net(streams)
