"""Several batches a step: the gradient of one large batch, once a step, in the memory of one."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.data.clips.dataset import ClipKey
from connsearch.data.loading.batches import Batch, BatchPlan, micro_batches
from connsearch.data.options import DataOptions
from connsearch.errors import DataError
from connsearch.models.model import Predictions, Wrapped
from connsearch.nn.seeded import seeded
from connsearch.runs.checkpoint import read_checkpoint
from connsearch.runs.events import CheckpointEvent, NoteEvent, StepEvent
from connsearch.runs.names import METRICS
from connsearch.training.curriculum import Curriculum, StepClips
from connsearch.training.evaluate import Compute
from connsearch.training.hooks import Hook
from connsearch.training.lesson import Learned, Lesson
from connsearch.training.losses import NO_LABEL, BinaryCrossEntropy, CrossEntropy, Loss
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from tests.training.plain import plain_fit, plain_network
from tests.training.test_resume import everything, steps_until
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search

CLASSES = 3


class Two(nn.Module):
    """Logits and auxiliary ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.further = nn.Linear(6, CLASSES), nn.Linear(6, CLASSES)

    def forward(self, clips: Tensor) -> Predictions:
        flat = clips.flatten(1)
        return Predictions(self.first(flat), (self.further(flat),))


class Pull(Hook):
    """A penalty on the first kernel, and a count of the gradients that were seen."""

    def __init__(self, kernel: Tensor) -> None:
        self.kernel, self.steps, self.seen = kernel, [], 0

    def penalty(self, step: int, total: int) -> Tensor:
        self.steps.append(step)
        return 3.0 * self.kernel.square().sum()


def whole_batch(clips: int, seed: int, *, multi: bool) -> Batch:
    """Returns clips of noise; in multi-label data every third has no class."""
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.randn(clips, 1, 1, 2, 3, generator=generator)
    labels = torch.randint(0, CLASSES, (clips,), generator=generator)
    targets = None
    if multi:
        labels[::3] = NO_LABEL
        targets = torch.randint(0, 2, (clips, CLASSES), generator=generator).float()
        targets[::3] = 0
    return Batch({"rgb": rgb}, labels, torch.arange(clips), targets)


def parts_of(batch: Batch, size: int) -> StepClips:
    """Returns the batch in parts, each made when it is asked for."""

    def made() -> Iterator[Batch]:
        for i in range(0, len(batch.labels), size):
            cut = slice(i, i + size)
            targets = None if batch.targets is None else batch.targets[cut]
            rgb = {"rgb": batch.streams["rgb"][cut]}
            yield Batch(rgb, batch.labels[cut], batch.indices[cut], targets)

    clips = len(batch.labels)
    return StepClips(clips, -(-clips // size), made())


def gradients(clips: StepClips, loss: Loss, *, smoothing: float) -> tuple[list[Tensor], Learned]:
    with seeded(0):
        module = Two()
    network = Wrapped(module)
    options = TrainOptions()
    optimisers = Optimisers(network, options.optimiser, options.schedule)
    hook = Pull(module.first.weight)
    lesson = Lesson(
        network,
        optimisers,
        loss,
        Compute(),
        seed=0,
        smoothing=smoothing,
        hooks=[hook],
        total=9,
        classes=CLASSES,
    )
    learned = lesson.learn(clips, 4)
    assert hook.steps == [4], "a penalty counts once a step"
    found = [p.grad for p in network.parameters()]
    assert all(g is not None for g in found)
    return [g for g in found if g is not None], learned


@settings(max_examples=30)
@given(
    clips=st.integers(1, 9),
    size=st.integers(1, 9),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["one class", "multi-label, one drawn", "multi-label"]),
    smoothing=st.sampled_from([0.0, 0.1]),
)
def test_parts_of_any_size_give_the_gradient_of_the_whole(
    clips: int, size: int, seed: int, kind: str, smoothing: float
) -> None:
    loss = BinaryCrossEntropy() if kind == "multi-label" else CrossEntropy()
    batch = whole_batch(clips, seed, multi=kind != "one class")
    wanted, at_once = gradients(parts_of(batch, clips), loss, smoothing=smoothing)
    found, learned = gradients(parts_of(batch, size), loss, smoothing=smoothing)
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(b, a, rtol=2e-5, atol=1e-6)
    assert learned.loss == pytest.approx(at_once.loss, rel=1e-5, abs=1e-6)
    assert (learned.clips, learned.hits, learned.asked) == (clips, at_once.hits, at_once.asked)


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_batch_is_cut_into_parts_in_order(clips: int, size: int) -> None:
    plan = BatchPlan(tuple(ClipKey(i, 0, 0, True) for i in range(clips)), replace=True, rate=0.5)
    parts = micro_batches(plan, size)
    assert tuple(key for part in parts for key in part.keys) == plan.keys
    assert all(len(part.keys) == size for part in parts[:-1])
    assert all((part.replace, part.rate) == (True, 0.5) for part in parts)


def losses(events: list[Any]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepEvent)]


