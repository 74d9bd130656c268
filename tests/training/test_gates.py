"""Gates decide from the step that was asked for, and every open gate is counted once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.cli.app import command_class
from connsearch.cli.parse import parse
from connsearch.data.loading.batches import Batch
from connsearch.data.loading.loader import Loader
from connsearch.errors import RunError, SettingsError
from connsearch.models.catalogue import create_model
from connsearch.models.gates import decides, temporal_gates
from connsearch.nn.cycle_consistency import GateTest
from connsearch.runs.events import EvaluationEvent, GatesEvent, NoteEvent, ResultEvent, StepEvent
from connsearch.runs.formats.gates import GateRow
from connsearch.runs.record import open_run
from connsearch.settings.differences import differences
from connsearch.training import evaluate
from connsearch.training.evaluate import still_clips
from connsearch.training.gates import GateStart, Start, gate_start
from connsearch.training.options import GateOptions, TrainOptions
from tests.training.gated import gated_fit, gated_network
from tests.training.plain import plain_fit, plain_network
from tests.training.test_resume import ROOT, steps_until
from tests.training.tiny import TinyData

STOPS = (6, pytest.param(4, marks=pytest.mark.slow), pytest.param(7, marks=pytest.mark.slow), 11)
"""At the switch, within a window of the log before it, behind it, and within the next window."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    directory = tmp_path_factory.mktemp("gates") / "run"
    return directory, list(gated_fit(directory))


def test_gates_always_fuse_at_first_and_decide_after_the_default_share(tmp_path: Path) -> None:
    network, states = gated_network(), []
    for event in gated_fit(tmp_path / "run", network):
        if isinstance(event, StepEvent):
            states.append(decides(network))
    assert states == [False] * 6 + [True] * 10, "after round(0.4 * 16) steps"
    assert not any(gate.watched for gate in temporal_gates(network).values())


@pytest.mark.parametrize(("asked", "first"), [(0.0, 0), (0.75, 12), (0.99, 16), ("none", None)])
def test_the_share_that_is_asked_for_is_taken(asked: Start, first: int | None) -> None:
    network = gated_network()
    hook = GateStart(network, asked, {})
    for step in range(16):
        hook.begin(step, 16)
        assert decides(network) == (first is not None and step >= first)
    assert hook.learned(network.describe()).settings.get("gated", False) == decides(network)


def test_every_training_clip_is_counted_once_and_no_other(
    whole: tuple[Path, list[Any]],
) -> None:
    directory, events = whole
    rows = open_run(directory).gates
    trained = [row for row in rows if row.split == "train"]
    assert sorted({(row.step, row.deciding) for row in trained}) == [
        (5, 0), (6, 0), (10, 1), (15, 1), (16, 1),
    ]  # fmt: skip
    clips = Counter[str]()
    for row in trained:
        clips[row.gate] += row.clips
    assert clips == dict.fromkeys(("stage1.0", "stage1.1", "stage2.1"), 4 * 14)
    steps = [event.shape[0] for event in events if isinstance(event, StepEvent)]
    first = [row.clips for row in trained if row.gate == "stage1.0"]
    assert first == [sum(steps[a:b]) for a, b in ((0, 5), (5, 6), (6, 10), (10, 15), (15, 16))]
    told = [(e.step, e.deciding, e.counts) for e in events if isinstance(e, GatesEvent)]
    assert told == [
        (step, bool(deciding), {
            r.gate: (r.opened, r.clips)
            for r in trained
            if (r.step, r.deciding) == (step, deciding) and r.frames != 1
        })
        for step, deciding in [(5, 0), (6, 0), (10, 1), (15, 1), (16, 1)]
    ]  # fmt: skip


def test_the_test_network_opens_for_some_clips_and_shuts_for_others(
    whole: tuple[Path, list[Any]],
) -> None:
    rows = [row for row in open_run(whole[0]).gates if row.frames != 1]
    opened, clips = sum(row.opened for row in rows), sum(row.clips for row in rows)
    assert 0.05 < opened / clips < 0.95, "or the counts above show little"


