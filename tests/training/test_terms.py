"""A network that learns by several terms: their table, their sum, and going on after a kill."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.models.catalogue import create_model
from connsearch.models.document import ModelDocument
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.model import LossTerm, Model, Predictions
from connsearch.models.zoo.resnet2d import ResNet2DSettings
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event, NoteEvent, ResultEvent
from connsearch.runs.formats.tables import MetricsRow, TermRow
from connsearch.runs.logs import read_table
from connsearch.runs.names import METRICS, TERMS
from connsearch.runs.run import Run
from connsearch.training.losses import CrossEntropy
from connsearch.training.options import TrainOptions
from connsearch.training.terms import TermCounts, losses_of
from tests.training.test_resume import steps_until
from tests.training.tiny import TinyData

pytestmark = pytest.mark.usefixtures("unpictured")

TERM_NAMES = ["glance", "policy", "policy local", "random", "random local"]


def network(**changes: Any) -> FocusByFrame:
    form = ResNet2DSettings(block="basic", depths=(1, 1, 1, 1), widths=(4, 4, 8, 8))
    settings = {"classes": 2, **form.model_dump(mode="json")}
    part = ModelDocument("resnet2d", "small", settings).to_json()
    small = {"frames": 4, "size": 16, "patch": 8, "policy_hidden": 4, "neurons": 8}
    found = create_model("adafocus", 2, seed=0, glance=part, local=part, **small | changes)
    assert isinstance(found, FocusByFrame)
    return found


def fit(directory: Path, model: Model, **changes: Any) -> Iterator[Event]:
    usual: dict[str, Any] = {"epochs": 2, "threads": 1, "precision": "fp32", "checkpoint_steps": 2}
    options = TrainOptions.of(**usual | {"recalibrate_clips": 8} | changes)
    with Run.open(directory, {"command": "train", "settings": options.model_dump()}) as run:
        data: Any = TinyData()
        yield from fit_model(model, data, options, run=run)


def terms(directory: Path) -> list[TermRow]:
    return list(read_table(directory / TERMS, TermRow))


def result(events: Iterator[Event]) -> ResultEvent:
    *_, last = events
    assert isinstance(last, ResultEvent)
    return last


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("terms") / "run"
    result(fit(directory, network()))
    return directory


def test_every_term_of_every_step_is_in_a_table_and_they_make_the_loss(whole: Path) -> None:
    rows = terms(whole)
    losses: dict[int, float] = defaultdict(float)
    for row in rows:
        assert row.loss is not None
        losses[row.step] += row.weight * row.loss
    steps = [r for r in read_table(whole / METRICS, MetricsRow) if r.split == "train"]
    assert {r.step: pytest.approx(r.loss, rel=1e-5) for r in steps} == losses
    assert [row.term for row in rows] == TERM_NAMES * len(steps)
    last = {r.step: r.last_accuracy for r in rows if r.term == "policy"}
    assert last == {r.step: r.accuracy for r in steps}
    assert {r.epoch for r in rows} == {0, 1}


@pytest.mark.parametrize("stops", [(1,), (3, 5)])
def test_a_run_with_terms_goes_on_bit_for_bit(
    whole: Path, tmp_path: Path, stops: tuple[int, ...]
) -> None:
    for stop in stops:
        steps_until(fit(tmp_path / "run", network()), stop)
    result(fit(tmp_path / "run", network()))
    assert (tmp_path / "run" / TERMS).read_bytes() == (whole / TERMS).read_bytes()
    digests = [
        json.loads((d / "result.json").read_text())["digest"] for d in (whole, tmp_path / "run")
    ]
    assert digests[0] == digests[1]


def test_exactly_as_many_epochs_as_asked_for_are_trained(whole: Path) -> None:
    """The published program trains one more, at a learning rate of 0."""
    clips = [r for r in read_table(whole / METRICS, MetricsRow) if r.split == "train"]
    assert sum(r.clips or 0 for r in clips) == 2 * len(TinyData().train)
    assert all(r.learning_rate for r in clips)


def shares(events: Iterator[Event]) -> dict[str, str]:
    """The last word of every line of the table of rates: the share, or that it is frozen."""
    notes = (event.message for event in events if isinstance(event, NoteEvent))
    table = next(note for note in notes if note.startswith("learning rates"))
    events.close()  # type: ignore[attr-defined]
    lines = [line.split() for line in table.splitlines()[1:] if "batch norms" not in line]
    return {words[0]: words[-1].rstrip(")") for words in lines}


def test_parts_learn_at_their_shares_of_the_rate_unless_told_otherwise(tmp_path: Path) -> None:
    own = {"glance": "0.5", "glance_head": "0.5", "policy": "0.1", "running_max": "5", "rest": "1"}
    assert shares(fit(tmp_path / "own", network(), steps=1)) == own
    told = {"policy": 0.01, "local": 0.0}
    changed = own | {"policy": "0.01", "local": "frozen"}
    assert shares(fit(tmp_path / "told", network(), rate=told, steps=1)) == changed
    tuned = shares(fit(tmp_path / "tuned", network(), fine_tune=0.3, rate=told, steps=1))
    rest = {"classifier": "1", "recurrent": "0.5", "rest": "0.3"}
    assert tuned == {"policy": "0.01", "local": "frozen"} | {
        k: rest[k] for k in ("classifier", "rest")
    }


NORMS = "num_batches_tracked"


def one_batch(model: FocusByFrame, clips: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(5)
    rgb = torch.randn((clips, 3, 4, 16, 16), generator=generator)
    return Batch({"rgb": rgb}, torch.arange(clips) % 2, torch.arange(clips), None)


def test_each_term_reaches_the_parts_it_is_about() -> None:
    """As the golden table of gradients has it; the policy learns through its own windows alone."""
    model = network().train()
    batch = one_batch(model)
    terms = model(batch.streams).terms
    parts = {name: list(part.parameters()) for name, part in model.named_children()}
    everything = [p for own in parts.values() for p in own]
    reached = dict[str, set[str]]()
    for term, loss in zip(
        terms, losses_of(terms, lambda x: CrossEntropy().training(x, batch)), strict=True
    ):
        found: Any = torch.autograd.grad(loss, everything, retain_graph=True, allow_unused=True)
        got = dict(zip(everything, found, strict=True))
        reached[term.name] = {n for n, own in parts.items() if any(got[p] is not None for p in own)}
    both = {"glance", "local", "running_max"}
    assert reached == {
        "glance": {"glance", "glance_head"},
        "policy": both | {"policy"},
        "policy local": {"policy", "local", "local_head"},
        "random": both,
        "random local": {"local", "local_head"},
    }


@pytest.mark.parametrize("joint", [False, True])
def test_batch_norms_count_both_passes_one_after_the_other_or_as_one(*, joint: bool) -> None:
    model = network(joint_passes=joint).train()
    model(one_batch(model).streams)
    counts = {n.split(".")[0]: int(t) for n, t in model.state_dict().items() if n.endswith(NORMS)}
    several = 1 if joint else 2
    assert counts == {"glance": 1, "policy": 1, "local": several, "running_max": several}


class Places(Model):
    """Keeps the random numbers it draws, as a focus model draws places."""

    by_terms = True

    def __init__(self) -> None:
        super().__init__()
        self.head, self.drawn = torch.nn.Linear(3, 2), list[Tensor]()

    def forward(self, streams: Any) -> Predictions:
        mean_B3 = streams["rgb"].mean((2, 3, 4))
        if self.training:
            self.drawn.append(torch.rand(len(mean_B3), 2))
        logits_BK = self.head(mean_B3)
        terms = (LossTerm("all", logits_BK[:, None]),)
        return Predictions(
            logits_BK, terms=terms if self.training else (), penalty=self.head.bias.sum() ** 2
        )

    def describe(self) -> ModelDocument:
        return ModelDocument("places", "places", {})


def test_batches_of_one_step_draw_places_of_their_own(tmp_path: Path) -> None:
    model = Places()
    result(fit(tmp_path / "run", model, accumulate=3, epochs=1))
    drawn = torch.cat(model.drawn)
    assert len(drawn.unique(dim=0)) == len(drawn) == len(TinyData().train)
    rows = terms(tmp_path / "run")
    assert [row.term for row in rows[:2]] == ["all", "penalty"]
    assert (rows[1].accuracy, rows[1].weight) == (None, 1.0)


def test_terms_of_clips_with_several_classes_count_what_has_one() -> None:
    logits = torch.tensor(
        [[[2.0, 0, 0], [0, 2, 0]], [[0, 0, 2], [0, 0, 2]], [[9, 0, 0], [9, 0, 0]]]
    )
    targets = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 0, 0]])
    batch = Batch({}, torch.tensor([1, 2, -1]), torch.arange(3), targets)
    counts = TermCounts()
    found = Predictions(logits[:, -1], terms=(LossTerm("answers", logits, 0.5),))
    weighted = CrossEntropy(torch.tensor([1.0, 2.0, 4.0]))
    losses = losses_of(found.terms, lambda x: weighted.training(x, batch, smoothing=0.1))
    counts.add(found, losses, batch, weighted.divisor(batch))
    count = counts.found["answers"]
    assert (count.right, count.answers, count.last, count.clips) == (3, 4, 2, 2)
    plain = [weighted.training(x, batch, smoothing=0.1) for x in logits.unbind(1)]
    assert count.loss / count.counted == pytest.approx(float(sum(plain)) / 2)
    assert count.counted == 2
