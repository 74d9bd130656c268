"""Clips of evaluations may be cut otherwise than those of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional as F

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.clips.sampling import clip_ticks
from connsearch.data.clips.transforms import random_view
from connsearch.data.clips.usable import decoded_bytes
from connsearch.data.loading.load import load_data
from connsearch.data.media.decode import read_frames
from connsearch.data.media.survey import probe
from connsearch.data.options import ClipOptions
from connsearch.data.records import VideoInfo
from connsearch.runs.documents import new_config, write_config
from connsearch.runs.names import CONFIG
from connsearch.settings.differences import differences, plain
from connsearch.workflows.exported import evaluated_clips
from tests.data.helpers import options

KINETICS = {"size": 284, "short_side": 384, "eval_size": 256, "eval_short_side": 294}


@pytest.mark.parametrize(
    ("given", "training", "evaluation"),
    [
        (KINETICS, (384, 284, 284), (294, 256, 256)),
        (KINETICS | {"eval_crop": 294}, (384, 284, 284), (294, 294, 256)),  # Moments in Time
        ({"size": 64}, (72, 64, 64), (72, 64, 64)),
        ({"size": 64, "short_side": 100}, (100, 64, 64), (100, 64, 64)),
        ({"size": 64, "eval_size": 80}, (72, 64, 64), (90, 80, 80)),
        ({"size": 64, "eval_crop": 72}, (72, 64, 64), (72, 72, 64)),
    ],
)
def test_the_sides_follow_from_the_options(
    given: dict[str, Any], training: tuple[int, ...], evaluation: tuple[int, ...]
) -> None:
    clips = ClipOptions.of(**given)
    assert (clips.sides, clips.eval_sides) == (training, evaluation)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"short_side": 64, "eval_size": 80},
            "--eval-size 80, and decoded frames of 64 pixels .* cannot be larger than the frame; "
            "give a larger --eval-short-side, or a smaller --eval-size",
        ),
        ({"eval_crop": 73}, "--eval-crop 73, .* 72 pixels .* or a smaller --eval-crop"),
        ({"eval_short_side": 60}, "--eval-size 64, and decoded frames of 60 pixels"),
        ({"eval_size": 2}, "greater than or equal to 4"),
    ],
)
def test_a_crop_larger_than_the_frame_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ClipOptions.of(**{"size": 64, **change})


def train_clips(listing: Path, *, remember: bool = False, **changes: Any) -> ClipDataset:
    chosen = options(listing, memory_mb=1024 if remember else 0, **changes)
    return load_data(chosen).train


def middle(dataset: ClipDataset, height: int, width: int, side: int) -> torch.Tensor:
    """Returns the middle of the first clip's frames, decoded at that size: (T, 3, side, side)."""
    record = dataset.records[0]
    info = probe(record.path)
    numbers = clip_ticks(info.frames, 6)
    frames = read_frames(record.path, numbers, size=(height, width), info=info)
    top, left = (height - side) // 2, (width - side) // 2
    cut = torch.from_numpy(frames[:, top : top + side, left : left + side].copy())
    return cut.permute(0, 3, 1, 2).float() / 127.5 - 1


def test_an_evaluation_cuts_its_own_size_out_of_its_own_frames(listing: Path) -> None:
    dataset = train_clips(listing, eval_size=12, eval_short_side=24)
    seen = dataset.clip(ClipKey(0)).streams["rgb"]
    assert torch.allclose(seen.transpose(0, 1), middle(dataset, 24, 32, 12), atol=1e-6)
    assert dataset.clip(ClipKey(0)).streams["object"].shape[1:] == (6, 12, 12)
    assert dataset.clip(ClipKey(0, augment=True)).streams["rgb"].shape == (3, 6, 16, 16)


def test_what_is_cut_out_may_be_resized(listing: Path) -> None:
    dataset = train_clips(listing, eval_size=12, eval_short_side=24, eval_crop=24)
    seen = dataset.clip(ClipKey(0)).streams["rgb"].transpose(0, 1)
    whole = middle(dataset, 24, 32, 24)
    resized = F.interpolate(whole, (12, 12), mode="bilinear", antialias=True, align_corners=False)
    assert torch.allclose(seen, resized, atol=1e-5)
    crops = train_clips(listing, eval_size=12, eval_short_side=24, eval_crop=24, crops_per_clip=3)
    views = [crops.clip(ClipKey(0, view=n)).streams["rgb"] for n in range(3)]
    assert torch.equal(views[1], seen.transpose(0, 1))
    assert not torch.equal(views[0], views[2])


def test_frames_kept_in_memory_are_of_the_size_that_is_asked_for(listing: Path) -> None:
    changes: dict[str, Any] = {"eval_size": 12, "eval_short_side": 24}
    kept, read = train_clips(listing, remember=True, **changes), train_clips(listing, **changes)
    assert kept.remember
    assert not read.remember
    for _ in range(2):
        for augment in (True, False):
            key = ClipKey(1, augment=augment)
            assert torch.equal(kept.clip(key).streams["rgb"], read.clip(key).streams["rgb"])
    held = [ClipKey(0, augment=augment, view=None if augment else 0) for augment in (True, False)]
    for key in held:
        together = read.clip(key, beside=held).streams["rgb"]
        assert torch.equal(together, kept.clip(key).streams["rgb"])


def test_both_sizes_of_training_clips_count_as_memory() -> None:
    info, other = VideoInfo(10, 24, 32, 25.0), {"eval_size": 12, "eval_short_side": 24}
    assert decoded_bytes(info, options("x").clips) == 10 * 20 * 27 * 4
    clips = options("x", **other).clips
    assert decoded_bytes(info, clips) == 10 * (20 * 27 + 24 * 32) * 4
    assert decoded_bytes(info, clips, training=False) == 10 * 24 * 32 * 4


def test_random_crops_may_lie_in_the_square_in_the_middle() -> None:
    square = options("x", crop_from="square").augment
    seen = [random_view(24, 30, 16, square, np.random.default_rng(s)) for s in range(300)]
    assert {v.top for v in seen} == set(range(9))
    assert {v.left for v in seen} == set(range(3, 12))
    tall = [random_view(31, 24, 16, square, np.random.default_rng(s)) for s in range(300)]
    assert {v.top for v in tall} == set(range(3, 12))
    assert {v.left for v in tall} == set(range(9))


@given(seed=st.integers(0, 10_000), side=st.integers(16, 40))
def test_of_a_square_frame_that_is_all(seed: int, side: int) -> None:
    places = [
        random_view(
            side, side, 16, options("x", crop_from=where).augment, np.random.default_rng(seed)
        )
        for where in ("frame", "square")
    ]
    assert places[0] == places[1]


def test_a_run_that_records_none_of_this_goes_on() -> None:
    now = plain({"data": options("x").model_dump(mode="json")})
    before = plain(now)
    for group, name in (("augment", "crop_from"), ("clips", "eval_size"), ("clips", "eval_crop")):
        del before["data"][group][name]
    assert differences(before, now) == {}
    other = plain({"data": options("x", crop_from="square").model_dump(mode="json")})
    assert set(differences(before, other)) == {"data.crop_from"}


def test_an_export_is_for_clips_as_they_are_evaluated(tmp_path: Path) -> None:
    data = options("x", eval_size=12, eval_crop=14).model_dump(mode="json")
    write_config(tmp_path / CONFIG, new_config({"command": "train", "settings": {"data": data}}))
    found = evaluated_clips(str(tmp_path))
    names = ("frames", "size", "crop", "short_side")
    assert [found[name] for name in names] == [6, 12, 14, 20]
