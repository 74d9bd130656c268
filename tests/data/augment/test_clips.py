"""Augmentation where it is used: in the clips of a data set."""

from __future__ import annotations

from pathlib import Path

import torch

from connsearch.data.clips.dataset import ClipKey
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from tests.data.helpers import options, same


def test_batches_are_the_same_with_and_without_workers(listing: Path) -> None:
    changes = {"augment": ("srtg_large", "gaussian_noise", "motion_blur"), "augment_each": 0.8}
    data = load_data(options(listing, **changes))
    plain = load_data(options(listing))
    asked = {"batch_size": 4, "seed": 3, "epoch": 1, "shuffle": True, "augment": True}
    here = list(Loader(data.train).batches(**asked))
    with Loader(data.train, workers=2) as loader:
        assert same(here, list(loader.batches(**asked)))
    assert not same(here, list(Loader(plain.train).batches(**asked)))


def test_evaluation_is_left_alone(listing: Path) -> None:
    sure = options(listing, augment=("srtg_large",), augment_any=1.0, augment_each=1.0)
    changed, plain = load_data(sure).train, load_data(options(listing)).train
    for index in range(3):
        streams = changed.clip(ClipKey(index)).streams, plain.clip(ClipKey(index)).streams
        assert all(torch.equal(streams[0][name], streams[1][name]) for name in streams[0])


def test_objects_stay_on_what_they_mark_through_crop_flip_and_turn(listing: Path) -> None:
    """The square of these clips is bright and the rest is dark: so it must be under its map."""
    chosen = options(
        listing,
        size=40,
        short_side=48,
        augment=("perspective", "rotation"),
        augment_any=1.0,
        augment_each=1.0,
        flip=True,
        crop_scale=(0.7, 1.2),
        brightness=0.0,
        contrast=0.0,
    )
    data = load_data(chosen).train
    shared, either = 0, 0
    for index in range(len(data)):
        for epoch in range(3):
            clip = data.clip(ClipKey(index, 0, epoch, augment=True))
            marked = clip.streams["object"][1:].sum(0) > 0
            bright = clip.streams["rgb"].mean(0) > 0.2
            shared += int((marked & bright).sum())
            either += int((marked | bright).sum())
    assert shared / either > 0.85
