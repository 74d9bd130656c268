"""The recipes in ``examples/srtg`` have the published settings; that they run is tested with all.

The numbers are those of the published scripts, one row a data set.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connsearch.data.clips.dataset import ClipKey
from connsearch.data.loading.load import load_data
from connsearch.data.options import DataOptions
from connsearch.models.weights.srtg import MEAN, STD
from connsearch.training.options import GATE_START, TrainOptions
from tests.data.datasets.formats import SRTG_LISTS, srtg_data

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "srtg"
KINETICS = [f"kinetics_{classes}" for classes in (200, 400, 600, 700)]
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
LARGE, SMALL = ["hacs", *KINETICS, "moments"], ["diving48", "hmdb51", "ucf101"]

SCHEDULES: dict[str, tuple[float, int, tuple[int, ...], int]] = {
    "hacs": (0.1, 48, (40, 60, 75, 90), 120),
    **{name: (0.05, 32, (40, 70, 95), 130) for name in KINETICS},
    "moments": (0.1, 48, (25, 50, 70), 110),
    **{name: (0.1, 32, (15, 30, 40), 100) for name in SMALL},
}
"""Rate, batch, the epochs after which the rate falls, and the last epoch."""

STRIDES: dict[str, tuple[tuple[int, ...], int]] = {
    "hacs": ((1, 2), 2),
    **{name: ((4, 5, 6), 5) for name in KINETICS},
    "moments": ((3, 4), 3),
    **{name: ((), 2) for name in SMALL},
}
"""Intervals of training clips (none: that of evaluations), and of evaluations."""

CHANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(LARGE, (0.9, 0.4)),
    "ucf101": (0.65, 0.3),
    "hmdb51": (0.8, 0.4),
    "diving48": (0.8, 0.4),
}
"""The probability of any change to a clip, and of each."""


def settings(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["settings"]


def data_of(name: str) -> DataOptions:
    return DataOptions.model_validate(settings(name)["data"])


def training_of(name: str) -> TrainOptions:
    return TrainOptions.model_validate(settings(name)["training"])


def test_there_is_one_for_every_list_of_the_published_layout() -> None:
    assert [*SMALL, *LARGE] == [*SMALL, "hacs", *KINETICS, "moments"]
    assert sorted([*SMALL, *LARGE]) == NAMES
    assert sorted(str(data_of(name).source.protocol) for name in NAMES) == sorted(SRTG_LISTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_schedule_is_the_published_one(name: str) -> None:
    training = training_of(name)
    rate, batch, decays, epochs = SCHEDULES[name]
    schedule, optimiser = training.schedule, training.optimiser
    assert (optimiser.peak_rate, data_of(name).loading.batch_size) == (rate, batch)
    assert (schedule.schedule, schedule.decay, schedule.warmup) == ("steps", 0.1, 0)
    assert (schedule.decay_epochs, schedule.epochs) == (decays, epochs)
    assert (optimiser.optimiser, optimiser.momentum, optimiser.decay) == ("sgd", 0.9, 1e-4)
    assert training.multigrid.multigrid == ("srtg" if name in LARGE else "off")
    assert training.loss.label_smoothing == 0
    start = training.gates.gate_start
    share = GATE_START if start == "auto" else start
    assert isinstance(share, float)
    assert round(share * epochs, 1) == 40, "gates decide after 40 epochs"


@pytest.mark.parametrize("name", NAMES)
def test_clips_are_cut_as_published(name: str) -> None:
    data = data_of(name)
    clips, strides = data.clips, STRIDES[name]
    assert (clips.frames, clips.strides, clips.stride) == (16, *strides)
    if name in LARGE:
        assert clips.sides == (384, 284, 284)
        assert clips.eval_sides == (294, 294 if name == "moments" else 256, 256)
        assert (data.augment.crop_from, data.augment.crop_scale) == ("square", (1, 1))
        return
    assert (clips.sides, clips.eval_sides) == ((294, 256, 256), (294, 256, 256))
    assert [scale * clips.size for scale in data.augment.crop_scale] == [224, 224]


@pytest.mark.parametrize("name", NAMES)
def test_colours_and_changes_are_the_published_ones(name: str) -> None:
    augment = data_of(name).augment
    assert (augment.augment_any, augment.augment_each) == CHANGES[name]
    assert augment.augment == ("srtg_large" if name in LARGE else "srtg_small",)
    assert (augment.flip, augment.brightness, augment.contrast) == (True, 0, 0)
    network = settings(name)["model_options"]
    assert (tuple(network["mean"]), tuple(network["std"])) == (MEAN, STD)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return srtg_data(tmp_path_factory.mktemp("srtg"))


@pytest.mark.parametrize("name", NAMES)
def test_its_data_is_found_and_cut_as_it_says(name: str, videos: Path) -> None:
    data = load_data(data_of(name).with_values(source=f"frames_db:{videos}", memory_mb=0))
    assert data.classes == ("jump rope", "walk")
    assert [len(split) for _, split in data] == [7, 1, 2]
    clips = data.options.clips
    shape = (3, 16, clips.size, clips.size)
    assert data.train.clip(ClipKey(0, augment=True)).streams["rgb"].shape == shape
    assert data.test.clip(ClipKey(0)).streams["rgb"].shape == (3, 16, 256, 256)


@pytest.mark.parametrize("name", KINETICS)
def test_those_of_kinetics_differ_in_the_list_alone(name: str) -> None:
    mine, other = settings(name), settings("kinetics_400")
    assert mine["data"].pop("source") == {"protocol": name.replace("_", "-")}
    del other["data"]["source"]
    assert mine == other
