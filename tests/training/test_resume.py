"""Killed at any moment, the same line goes on and ends where the uninterrupted run ends."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.errors import RunError, TrainingError
from connsearch.runs.checkpoint import read_checkpoint
from connsearch.runs.events import (
    CheckpointEvent,
    EvaluationEvent,
    Event,
    ResultEvent,
    StepEvent,
    WarningEvent,
)
from connsearch.runs.files import load_weights
from connsearch.runs.names import CONNECTIONS, METRICS
from tests.training.tiny import TinyData, result_of, tiny_search

ROOT = Path(__file__).parents[2]
TIMES = {"clips_per_second", "seconds_per_clip"} | {
    f"{part}_per_second" for part in ("read", "forward", "backward")
}


def everything(directory: Path) -> dict[str, Any]:
    """Returns all of a finished run that may not depend on when it was interrupted."""
    with open(directory / METRICS, newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]
    report = json.loads((directory / "result.json").read_text())
    newest = max((directory / "checkpoint").glob("*.safetensors"))
    checkpoint = read_checkpoint(newest)
    return {
        "digest": report["digest"],
        "alarms": report["alarms"],
        "state": checkpoint.state,
        "tensors": {n: t.numpy().tobytes() for n, t in checkpoint.tensors.items()},
        "weights": {
            n: t.numpy().tobytes()
            for n, t in load_weights(directory / "learned.safetensors").items()
        },
        "learned": (directory / "learned.json").read_text().replace(directory.name, "RUN"),
        "metrics": rows,
        "connections": (directory / CONNECTIONS).read_bytes(),
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("whole") / "run"
    result_of(tiny_search(directory))
    return everything(directory)


def steps_until(events: Iterator[Event], step: int) -> None:
    """Drops a run right after a step, as a crash would."""
    for event in events:
        if isinstance(event, StepEvent) and event.step == step:
            break
    events.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("stops", [(1,), (3,), (4, 5, 11), (16,)])
def test_an_interrupted_run_ends_like_the_whole_one(
    tmp_path: Path, whole: dict[str, Any], stops: tuple[int, ...]
) -> None:
    directory = tmp_path / "run"
    for stop in stops:
        steps_until(tiny_search(directory), stop)
    result_of(tiny_search(directory))
    assert everything(directory) == whole


def test_a_run_killed_after_its_last_checkpoint_ends_like_the_whole_one(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    """No step follows any more that would tell the network its temperature."""
    events = tiny_search(tmp_path / "run")
    last = 0
    for event in events:
        if isinstance(event, CheckpointEvent):
            last = event.step
        if isinstance(event, EvaluationEvent) and last == 16:
            break
    events.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "run" / "result.json").exists()
    result_of(tiny_search(tmp_path / "run"))
    assert everything(tmp_path / "run") == whole


def kill_at(directory: Path, step: int, delay: float) -> None:
    """Runs the search in a process of its own and kills it about ``delay`` after a step."""
    command = [sys.executable, "-m", "tests.training.tiny", str(directory)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as lines:
        for line in lines:
            if int(line) >= step:
                time.sleep(delay)
                process.send_signal(signal.SIGKILL)
                break


def check_kills(directory: Path, whole: dict[str, Any], kills: int, seed: int) -> None:
    rng = random.Random(seed)
    for step in sorted(rng.randint(1, 15) for _ in range(kills)):
        kill_at(directory, step, rng.uniform(0, 0.05))
    result_of(tiny_search(directory))
    assert everything(directory) == whole


@pytest.mark.parametrize("kills", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_run_ends_like_the_whole_one(
    tmp_path: Path, whole: dict[str, Any], kills: int
) -> None:
    check_kills(tmp_path / "run", whole, kills=kills, seed=time.time_ns())


@pytest.mark.slow
def test_a_run_killed_at_ten_moments_ends_like_the_whole_one(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    for attempt in range(10):
        check_kills(tmp_path / str(attempt) / "run", whole, kills=1, seed=time.time_ns())


def test_bf16_resumes_bit_for_bit(tmp_path: Path) -> None:
    result_of(tiny_search(tmp_path / "a", precision="bf16", epochs=1))
    steps_until(tiny_search(tmp_path / "b", precision="bf16", epochs=1), 3)
    result_of(tiny_search(tmp_path / "b", precision="bf16", epochs=1))
    digests = {json.loads((tmp_path / n / "result.json").read_text())["digest"] for n in "ab"}
    assert len(digests) == 1


def test_sgd_resumes_bit_for_bit(tmp_path: Path) -> None:
    result_of(tiny_search(tmp_path / "a", optimiser="sgd", epochs=1))
    steps_until(tiny_search(tmp_path / "b", optimiser="sgd", epochs=1), 4)
    result_of(tiny_search(tmp_path / "b", optimiser="sgd", epochs=1))
    digests = {json.loads((tmp_path / n / "result.json").read_text())["digest"] for n in "ab"}
    assert len(digests) == 1


def test_another_seed_ends_elsewhere(tmp_path: Path, whole: dict[str, Any]) -> None:
    result = result_of(tiny_search(tmp_path / "run", seed=1))
    assert result.report.digest != whole["digest"]


def test_a_finished_run_gives_its_result_again(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    first = result_of(tiny_search(directory, epochs=1))
    events = list(tiny_search(directory, epochs=1))
    assert [type(e) for e in events] == [WarningEvent, ResultEvent]
    assert events[-1] == first


@pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "other"])
def test_a_damaged_checkpoint_is_left_for_the_one_before(
    tmp_path: Path, whole: dict[str, Any], harm: str
) -> None:
    directory = tmp_path / "run"
    steps_until(tiny_search(directory), 8)
    newest = max((directory / "checkpoint").glob("*.safetensors"))
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    new = {
        "truncate": content[: len(content) // 2],
        "flip": content,
        "empty": b"",
        "other": b"x" * 99,
    }
    newest.write_bytes(new[harm])
    events = list(tiny_search(directory))
    warning = next(e.message for e in events if isinstance(e, WarningEvent))
    assert newest.name in warning
    assert "before it" in warning
    assert next(e for e in events if isinstance(e, StepEvent)).step == 4
    assert everything(directory) == whole


def test_without_a_whole_checkpoint_nothing_is_thrown_away(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    steps_until(tiny_search(directory), 8)
    for path in (directory / "checkpoint").iterdir():
        path.write_bytes(b"")
    metrics = (directory / METRICS).read_bytes()
    with pytest.raises(RunError, match="no complete checkpoint"):
        list(tiny_search(directory))
    assert (directory / METRICS).read_bytes() == metrics


def test_log_rows_past_the_checkpoint_are_cut(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    steps_until(tiny_search(directory), 5)
    with open(directory / METRICS, "a") as file:
        file.write("6,1,train,0.3")  # half a row, as a crash may leave it
    events = tiny_search(directory)
    steps_until(events, 4)
    with open(directory / METRICS, newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    assert steps == [1, 2, 3, 4]


def test_a_log_shorter_than_at_its_checkpoint_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    steps_until(tiny_search(directory), 5)
    (directory / METRICS).write_text("step\n")
    with pytest.raises(RunError, match=r"metrics\.csv.*altered"):
        list(tiny_search(directory))


class Poisoned(TinyData):
    """Training clips turn into infinities after the first epoch."""

    def __post_init__(self) -> None:
        super().__post_init__()
        clip = self.train.clip

        def poisoned(key: Any) -> Any:
            found = clip(key)
            if key.epoch:
                found.streams["rgb"] = torch.full_like(found.streams["rgb"], float("inf"))
            return found

        self.train.clip = poisoned  # type: ignore[method-assign]


def test_a_loss_that_is_not_finite_stops_the_run_and_spares_the_checkpoint(tmp_path: Path) -> None:
    saved: list[CheckpointEvent] = []
    with pytest.raises(TrainingError, match=r"step 5 of 16: the loss is nan.*0\.002") as caught:
        saved += [
            e for e in tiny_search(tmp_path / "run", Poisoned()) if isinstance(e, CheckpointEvent)
        ]
    assert "cure" in str(caught.value)
    newest = max((tmp_path / "run" / "checkpoint").glob("*.safetensors"))
    checkpoint = read_checkpoint(newest)
    assert checkpoint.step == 3
    assert all(t.isfinite().all() for t in checkpoint.tensors.values())