def test_every_look_at_val_has_the_open_rate_of_every_gate(
    whole: tuple[Path, list[Any]],
) -> None:
    directory, events = whole
    looks = [event for event in events if isinstance(event, EvaluationEvent)]
    assert [(look.split, look.step) for look in looks][-2:] == [("val", 16), ("test", 16)]
    rows = [row for row in open_run(directory).gates if row.split != "train"]
    assert [row.step for row in rows if row.gate == "stage1.0"] == [look.step for look in looks]
    for look in looks:
        found = look.metrics.gates
        assert found is not None
        assert found.deciding == (look.step > 6)
        assert list(found.gates) == ["stage1.0", "stage1.1", "stage2.1"]
        assert {count.clips for count in found.gates.values()} == {6}
        assert [count.frames for count in found.gates.values()] == [4, 4, 1]
        own = [row for row in rows if (row.split, row.step) == (look.split, look.step)]
        assert {row.gate: row.opened for row in own} == {
            name: count.opened for name, count in found.gates.items()
        }
    assert {row.gate: row.frames for row in rows} == {"stage1.0": 4, "stage1.1": 4, "stage2.1": 1}


def test_people_are_told_once_what_the_gates_will_do(whole: tuple[Path, list[Any]]) -> None:
    said = [e.message for e in whole[1] if isinstance(e, NoteEvent) and "gates" in e.message]
    assert len(said) == 1
    assert "temporal gates (3): always fuse in the first 6 of 16 steps, then decide" in said[0]
    assert "always open, because they see 1 frame of a clip: stage2.1" in said[0]


@pytest.mark.parametrize("stop", STOPS)
def test_an_interrupted_training_ends_like_the_whole_one(
    tmp_path: Path, whole: tuple[Path, list[Any]], stop: int
) -> None:
    directory = tmp_path / "run"
    steps_until(gated_fit(directory), stop)
    events: list[Any] = list(gated_fit(directory))
    assert (directory / "gates.csv").read_bytes() == (whole[0] / "gates.csv").read_bytes()
    assert events[-1].report.digest == whole[1][-1].report.digest
    assert events[-1].model.settings["gated"] is True


@pytest.mark.slow
@pytest.mark.parametrize("stop", [6, 7])
def test_a_killed_training_ends_like_the_whole_one(
    tmp_path: Path, whole: tuple[Path, list[Any]], stop: int
) -> None:
    directory = tmp_path / "run"
    line = [sys.executable, "-m", "tests.training.gated", str(directory), str(stop), "{}"]
    assert subprocess.run(line, cwd=ROOT).returncode == -signal.SIGKILL
    list(gated_fit(directory))
    assert (directory / "gates.csv").read_bytes() == (whole[0] / "gates.csv").read_bytes()


@pytest.mark.parametrize("start", [0.25, 0.95])
def test_the_best_network_decides_as_it_did_at_its_look(tmp_path: Path, start: float) -> None:
    network, directory = gated_network(test=GateTest()), tmp_path / "run"
    options = {"keep": "best", "watch": "loss", "lr": 0.3, "gate_start": start}
    result = list(gated_fit(directory, network, **options))[-1]
    assert isinstance(result, ResultEvent)
    assert result.report.choice is not None
    best = result.report.choice.step
    assert best < 16, "the test wants a run that ends worse than it was"
    decided = best > round(start * 16)
    assert decides(network) == decided
    assert result.model.settings.get("gated", False) == decided
    assert result.metrics["val"].gates is not None
    assert result.metrics["val"].gates.deciding == decided
    told = [advice.kind for advice in result.report.advice]
    assert ("gates shut" in told) == decided, "only of a network that was kept"


def test_the_finished_run_is_loaded_as_it_was_trained(whole: tuple[Path, list[Any]]) -> None:
    record = open_run(whole[0])
    assert record.model.settings.get("gated") is None, "as it began"
    network = gated_network()
    assert decides(record.load_model(network))
    assert decides(network)
    tampered = json.loads((whole[0] / "learned.json").read_text())
    assert tampered["settings"]["gated"] is True


def test_a_network_that_decides_already_goes_on_deciding(tmp_path: Path) -> None:
    list(gated_fit(tmp_path / "run", gated_network(gated=True)))
    assert {row.deciding for row in open_run(tmp_path / "run").gates} == {1}
    assert open_run(tmp_path / "run").form.facts.gate_start == 0.0
    asked = GateOptions(gate_start=0.5)
    assert gate_start(gated_network(gated=True), asked, name="it") == 0.5


