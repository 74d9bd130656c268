"""Training: what learns does learn, what must not change does not, events say what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from connsearch.data.clips.dataset import ClipKey
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.errors import DataError
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention
from connsearch.models.model import Wrapped
from connsearch.models.structure import Network
from connsearch.oneshot.logits import LogitWatch
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import (
    CheckpointEvent,
    ConnectionsEvent,
    EvaluationEvent,
    ResultEvent,
    StepEvent,
)
from connsearch.runs.run import Run
from connsearch.training.evaluate import evaluate
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import OptimiserOptions, ScheduleOptions, TrainOptions
from tests.training.tiny import TinyClips, TinyData, tiny_search, tiny_structure


def tiny_fit(directory: Path, data: Any = None, **changes: Any) -> list[Any]:
    chosen = {"epochs": 2, "threads": 1, "precision": "fp32", "recalibrate_clips": 8, **changes}
    options = TrainOptions.of(**chosen)
    structure = tiny_structure(attention=Attention.NONE)
    fixed = structure.with_weights(
        {e: 0.5 for e, w in structure.weights().items() if w is not None}
    )
    network = Network(fixed, 2, seed=0)
    with Run.open(directory, {"command": "train", "settings": options.model_dump()}) as run:
        return list(fit_model(network, data or TinyData(), options, run=run))


def test_the_loss_falls_and_the_test_split_is_learned(tmp_path: Path) -> None:
    events = tiny_fit(tmp_path / "run", epochs=10, lr=0.02)
    losses = [e.loss for e in events if isinstance(e, StepEvent)]
    assert sum(losses[-4:]) < 0.6 * sum(losses[:4])
    result = events[-1]
    assert isinstance(result, ResultEvent)
    assert result.metrics["test"].accuracy == 1.0
    assert result.metrics["test"].clips == 6


def test_events_come_in_order_and_count_right(tmp_path: Path) -> None:
    events = list(tiny_search(tmp_path / "run"))
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert [e.step for e in steps] == list(range(1, 17))
    assert [e.epoch for e in steps] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert {e.total_steps for e in steps} == {16}
    assert {e.steps_per_epoch for e in steps} == {4}
    assert [e.step for e in events if isinstance(e, CheckpointEvent)] == [3, 6, 9, 12, 15, 16]
    evaluations = [e for e in events if isinstance(e, EvaluationEvent)]
    assert [(e.split, e.step, e.epoch) for e in evaluations] == [
        ("val", 4, 0),
        ("val", 8, 1),
        ("val", 12, 2),
        ("val", 16, 3),
    ]
    logged = [e.step for e in events if isinstance(e, ConnectionsEvent)]
    assert logged == [0, 2, 4, 6, 8, 10, 12, 14, 16]


def test_steps_may_stop_a_run_inside_an_epoch(tmp_path: Path) -> None:
    steps = [e for e in tiny_search(tmp_path / "run", steps=6) if isinstance(e, StepEvent)]
    assert steps[-1].step == steps[-1].total_steps == 6


class ClosedTest(TinyData):
    """A test split that nobody may look into."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.opened = 0
        clip = self.test.clip

        def counted(key: Any) -> Any:
            self.opened += 1
            return clip(key)

        self.test.clip = counted  # type: ignore[method-assign]


def test_a_search_never_opens_the_test_split(tmp_path: Path) -> None:
    data = ClosedTest()
    list(tiny_search(tmp_path / "run", data))
    assert data.opened == 0


def test_training_opens_the_test_split_once_at_the_end(tmp_path: Path) -> None:
    data = ClosedTest()
    events = tiny_fit(tmp_path / "run", data, eval_every=1)
    assert data.opened == len(data.test)
    splits = [e.split for e in events if isinstance(e, EvaluationEvent)]
    assert splits == ["val", "val", "test"]


def test_without_select_clips_training_goes_on(tmp_path: Path) -> None:
    data = TinyData()
    data.val = TinyClips(0, seed=0, options=data.options)
    events = tiny_fit(tmp_path / "run", data)
    assert set(events[-1].metrics) == {"test"}


def test_without_training_clips_it_is_refused(tmp_path: Path) -> None:
    data = TinyData()
    data.train = TinyClips(0, seed=0, options=data.options)
    with pytest.raises(DataError, match="train split is empty"):
        tiny_fit(tmp_path / "run", data)


def test_evaluation_changes_nothing_and_an_empty_split_is_refused() -> None:
    data = TinyData()
    network = Network(tiny_structure(), 2, seed=0).train()
    before = {n: t.clone() for n, t in network.state_dict().items()}
    val: Any = data.val
    first, again = (evaluate(network, Loader(val), classes=data.classes) for _ in range(2))
    timed = {"seconds_per_clip": 0.0}
    assert again.model_copy(update=timed) == first.model_copy(update=timed)
    assert network.training
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())
    empty: Any = TinyClips(0, seed=0, options=data.options)
    with pytest.raises(DataError, match="no clip to evaluate on"):
        evaluate(network, Loader(empty), classes=data.classes)


@pytest.mark.parametrize("batch", [1, 4, 6, 7])
def test_means_of_an_evaluation_are_over_clips_however_few_the_last_batch_has(batch: int) -> None:
    options = DataOptions.of(frames=4, size=16, batch_size=batch)
    clips: Any = TinyClips(7, seed=5, options=options)
    network = Network(tiny_structure(), 2, seed=0)
    found = evaluate(network, Loader(clips), classes=("red", "blue"))
    with torch.no_grad():
        rgb = torch.stack([clips.clip(ClipKey(index)).streams["rgb"] for index in range(7)])
        logits = network.eval()({"rgb": rgb})
    labels = torch.tensor(clips.labels)
    assert found.loss == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)
    assert found.accuracy == pytest.approx(float((logits.argmax(1) == labels).float().mean()))


