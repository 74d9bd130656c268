"""The recipes in ``examples/adafocus`` have the published settings.

That they run is tested with all recipes.

The numbers are those of the published scripts (AdaFocusV2), one row a data set.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.data.options import DataOptions
from connsearch.models.catalogue import create_model
from connsearch.models.focus.settings import FocusSettings
from connsearch.training.options import TrainOptions
from connsearch.training.rates import factors_in, rate_groups

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "adafocus"
UNTRIMMED = ["activitynet", "fcvid", "mini_kinetics"]
TRIMMED = ["jester", "something_v1", "something_v2"]
NAMES = [*UNTRIMMED, *TRIMMED]

LEARNING: dict[str, tuple[float, int, float, float | None]] = {
    "activitynet": (0.002, 32, 1e-4, None),
    "fcvid": (0.002, 32, 1e-4, None),
    "mini_kinetics": (0.003, 48, 1e-4, None),
    **dict.fromkeys(TRIMMED, (0.01, 32, 5e-4, 20.0)),
}
"""Base rate, batch, weight decay, and largest norm of a gradient."""

SHARES: dict[str, dict[str, float]] = {
    "adafocus-mn2-r50": {"glance": 0.5, "policy": 0.1, "local": 1.0, "running_max": 5.0},
    "adafocus-tsm": {"glance": 0.5, "policy": 0.01, "local": 1.0},
}
"""What the parts learn with, as shares of the base rate."""


def settings(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["settings"]


def data_of(name: str) -> DataOptions:
    return DataOptions.model_validate(settings(name)["data"])


def test_there_is_one_for_every_published_data_set() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(NAMES)
    assert [data_of(n).source.protocol for n in TRIMMED] == [None, "v1", "v2"]


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_as_published(name: str) -> None:
    training = TrainOptions.model_validate(settings(name)["training"])
    optimiser, schedule = training.optimiser, training.schedule
    rate, batch, decay, clip = LEARNING[name]
    assert (optimiser.optimiser, optimiser.momentum, optimiser.nesterov) == ("sgd", 0.9, False)
    assert (optimiser.peak_rate, optimiser.decay, optimiser.grad_clip) == (rate, decay, clip)
    assert optimiser.decay_all
    assert (schedule.schedule, schedule.by_epoch, schedule.warmup) == ("cosine", True, 0)
    assert (schedule.epochs, data_of(name).loading.batch_size) == (50, batch)
    assert (training.loss.loss, training.loss.label_smoothing) == ("cross_entropy", 0)
    assert (training.logging.eval_every, training.logging.recalibrate_clips) == (5, 0)
    assert training.choice.keep == "best"


@pytest.mark.parametrize("name", NAMES)
def test_clips_are_cut_as_published(name: str) -> None:
    data = data_of(name)
    clips, augment = data.clips, data.augment
    frames, short = (16, "repeat") if name in UNTRIMMED else (8, "first")
    assert (clips.frames, clips.sampler, clips.short) == (frames, "tsn", short)
    assert clips.focus_frames == (None if name in UNTRIMMED else 12)
    assert clips.sides.decoded == (360 if name in UNTRIMMED else 256)
    assert (clips.sides.size, clips.eval_sides, clips.rounding) == (
        224,
        (256, 224, 224),
        "torchvision",
    )
    assert augment.multi_scale == (1.0, 0.875, 0.75, 0.66)
    assert augment.flip == (name in UNTRIMMED)
    assert (augment.brightness, augment.contrast, augment.augment) == (0, 0, ())


@pytest.mark.parametrize("name", ["activitynet", "something_v2"])
def test_its_network_is_the_published_one(name: str) -> None:
    target = settings(name)["target"]
    with torch.device("meta"):
        model = create_model(target, 200)
    told = FocusSettings.model_validate(
        {k: v for k, v in model.describe().settings.items() if k != "classes"}
    )
    assert (told.size, told.patch, told.frames) == (224, 128, data_of(name).clips.frames)
    assert told.local_frames == data_of(name).clips.focus_frames
    assert told.dropout == (0.2 if name in UNTRIMMED else 0.5)
    assert told.policy_width == (2048 if name in UNTRIMMED else 1024)
    for part in (told.glance, told.local):
        assert not isinstance(part, str)
        assert tuple(part["settings"]["mean"]) == (0.485, 0.456, 0.406)
        assert tuple(part["settings"]["std"]) == (0.229, 0.224, 0.225)
    rates = TrainOptions.model_validate(settings(name)["training"]).rates
    factors = factors_in(rate_groups(model, rates))
    for part, share in SHARES[target].items():
        own = {factors.get(n, 1.0) for n, _ in model.named_parameters() if n.startswith(f"{part}.")}
        assert own == {share}, part