def test_mtnet_has_gates_that_decide_only_when_told_to() -> None:
    network = create_model("mtnet_xs", 3, seed=0, widths=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    assert gate_start(network, GateOptions(), name="it") == "none"
    assert gate_start(network, GateOptions(gate_start=0.4), name="it") == 0.4
    for gate in temporal_gates(network).values():
        gate.gated = True
    assert gate_start(network, GateOptions(), name="it") == 0.0


def test_the_start_is_a_fact_of_the_run(tmp_path: Path, whole: tuple[Path, list[Any]]) -> None:
    assert open_run(whole[0]).form.facts.gate_start == 0.4
    steps_until(gated_fit(tmp_path / "run"), 3)
    with pytest.raises(RunError, match=r"gate_start: the run has 0.4, asked for 0.0"):
        list(gated_fit(tmp_path / "run", gated_network(gated=True)))
    with pytest.raises(RunError, match=r'gate_start: the run has "auto", asked for null'):
        list(gated_fit(tmp_path / "run", gate_start=None))


@pytest.mark.parametrize(("asked", "said"), [(0.4, "0.4"), (None, "none")])
def test_a_network_without_gates_has_no_start(
    tmp_path: Path, asked: float | None, said: str
) -> None:
    with pytest.raises(
        SettingsError, match=rf"gate_start {said}: has no effect.*no temporal gates"
    ):
        list(plain_fit(tmp_path / "run", gate_start=asked))
    assert not (tmp_path / "run").exists(), "nothing is left of it"


def test_a_training_without_gates_is_as_before(tmp_path: Path) -> None:
    result = list(plain_fit(tmp_path / "run"))[-1]
    assert isinstance(result, ResultEvent)
    assert not (tmp_path / "run" / "gates.csv").exists()
    assert (
        "gates" not in json.loads((tmp_path / "run" / "result.json").read_text())["metrics"]["val"]
    )
    assert "gate_start" not in open_run(tmp_path / "run").config["facts"]
    assert gate_start(plain_network(), GateOptions(), name="it") is None


@pytest.mark.parametrize(
    ("word", "value"), [("0.25", 0.25), ("none", None), ("auto", "auto"), ("0", 0.0)]
)
def test_the_option_takes_a_share_or_none(word: str, value: object) -> None:
    line = ["r3d_18", "--gate-start", word]
    found = parse(command_class("train"), line, program="connsearch train")
    assert found.training.gates.gate_start == value  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["1", "-0.1", "soon", "nan"])
def test_anything_else_is_refused_with_what_is_allowed(word: str) -> None:
    line = ["r3d_18", "--gate-start", word]
    with pytest.raises(SettingsError, match="share from 0 to below 1, none or auto") as caught:
        parse(command_class("train"), line, program="connsearch train")
    assert f"--gate-start: read '{word}'" in str(caught.value)
    assert "1 setting cannot be used" in str(caught.value)


def test_a_run_of_before_goes_on() -> None:
    """Runs of earlier versions do not record when gates decide: they had none."""
    before: dict[str, Any] = {"settings": {"training": {"choice": {"keep": "last"}}}}

    def now(start: object) -> dict[str, Any]:
        parts = {**before["settings"]["training"], "gates": {"gate_start": start}}
        return {"settings": {"training": parts}}

    assert differences(before, now("auto")) == {}
    assert differences(before, now(None)) == {"settings.training.gate_start": ("auto", None)}


def test_a_clip_is_still_if_no_frame_is_visibly_another_one() -> None:
    frame_BCTHW = torch.rand(4, 3, 1, 8, 8) * 2 - 1
    rgb_BCTHW = frame_BCTHW.repeat(1, 1, 5, 1, 1)
    rgb_BCTHW[1] += torch.randn(3, 5, 8, 8) * 0.2 / 127.5  # what a codec leaves
    rgb_BCTHW[2, :, 4] += 2 / 127.5
    rgb_BCTHW[3, :, :, 0, 0] += torch.rand(5) * 2

    def batch(rgb: torch.Tensor) -> Batch:
        return Batch({"rgb": rgb}, torch.zeros(len(rgb)), torch.arange(len(rgb)))

    assert [still_clips(batch(clip[None])) for clip in rgb_BCTHW] == [1, 1, 0, 0]
    assert still_clips(batch(rgb_BCTHW)) == 2
    assert still_clips(batch(frame_BCTHW)) == 0, "nothing could have changed in one frame"


def test_still_clips_are_counted_where_there_are_gates(
    whole: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = open_run(whole[0]).metrics["val"].gates
    assert found is not None
    assert found.still == 0
    monkeypatch.setattr(evaluate, "STILL", 10.0)
    data: Any = TinyData()
    with Loader(data.val) as loader:
        still = evaluate.evaluate(gated_network(), loader, classes=data.classes).gates
        assert evaluate.evaluate(plain_network(), loader, classes=data.classes).gates is None
    assert still is not None
    assert still.still == 6


def test_rows_know_their_rate() -> None:
    row = GateRow(step=1, split="val", gate="a", deciding=1, opened=1, clips=4)
    assert row.rate == 0.25
    assert row.model_copy(update={"clips": 0}).rate is None
    assert TrainOptions().gates.gate_start == "auto"
