"""Frames, crops, sizes and learning rates against those of the published code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import numpy as np
from torch import nn

from connsearch.data.clips.multi_scale import PLACES, crop_pairs, crop_places, crop_sides
from connsearch.data.clips.sampling import clip_ticks
from connsearch.data.clips.transforms import View, centre_view, show_rgb
from connsearch.data.clips.usable import decoded_size
from connsearch.data.options import ClipOptions, Short
from connsearch.data.records import VideoInfo
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.model import Wrapped
from connsearch.nn.frame_order import coverage_order
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import OptimiserOptions, ScheduleOptions
from tests.golden.cupboard import Check
from tests.golden.folder import Folder

Arrays = Mapping[str, np.ndarray]

SHARES = (1, 0.875, 0.75, 0.66)
"""The published sides of crops."""


def frame_order(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    for key, order in arrays.items():
        assert coverage_order(int(key.split("/")[1])) == order.tolist(), key


def sampling(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    for frames in entry["frames"]:
        for count, wanted in zip(arrays["val/n"], arrays[f"val/{frames}"], strict=True):
            assert _shown(count, frames, "repeat") == wanted.tolist(), (count, frames)
        drawn = (arrays[f"train/{frames}/{key}"] for key in ("n", "draw", "index"))
        for count, draws, wanted in zip(*drawn, strict=True):
            assert _shown(count, frames, "repeat", draws) == wanted.tolist(), (count, frames)


def sampling_clip(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    for who in ("glance", "focus"):
        frames = entry[f"{who}_frames"]
        for count, wanted in zip(arrays["val/n"], arrays[f"val/{who}"], strict=True):
            assert _shown(count, frames, "first") == wanted.tolist(), (count, frames)
        drawn = (arrays[f"train/{key}"] for key in ("n", f"draw_{who}", who))
        for count, draws, wanted in zip(*drawn, strict=True):
            assert _shown(count, frames, "first", draws) == wanted.tolist(), (count, frames)


class _Drawn:
    """A generator that draws what the published code has drawn from 0 to ``each`` - 1."""

    def __init__(self, draws: np.ndarray, each: int) -> None:
        self.numbers = (draws + 0.5) / max(each, 1)

    def random(self, size: int) -> np.ndarray:
        assert size == len(self.numbers)
        return self.numbers


def _shown(count: int, frames: int, short: Short, draws: np.ndarray | None = None) -> list[int]:
    """Returns the frames of a clip, from 1 as they are called on disk."""
    count = int(count)
    drawn = None if draws is None else _Drawn(draws, count // frames)
    rng = cast("np.random.Generator | None", drawn)
    return [n + 1 for n in clip_ticks(count, frames, sampler="tsn", short=short, rng=rng)]


def multiscale(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    assert tuple(entry["scales"]) == SHARES
    for width, height in entry["frames"]:
        sides = crop_sides(min(width, height), SHARES, entry["input_size"])
        crops = [(sides[h], sides[w]) for h, w in crop_pairs(len(sides))]
        key = f"{width}x{height}"
        assert [[w, h] for h, w in crops] == arrays[f"{key}/sizes"].tolist(), key
        places = [crop_places((height, width), crop) for crop in crops]
        assert all(len(there) == PLACES for there in places)
        found = [[[left, top] for top, left in there] for there in places]
        assert found == arrays[f"{key}/offsets"].tolist(), key


def crop_pixels(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    """As clips are shown: within one of the 256 levels of Pillow's resize."""
    picture, size = arrays["input/picture"], entry["input_size"]
    for n in range(sum(key.endswith("/box") for key in arrays)):
        left, top, right, bottom = map(int, arrays[f"crop{n}/box"])
        pair, place = map(int, arrays[f"crop{n}/choice"])
        sides = crop_sides(min(picture.shape[:2]), SHARES, size)
        high, wide = (sides[side] for side in crop_pairs(len(sides))[pair])
        assert (high, wide) == (bottom - top, right - left)
        assert crop_places(picture.shape[:2], (high, wide))[place] == (top, left)
        seen_CTHW = show_rgb(picture[None], View(top, left, high, wide), size)
        levels_HWC = (seen_CTHW[:, 0].permute(1, 2, 0).numpy() + 1.0) * 127.5
        worst = np.abs(levels_HWC - arrays[f"crop{n}/out"]).max()
        assert worst <= 1.0, (n, worst)


def eval_geometry(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    options = ClipOptions(size=224, short_side=256, rounding="torchvision")
    for width, height, wide, high, left, top in arrays["table"].tolist():
        info = VideoInfo(1, height, width, 0.0)
        assert decoded_size(info, options, training=False) == (high, wide), (height, width)
        view = centre_view(high, wide, 224, options.rounding)
        assert (view.left, view.top) == (left, top), (height, width)


def schedule(arrays: Arrays, entry: Mapping[str, Any]) -> None:
    """The rates of E epochs; the published loop runs one more, at a rate of 0."""
    epochs, steps = entry["epochs"], 3
    rates = FocusByFrame.rates
    parts = [rates["policy"], rates["glance"], rates["glance_head"], 1.0, 1.0]
    parts.append(rates["running_max"])
    assert parts == entry["lr_mult"]
    optimisers = Optimisers(
        Wrapped(nn.Linear(1, 1)),
        OptimiserOptions(optimiser="sgd", lr=entry["base_lr"]),
        ScheduleOptions(schedule="cosine", by_epoch=True, warmup=0.0, epochs=epochs),
    )
    for step in range(epochs * steps + 1):
        asked = {"total_steps": epochs * steps, "epoch_steps": steps}
        rate = optimisers.rates(step, **asked)["filters"]
        wanted = arrays["lr"][step // steps]
        np.testing.assert_allclose([rate * x for x in parts], wanted, rtol=1e-12, atol=1e-18)


CASES: Mapping[str, Callable[[Arrays, Mapping[str, Any]], None]] = {
    "f_frame_order": frame_order,
    "f_sampling": sampling,
    "f_sampling_clip": sampling_clip,
    "f_multiscale_224": multiscale,
    "f_crop_pixels": crop_pixels,
    "f_eval_geometry": eval_geometry,
    "f_schedule": schedule,
}


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns the check of an entry; one that is not known is skipped, and says so."""
    if name not in CASES:
        return [Check(name, missing=f"focus, data: no rule for {name}")]
    return [Check(name, lambda: CASES[name](folder.arrays(name), entry))]