@pytest.mark.parametrize("attention", [Attention.NONE, Attention.PEER])
def test_every_connection_and_peer_logit_receives_a_gradient(attention: Attention) -> None:
    network = Network(
        over_connect(tiny_structure(attention=attention)), 2, learn_connections=True, seed=0
    )
    watch = LogitWatch(network)
    # Dense layers of attention start near zero and scales of last norms at zero, which would
    # leave a gradient too small to tell from none.
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.1)
    rgb = torch.randn(4, 3, 4, 16, 16, generator=generator)
    torch.nn.functional.cross_entropy(network({"rgb": rgb}), torch.tensor([0, 1, 0, 1])).backward()
    watch.observe()
    history = watch.history()
    edges = set(network.structure.edges())
    assert set(history.gradients) == edges
    assert all(g > 0 for g in history.gradients.values())
    assert set(history.peer_gradients) == (edges if attention is Attention.PEER else set())
    assert all(g > 0 for g in history.peer_gradients.values())


def test_logits_have_their_own_optimiser_and_kernels_alone_decay() -> None:
    network = Network(over_connect(tiny_structure()), 2, learn_connections=True, seed=0)
    options = OptimiserOptions(lr=1e-3, connection_lr=0.5, weight_decay=0.1)
    optimisers = Optimisers(network, options, ScheduleOptions())
    logits = [*network.connection_parameters(), *network.peer_parameters()]
    assert all(p.dtype == torch.float32 for p in logits)
    before = [p.clone() for p in logits]
    kernels = [p for n, p in network.named_parameters() if "conv" in n]
    norms = [p for p in network.parameters() if p.dim() == 1 and p.numel() and p not in set(logits)]
    old = [[p.clone() for p in group] for group in (kernels, norms)]
    for p in network.parameters():
        p.grad = torch.zeros_like(p)
    optimisers.step(5, total_steps=10)
    assert all(torch.equal(a, b) for a, b in zip(before, logits, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(old[1], norms, strict=True))
    shrunk = [p.norm() < b.norm() for p, b in zip(kernels, old[0], strict=True) if b.norm() > 0]
    assert shrunk
    assert all(shrunk)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_plain_momentum_and_decay_of_everything_is_the_textbook_one(
    nesterov: bool,
) -> None:
    """Two steps of v = m v + (g + d w); w -= r v, or r (g + d w + m v) with Nesterov."""
    network = Wrapped(torch.nn.BatchNorm1d(3))
    options = OptimiserOptions(
        optimiser="sgd",
        lr=0.1,
        momentum=0.9,
        weight_decay=0.01,
        grad_clip=None,
        nesterov=nesterov,
        decay_all=True,
    )
    optimisers = Optimisers(network, options, ScheduleOptions(schedule="constant", warmup=0))
    (scale, _) = network.parameters()
    weight, speed = 1.0, 0.0
    for step, gradient in enumerate((0.5, -2.0)):
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        optimisers.step(step, total_steps=9)
        whole = gradient + 0.01 * weight
        speed = 0.9 * speed + whole
        weight -= 0.1 * (whole + 0.9 * speed if nesterov else speed)
        assert scale.detach().numpy() == pytest.approx(weight, rel=1e-6)


def test_fused_adamw_equals_the_plain_one_in_channels_last() -> None:
    torch.manual_seed(0)
    plain = torch.nn.Conv3d(3, 5, 3).to(memory_format=torch.channels_last_3d)
    fused = torch.nn.Conv3d(3, 5, 3).to(memory_format=torch.channels_last_3d)
    fused.load_state_dict(plain.state_dict())
    optimisers = [
        torch.optim.AdamW(plain.parameters(), lr=0.01, fused=False),
        torch.optim.AdamW(fused.parameters(), lr=0.01, fused=True),
    ]
    for step in range(3):
        x = torch.randn(2, 3, 4, 6, 6, generator=torch.Generator().manual_seed(step))
        for layer, optimiser in zip((plain, fused), optimisers, strict=True):
            layer(x.to(memory_format=torch.channels_last_3d)).square().sum().backward()
            optimiser.step()
            optimiser.zero_grad()
    torch.testing.assert_close(plain.weight, fused.weight, rtol=1e-5, atol=1e-6)


def test_a_watch_tells_where_logits_started_and_where_they_are() -> None:
    network = Network(tiny_structure(), 2, learn_connections=True, seed=0)
    watch = LogitWatch(network)
    logits = network.connection_logits()
    edge = next(iter(logits))
    with torch.no_grad():
        logits[edge].fill_(2.0)
    history = watch.history()
    assert history.first[edge] == pytest.approx(0.5, abs=0.01)
    assert history.last[edge] == pytest.approx(0.8808, abs=1e-4)
    rows = list(watch.rows(3, 0))
    row = next(r for r in rows if (r["source"], r["target"]) == edge and r["kind"] == "connection")
    assert row["logit"] == 2.0
    peers = [r for r in rows if r["kind"] == "peer" and (r["source"], r["target"]) == edge]
    assert sum(r["weight"] for r in peers) == pytest.approx(1)
    assert network.learned_structure().weights()[edge] == history.last[edge]


def test_fixed_coefficients_are_not_watched() -> None:
    structure = tiny_structure(attention=Attention.NONE)
    fixed = structure.with_weights(dict.fromkeys(structure.edges(), 0.3))
    assert not LogitWatch(Network(fixed, 2)).learns