def test_a_training_without_batch_norm_is_that_of_the_large_batch(tmp_path: Path) -> None:
    """14 clips in steps of 6 are parts of 2, 2, 2 and at last one of 2."""
    large = list(plain_fit(tmp_path / "large", batch=6))
    parts = list(plain_fit(tmp_path / "parts", batch=2, accumulate=3))
    assert losses(parts) == pytest.approx(losses(large), rel=1e-4)
    steps = [e for e in parts if isinstance(e, StepEvent)]
    assert [e.shape for e in steps] == [(n, 3, 4, 16, 16) for n in (6, 6, 2)] * 2
    assert [e.learning_rate for e in steps] == [
        e.learning_rate for e in large if isinstance(e, StepEvent)
    ]
    assert any("6 full clips, 2 at a time" in e.message for e in parts if isinstance(e, NoteEvent))
    with open(tmp_path / "parts" / METRICS, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    assert [row["clips"] for row in rows] == ["6", "6", "2"] * 2


def test_dropout_differs_between_the_parts_of_a_step() -> None:
    network = plain_network(dropout=0.5)
    masks: list[Tensor] = []
    dropout = next(m for m in network.modules() if isinstance(m, nn.Dropout))
    dropout.register_forward_hook(lambda _, given, found: masks.append(found != 0))
    options = TrainOptions()
    optimisers = Optimisers(network, options.optimiser, options.schedule)
    lesson = Lesson(
        network, optimisers, CrossEntropy(), Compute(), seed=0, smoothing=0.0, total=9, classes=2
    )
    rgb = torch.ones(8, 3, 4, 8, 8)
    with torch.no_grad():
        network.module[0].bias.fill_(9.0)

    def step(number: int, parts: int) -> list[Tensor]:
        masks.clear()
        size = 8 // parts
        batch = Batch({"rgb": rgb[:size]}, torch.zeros(size).long(), torch.arange(size))
        lesson.learn(StepClips(8, parts, iter([batch] * parts)), number)
        assert not dropout._forward_pre_hooks
        return list(masks)

    first, second = step(3, 2)
    assert not torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in zip((first, second), step(3, 2), strict=True))
    assert not torch.equal(second, step(4, 2)[1])
    assert torch.equal(step(3, 2)[0], step(3, 1)[0][:4]), "the first part is seeded as a batch is"


