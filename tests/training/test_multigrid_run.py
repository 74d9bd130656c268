"""Multigrid in real runs: shapes, rates and evaluations as planned, and bit-exact resumption."""

from __future__ import annotations

import csv
import json
import multiprocessing
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.models.structure import Network
from connsearch.nn.split_norm import SplitNorm
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import EvaluationEvent, NoteEvent, StepEvent
from connsearch.runs.names import METRICS
from connsearch.runs.run import Run
from connsearch.training.curriculum import Curriculum
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from connsearch.training.schedule import rate_factor
from tests.training.test_resume import ROOT, everything, steps_until
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search, tiny_structure

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

SETTINGS: dict[str, dict[str, Any]] = {
    "reference": {"multigrid": "reference", "epochs": 6},
    "srtg": {"multigrid": "srtg", "epochs": 3},
}
SCHEDULES = list(SETTINGS)


def steps_of(events: Any) -> list[StepEvent]:
    return [e for e in events if isinstance(e, StepEvent)]


def curriculum_of(clips: Any, options: TrainOptions) -> Curriculum:
    power = options.rate_powers.filters
    return Curriculum(
        clips, options.schedule, options.multigrid, seed=options.seed, rate_power=power
    )


@pytest.fixture(scope="module", params=SCHEDULES)
def searched(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A whole search with each schedule: its name, its events and its directory."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    return request.param, list(tiny_search(directory, **SETTINGS[request.param])), directory


def test_steps_follow_the_plan(searched: Any) -> None:
    schedule, events, directory = searched
    data = TinyData()
    curriculum = curriculum_of(data.train, SearchOptions.of(**SETTINGS[schedule]))
    steps = steps_of(events)
    epochs = SETTINGS[schedule]["epochs"]
    assert [e.step for e in steps] == list(range(1, curriculum.total + 1))
    assert {(e.total_steps, e.epochs) for e in steps} == {(curriculum.total, epochs)}
    for epoch in range(epochs):
        own = [e for e in steps if e.epoch == epoch]
        assert [e.steps_per_epoch for e in own] == [len(own)] * len(own)
        assert sum(e.shape[0] for e in own) == len(data.train)
    assert {e.shape[1] for e in steps} == {3}
    assert {e.shape[2] for e in steps} == {2, 4}
    assert {e.shape[3:] for e in steps} == {(8, 8), (12, 12), (16, 16)}
    with open(directory / METRICS, newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "train"]
    logged = [tuple(int(r[n]) for n in ("clips", "frames", "size")) for r in rows]
    assert logged == [(e.shape[0], *e.shape[2:4]) for e in steps]


def test_learning_rates_are_the_schedule_times_the_factor(searched: Any) -> None:
    schedule, events, _ = searched
    options = SearchOptions.of(**SETTINGS[schedule])
    made = curriculum_of(TinyData().train, options)
    parts = [p for e in range(options.schedule.epochs) for p, _ in made._grid.layout(e)]
    assert len({part.rate for part in parts}) > 2
    for event, part in zip(steps_of(events), parts, strict=True):
        place, end, _ = made.place(event.step - 1)
        plain = options.optimiser.peak_rate * rate_factor(
            place, total_steps=end, warmup=options.schedule.warmup
        )
        assert event.learning_rate == pytest.approx(plain * part.rate**0.5)


def test_batch_norm_in_groups_reaches_the_training(tmp_path: Path) -> None:
    settings: dict[str, Any] = {**SETTINGS["reference"], "steps": 2}  # of 14 clips: 3 groups
    split = result_of(tiny_search(tmp_path / "a", **settings))
    whole = result_of(tiny_search(tmp_path / "b", multigrid_norm_clips=64, **settings))
    assert split.report.digest != whole.report.digest


def test_evaluations_come_at_the_ends_of_epochs_with_full_clips(searched: Any) -> None:
    schedule, events, _ = searched
    ends: dict[int, int] = {e.epoch: e.step for e in steps_of(events)}
    evaluations = [e for e in events if isinstance(e, EvaluationEvent)]
    assert [(e.epoch, e.step) for e in evaluations] == list(ends.items())
    assert {e.metrics.clips for e in evaluations} == {6}
    assert len(ends) == SETTINGS[schedule]["epochs"]


def test_a_person_is_told_what_will_happen(searched: Any) -> None:
    schedule, events, _ = searched
    assert isinstance(events[0], NoteEvent)
    note = events[0].message
    assert f"multigrid {schedule}, cycles both: " in note
    steps = steps_of(events)
    assert f"in {len(steps)} steps ({4 * SETTINGS[schedule]['epochs']} with full" in note
    assert "14x2x8" in note
    if schedule == "reference":
        assert note.splitlines()[-1] == "  epochs 5 to 6 (8 steps): 4x4x16, rate x1"


def test_a_run_stopped_anywhere_ends_like_the_whole_one(searched: Any, tmp_path: Path) -> None:
    schedule, events, whole = searched
    total = len(steps_of(events))
    directory = tmp_path / "run"
    for stop in (2, total // 2, total - 3):
        steps_until(tiny_search(directory, **SETTINGS[schedule]), stop)
    result_of(tiny_search(directory, **SETTINGS[schedule]))
    assert everything(directory) == everything(whole)


@pytest.mark.parametrize(
    "searched",
    ["reference", pytest.param("srtg", marks=pytest.mark.slow)],
    indirect=True,
    scope="module",
)
def test_a_run_killed_within_an_epoch_ends_like_the_whole_one(
    searched: Any, tmp_path: Path
) -> None:
    schedule, events, whole = searched
    directory = tmp_path / "run"
    step = random.Random(time.time_ns()).randrange(2, len(steps_of(events)) - 1)
    settings = json.dumps(SETTINGS[schedule])
    command = [sys.executable, "-m", "tests.training.tiny", str(directory), settings]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as lines:
        for line in lines:
            if int(line) >= step:
                process.send_signal(signal.SIGKILL)
                break
    result_of(tiny_search(directory, **SETTINGS[schedule]))
    assert everything(directory) == everything(whole)


def test_decoding_beside_the_training_changes_nothing(searched: Any, tmp_path: Path) -> None:
    schedule, _, whole = searched
    data = TinyData(DataOptions.of(frames=4, size=16, batch_size=4, workers=2))
    result_of(tiny_search(tmp_path / "run", data, **SETTINGS[schedule]))
    assert not multiprocessing.active_children()
    assert everything(tmp_path / "run") == everything(whole)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_training_learns_with_each_schedule(tmp_path: Path, schedule: str) -> None:
    chosen: dict[str, Any] = {"epochs": 16, "threads": 1, "precision": "fp32", "lr": 0.02}
    options = TrainOptions.of(multigrid=schedule, **chosen)  # type: ignore[arg-type]
    network = Network(tiny_structure(), 2, seed=0)
    with Run.open(tmp_path / "run", {"command": "train", "settings": options.model_dump()}) as run:
        events = list(fit_model(network, TinyData(), options, run=run))  # type: ignore[arg-type]
    assert result_of(iter(events)).metrics["test"].accuracy == 1.0
    norms = [m for m in network.modules() if isinstance(m, SplitNorm)]
    assert norms
    assert {m.clips for m in norms} == {None}


def test_a_number_of_steps_cuts_the_schedule(tmp_path: Path) -> None:
    events = list(tiny_search(tmp_path / "run", steps=4, **SETTINGS["reference"]))
    steps = steps_of(events)
    assert [e.step for e in steps] == [1, 2, 3, 4]
    assert {e.epochs for e in steps} == {steps[-1].epoch + 1}
    assert "it stops after step 4, in epoch" in events[0].message


def test_more_steps_than_the_schedule_has_go_on_with_full_clips(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"multigrid": "reference", "epochs": 2}
    steps = steps_of(tiny_search(tmp_path / "run", steps=9, **settings))
    assert len(steps) == 9
    assert {e.shape[2:] for e in steps[1:]} == {(4, 16, 16)}
    assert [e.epoch for e in steps] == [0] + [1] * 4 + [2] * 4


def curriculum(**changes: Any) -> Curriculum:
    options = TrainOptions.of(**changes)
    clips = TinyClips(120, seed=0, options=DataOptions.of(frames=4, size=16, batch_size=4))
    return curriculum_of(clips, options)


def test_the_rate_follows_the_clips_shown() -> None:
    made = curriculum(multigrid="reference", epochs=8)
    for epoch in range(8):
        first = next(s for s in range(made.total) if made.epoch(s) == epoch)
        assert made.place(first) == (epoch * 30, 240, 30)
    plain = curriculum(epochs=8)
    assert [plain.place(s)[:2] for s in (0, 7, 239)] == [(0, 240), (7, 240), (239, 240)]
    cut = curriculum(multigrid="reference", epochs=8, steps=1)
    assert cut.place(0)[:2] == (0, cut.place(1).step)


@pytest.mark.parametrize(
    ("settings", "filters", "logits"),
    [
        ({"optimiser": "sgd"}, 4.0, 2.0),
        ({"optimiser": "adamw"}, 2.0, 2.0),
        ({"optimiser": "adamw", "multigrid_scaling": "linear"}, 4.0, 4.0),
        ({"optimiser": "sgd", "multigrid_scaling": "sqrt"}, 2.0, 2.0),
    ],
)
def test_every_optimiser_follows_the_factor_of_the_batch(
    settings: dict[str, Any], filters: float, logits: float
) -> None:
    options = TrainOptions.of(
        multigrid="reference", lr=0.1, schedule="constant", warmup=0, **settings
    )
    network = Network(tiny_structure(), 2, learn_connections=True, seed=0)
    optimisers = Optimisers(network, options.optimiser, options.schedule, options.rate_powers)
    network({"rgb": torch.randn(4, 3, 4, 16, 16)}).sum().backward()
    assert optimisers.step(0, total_steps=10, scale=4.0) == pytest.approx(0.1 * filters)
    (group,) = optimisers._all["logits"].param_groups
    assert group["lr"] == pytest.approx(options.optimiser.connection_lr * logits)


def test_batch_norm_groups_are_of_eight_clips_or_a_batch() -> None:
    assert curriculum().norm_clips is None
    assert curriculum(multigrid="srtg").norm_clips == 4
    assert curriculum(multigrid="srtg", multigrid_norm_clips=16).norm_clips == 16
    clips = TinyClips(9, seed=0, options=DataOptions.of(batch_size=16))
    made = curriculum_of(clips, TrainOptions.of(multigrid="srtg"))
    assert made.norm_clips == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"multigrid_cycles": "long"}, "multigrid_cycles long with multigrid off"),
        ({"multigrid_fine_tune": 0.5}, "multigrid_fine_tune 0.5 with multigrid off"),
        ({"multigrid": "srtg", "multigrid_rounds": 2}, "belongs to --multigrid reference"),
        ({"multigrid": "srtg", "multigrid_fine_tune": 0.1}, "belongs to --multigrid reference"),
        (
            {"multigrid": "reference", "multigrid_cycles": "short", "multigrid_rounds": 2},
            "there is no long cycle",
        ),
        ({"multigrid": "reference", "epochs": 1}, "give --epochs 2 or more"),
        ({"multigrid": "coarse"}, "'off', 'reference' or 'srtg'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        SearchOptions.of(**settings)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["starter", "starter_rgb_flow"])
def test_a_network_of_stride_32_takes_the_smallest_clips(name: str) -> None:
    """At a side below the stride every later map is one pixel."""
    structure = load_structure(name)
    network = Network(structure, 3, seed=0).train()
    for frames, side in ((4, 24), (2, 4), (1, 4)):
        rgb = torch.randn(4, 3, frames, side, side)
        objects = torch.zeros(4, structure.network.object_classes, frames, side, side)
        logits = network({"rgb": rgb, "object": objects})
        logits.sum().backward()
        assert logits.isfinite().all()
