"""The stream focus: other frames of a clip, under the same view and the same changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import connsearch
from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.errors import SettingsError
from tests.data.helpers import FRAMES, options, same

pytestmark = pytest.mark.usefixtures("unpictured")

CHANGES: dict[str, Any] = {
    "flip": True,
    "crop_scale": (0.7, 1.2),
    "augment": ("srtg_large",),
    "augment_any": 1.0,
}


def clips(source: Path, **changes: Any) -> ClipDataset:
    return load_data(options(source, **changes)).train


def places(streams: dict[str, Tensor]) -> list[int]:
    """Where each frame of focus is in rgb, pixel by pixel; -1: it is not."""
    rgb, focus = streams["rgb"].unbind(1), streams["focus"].unbind(1)
    same_as = [[n for n, frame in enumerate(rgb) if torch.equal(frame, own)] for own in focus]
    return [found[0] if found else -1 for found in same_as]


@pytest.mark.parametrize("sampler", ["random", "segments", "tsn"])
@pytest.mark.parametrize("store", ["listing", "packed"])
def test_the_same_frame_is_the_same_in_both_streams(
    request: pytest.FixtureRequest, store: str, sampler: str
) -> None:
    source = request.getfixturevalue(store)
    data = clips(
        source,
        frames=FRAMES, focus_frames=5, sampler=sampler, **CHANGES,
    )  # fmt: skip
    drawn = [places(data.clip(ClipKey(i, 1, e, augment=True)).streams)
             for i in range(3) for e in range(2)]  # fmt: skip
    assert all(place >= 0 for found in drawn for place in found)
    assert all(found == sorted(found) for found in drawn)
    assert len({tuple(found) for found in drawn}) > 1


def test_evaluations_spread_them_evenly(listing: Path) -> None:
    data = clips(listing, frames=FRAMES, focus_frames=4, sampler="segments")
    assert places(data.clip(ClipKey(0)).streams) == [1, 4, 7, 10]
    within = clips(listing, frames=6, focus_frames=3)  # of the middle 6 of 12
    assert places(within.clip(ClipKey(0)).streams) == [1, 3, 5]
    views = clips(listing, frames=4, focus_frames=2, clips_per_video=2, crops_per_clip=2)
    for view in range(4):
        assert min(places(views.clip(ClipKey(0, view=view)).streams)) >= 0


def test_the_clip_stays_as_it_is_without_them(listing: Path) -> None:
    key = ClipKey(1, 2, 3, augment=True)
    with_, without = (
        clips(listing, focus_frames=n, flip=True, crop_scale=(0.7, 1.2)).clip(key).streams
        for n in (3, None)
    )
    assert torch.equal(with_["rgb"], without["rgb"])
    assert torch.equal(with_["object"], without["object"])
    assert with_["object"].shape[1] == without["rgb"].shape[1]
    assert with_["focus"].shape == (3, 3, 16, 16)
    assert "focus" not in without


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_batches_with_them_do_not_depend_on_workers(listing: Path) -> None:
    data = clips(listing, focus_frames=3)
    made = list[Any]()
    for workers in (0, 1):
        with Loader(data, workers=workers) as loader:
            made.append(list(loader.batches(batch_size=4, seed=3, shuffle=True, augment=True)))
    assert made[0][0].streams["focus"].shape == (4, 3, 3, 16, 16)
    assert same(*made)


def test_networks_that_do_not_look_refuse_them(tmp_path: Path) -> None:
    data = connsearch.load_data(
        frames=2, focus_frames=3, size=24, train_clips=2, val_clips=1, test_clips=1, progress=False
    )
    with pytest.raises(SettingsError, match=r"--focus-frames 3: resnet18 has no use"):
        connsearch.train("resnet18", data, run=tmp_path / "run", progress=False)