class Draws(nn.Module):
    """Draws as a search does with path dropout, and keeps what it has drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.drawn = nn.Linear(3, 2), []

    def forward(self, clips: Tensor) -> Tensor:
        self.drawn.append(torch.rand(4))
        return self.dense(clips.mean((2, 3, 4)))


def test_connections_left_out_are_the_same_for_all_clips_of_a_step(tmp_path: Path) -> None:
    module, options = Draws(), TrainOptions()
    network = Wrapped(module)
    optimisers = Optimisers(network, options.optimiser, options.schedule)
    lesson = Lesson(
        network, optimisers, CrossEntropy(), Compute(), seed=0, smoothing=0.0, total=9, classes=2
    )
    batch = Batch({"rgb": torch.ones(2, 3, 2, 4, 4)}, torch.tensor([0, 1]), torch.arange(2))
    lesson.learn(StepClips(6, 3, iter([batch] * 3)), 0)
    lesson.learn(StepClips(2, 1, iter([batch])), 1)
    assert torch.equal(module.drawn[0], module.drawn[1])
    assert torch.equal(module.drawn[0], module.drawn[2])
    assert not torch.equal(module.drawn[0], module.drawn[3])


def test_a_multigrid_step_has_as_many_parts_of_the_size_that_its_shape_allows() -> None:
    options = TrainOptions.of(multigrid="reference", epochs=8)
    clips: Any = TinyClips(120, seed=0, options=DataOptions.of(frames=8, size=32, batch_size=4))

    def made(accumulate: int) -> Curriculum:
        return Curriculum(clips, options.schedule, options.multigrid, seed=0, accumulate=accumulate)

    three = made(3)
    assert three.norm_clips == 4, "of the batch that is computed at once"
    for step in (0, three.total - 1):
        parts = three.plan(step)[0]
        shape = parts[0].keys[0].shape
        size = 4 * (1 if shape is None else round(8 * 32**2 / (shape.frames * shape.size**2)))
        assert [len(part.keys) for part in parts][: len(parts) - 1] == [size] * (len(parts) - 1)
        assert len(parts) <= 3
    assert three.place(three.total)[:2] == (80, 80), "full steps: 8 epochs of 120 clips, 12 each"


@pytest.mark.parametrize("stops", [(1,), (3, 4)])
def test_an_interrupted_search_ends_like_the_whole_one(
    tmp_path: Path, stops: tuple[int, ...]
) -> None:
    def searched(directory: Path) -> Iterator[Any]:
        changes = {"accumulate": 3, "path_dropout": 0.3, "macs_penalty": 0.1, "checkpoint_steps": 2}
        data = TinyData(DataOptions.of(frames=4, size=16, batch_size=2))
        return tiny_search(directory, data, multigrid="srtg", epochs=2, **changes)

    result_of(searched(tmp_path / "whole"))
    for stop in stops:
        steps_until(searched(tmp_path / "again"), stop)
    result_of(searched(tmp_path / "again"))
    found, whole = (everything(tmp_path / name) for name in ("again", "whole"))
    assert found == whole


def test_what_cannot_be_read_in_any_part_is_in_the_checkpoint_of_its_step(tmp_path: Path) -> None:
    data = TinyData(DataOptions.of(frames=4, size=16, batch_size=2))
    clip, train = data.train.clip, cast(Any, data.train)
    train.records = [SimpleNamespace(name=f"clip {i}") for i in range(len(train))]
    options = TrainOptions()
    plan = Curriculum(train, options.schedule, options.multigrid, seed=0, accumulate=3).plan(0)
    bad = plan[0][1].keys[0].index

    def unreadable(key: ClipKey) -> Any:
        if key.index == bad:
            raise DataError("it is broken")
        return clip(key)

    train.clip = unreadable
    for event in plain_fit(tmp_path / "run", data, accumulate=3, checkpoint_steps=1):
        if isinstance(event, CheckpointEvent):
            break
    state = read_checkpoint(event.path).state
    assert [entry[:2] for entry in state["quarantine"]] == [["train", bad]]


def test_without_the_option_nothing_has_changed(tmp_path: Path) -> None:
    plain = list(plain_fit(tmp_path / "a", dropout=0.4))[-1]
    one = list(plain_fit(tmp_path / "b", dropout=0.4, accumulate=1))[-1]
    assert plain.report.digest == one.report.digest
