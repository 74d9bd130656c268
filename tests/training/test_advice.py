"""What is said before and after a training: each rule, its limit, and the option that cures it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.cli.app import command_class
from connsearch.cli.mirror import options_of
from connsearch.data.options import DataOptions
from connsearch.runs.events import AdviceEvent, Event, StepEvent
from connsearch.runs.formats.advice import Advice
from connsearch.runs.formats.gates import GateRow
from connsearch.runs.record import open_run
from connsearch.training.advice import (
    AFTER,
    BEFORE,
    TrainingCourse,
    TrainingPlan,
    after_training,
    before_training,
    unfinished_share,
)
from connsearch.training.gate_advice import RULES, GateCourse, GatesCourse, gates_course
from tests.training.tiny import TinyData, tiny_search

PLAN = TrainingPlan(
    clips=160,
    batch=16,
    epochs=30,
    steps=300,
    limited=False,
    frames=16,
    size=64,
    pixels=2,
    flow=True,
    planted=False,
    classes=("a", "b"),
    train=(80, 80),
    val=(10, 10),
)

COURSE = TrainingCourse(
    losses=[0.5 + math.exp(-n / 30) for n in range(300)],
    answered=160,
    right=150,
    guess=0.5,
    val=(0.9, 0.85, 0.95),
    epochs=30,
    steps=300,
    limited=False,
)

BEFORE_CASES = {
    "few steps": (
        {"steps": 100, "epochs": 10},
        "100 optimiser steps",
        "--epochs 20 or more or a smaller --batch-size",
    ),
    "one frame": ({"frames": 1}, "flow is computed", "--frames 2 or more"),
    "one pixel": ({"pixels": 1, "size": 32}, "32 x 32 pixels leave this network 1", "--size 64"),
    "large batch": ({"clips": 12}, "larger than the training split, 12", "--batch-size 3"),
    "few clips": ({"train": (4, 80)}, "1 of 2 classes have fewer than 5", "--augment"),
    "not learned": ({"train": (0, 80)}, "no training clip, and cannot be answered: a", "--data"),
    "not judged": ({"val": (0, 20)}, "no validation clip", "--val-share"),
}

GATES = GatesCourse(
    [
        GateCourse("shut", 4, 90, 4),
        GateCourse("some", 5, 90, 4),
        GateCourse("one frame", 9, 9, 1),
        GateCourse("unknown", 1, 9),
    ],
    still=20,
    judged=100,
)

AFTER_CASES: dict[str, tuple[dict[str, object], str, str]] = {
    "near chance": (
        {"right": 85},
        "not clearly more than by always answering",
        "--epochs 120 or more",
    ),
    "still falling": (
        {"losses": [3.0 - n / 200 for n in range(300)]},
        "still falling at the end",
        "--epochs 60 or more",
    ),
    "memorised": ({"val": (0.5, 0.4, 0.6)}, "accuracy 0.94, validation accuracy 0.50", "--augment"),
    "gates shut": (
        {"gates": GATES},
        "1 of 4 temporal gates never opened since they decide, or for less than 5% of the "
        "clips (shut)",
        "a later --gate-start",
    ),
    "gates open": (
        {"gates": replace(GATES, gates=[*GATES.gates[1:], GateCourse("wide", 86, 90, 4)])},
        "1 of 4 temporal gates were never shut since they decide, or for less than 5% of the "
        "clips (wide)",
        "--gate-start none",
    ),
    "still clips": (
        {"gates": replace(GATES, gates=GATES.gates[1:], still=21, judged=100)},
        "in 21 of 100 clips of val nothing changes",
        "--stride",
    ),
}


def test_an_ordinary_training_needs_no_advice() -> None:
    assert before_training(PLAN) == []
    assert after_training(COURSE) == []
    assert len(BEFORE_CASES) == len(BEFORE)
    assert len(AFTER_CASES) == len(AFTER) + len(RULES)


@pytest.mark.parametrize("kind", BEFORE_CASES)
def test_what_is_said_before(kind: str) -> None:
    changed, said, cure = BEFORE_CASES[kind]
    [advice] = before_training(replace(PLAN, **changed))
    assert (advice.kind, said in advice.said, cure in advice.cure) == (kind, True, True), advice


@pytest.mark.parametrize("kind", AFTER_CASES)
def test_what_is_said_after(kind: str) -> None:
    changed, said, cure = AFTER_CASES[kind]
    [advice] = after_training(replace(COURSE, **changed))
    assert (advice.kind, said in advice.said, cure in advice.cure) == (kind, True, True), advice


def test_limits() -> None:
    assert before_training(replace(PLAN, steps=200)) == []
    assert before_training(replace(PLAN, frames=1, flow=False)) == []
    assert before_training(replace(PLAN, pixels=1, planted=True)) == []
    assert before_training(replace(PLAN, pixels=None)) == []
    assert before_training(replace(PLAN, clips=16)) == []
    assert before_training(replace(PLAN, train=(5, 80))) == []
    assert before_training(replace(PLAN, val=(0, 0))) == []  # there is no validation split
    [limited] = before_training(replace(PLAN, steps=40, limited=True))
    assert limited.cure == "--steps 200 or more"
    assert after_training(replace(COURSE, answered=0, right=0)) == []  # several classes a clip
    assert after_training(replace(COURSE, val=None)) == []
    assert after_training(replace(COURSE, val=(0.7, 0.6, 0.95))) == []  # too few clips to tell


def test_nothing_is_said_of_gates_that_never_decide_or_see_one_frame() -> None:
    def row(gate: str, deciding: int, opened: int, split: str = "train") -> GateRow:
        values = {"step": 1, "gate": gate, "deciding": deciding, "opened": opened, "frames": 4}
        return GateRow.model_validate({**values, "split": split, "clips": 4})

    course = gates_course([row("a", 0, 0), row("a", 1, 0, "val")], still=9, judged=9)
    assert after_training(replace(COURSE, gates=course)) == []
    rows = [row("a", 0, 4), row("a", 1, 1), row("a", 1, 4, "val"), row("a", 1, 2)]
    assert gates_course(rows, 0, 0).gates == [GateCourse("a", 3, 8, 4)]
    one = replace(GATES, gates=[GateCourse("one frame", 9, 9, 1)], still=99)
    assert after_training(replace(COURSE, gates=one)) == []


def test_many_classes_are_not_all_named() -> None:
    names = tuple(f"class-{n}" for n in range(40))
    plan = replace(PLAN, classes=names, train=(1,) * 40, val=(1,) * 40)
    [advice] = before_training(plan)
    assert advice.said.endswith("class-4 (1) and 35 more")


def test_every_cure_names_an_option_that_the_commands_have() -> None:
    known = {
        "--" + (option.flag.name or option.name).replace("_", "-")
        for name in ("search", "train")
        for option in options_of(command_class(name))
    }
    told = [
        *(a for case in BEFORE_CASES.values() for a in before_training(replace(PLAN, **case[0]))),
        *(a for case in AFTER_CASES.values() for a in after_training(replace(COURSE, **case[0]))),
    ]
    for advice in told:
        named = re.findall(r"--[a-z-]+", advice.cure)
        assert named, advice
        assert set(named) <= known, advice


@given(st.integers(0, 2**32), st.floats(0.01, 1.0), st.integers(40, 400))
def test_noise_alone_is_no_fall(seed: int, noise: float, steps: int) -> None:
    # A level loss has fallen nowhere: at most a few of a hundred such look as if they had.
    rng = np.random.default_rng(seed)
    alarms = sum(
        (unfinished_share((1 + noise * rng.normal(size=steps)).tolist()) or 0) >= 0.2
        for _ in range(20)
    )
    assert alarms <= 3


@given(st.integers(0, 2**32), st.integers(60, 400), st.floats(0.5, 3.0))
def test_a_straight_fall_is_seen_through_noise(seed: int, steps: int, fall: float) -> None:
    rng = np.random.default_rng(seed)
    losses = 4 - fall * np.arange(steps) / steps + fall / 20 * rng.normal(size=steps)
    found = unfinished_share(losses.tolist())
    assert found is not None
    assert 0.3 < found < 0.75


@given(st.integers(0, 2**32), st.integers(60, 400))
def test_a_loss_that_has_levelled_off_is_finished(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    level = 0.5 + np.exp(-np.arange(steps) / (steps / 10)) + 0.05 * rng.normal(size=steps)
    assert (unfinished_share(level.tolist()) or 0) < 0.2


def test_a_run_says_it_once_before_its_first_step_and_records_it(tmp_path: Path) -> None:
    events = list(tiny_search(tmp_path / "run", steps=8))
    heard = [event.advice.kind for event in events if isinstance(event, AdviceEvent)]
    assert heard[0] == "few steps"
    assert len(heard) == len(set(heard))
    at = [type(event) for event in events]
    assert at.index(AdviceEvent) < at.index(StepEvent)
    result = open_run(tmp_path / "run").result
    assert result is not None
    assert [advice.kind for advice in result.advice] == heard
    assert result.advice[0] == _advice(events)[0]


def _advice(events: list[Event]) -> list[Advice]:
    return [event.advice for event in events if isinstance(event, AdviceEvent)]


def test_the_plan_is_that_of_the_clips(tmp_path: Path) -> None:
    options = DataOptions.of(source="a.csv", frames=1, size=4, batch_size=32)
    data = TinyData(options, clip=(1, 4, 4))
    events = list(tiny_search(tmp_path / "run", data, steps=2))
    told = {advice.kind for advice in _advice(events)}
    assert {"few steps", "one frame", "one pixel", "large batch"} <= told


def test_cures_of_a_step_of_several_batches_name_what_makes_it_large() -> None:
    plan = replace(PLAN, clips=20, batch=64, accumulate=4, steps=9, limited=False)
    found = {advice.kind: advice for advice in before_training(plan)}
    assert "a step of 64 is larger than the training split" in found["large batch"].said
    assert found["large batch"].cure == "a smaller --accumulate"
    assert found["few steps"].cure.endswith("or a smaller --accumulate")
