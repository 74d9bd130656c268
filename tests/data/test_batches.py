from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.batches import Batch
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from tests.data.helpers import options, same

# From Python 3.12 on a fork of a process that has threads warns; torch's own workers fork.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@pytest.fixture(scope="module")
def clips(listing: Path) -> ClipDataset:
    return load_data(options(listing, flip=True, crop_scale=(0.7, 1.2))).train


TRAINING: dict[str, Any] = {"batch_size": 4, "seed": 3, "shuffle": True, "augment": True}


def run(clips: ClipDataset, workers: int = 0, **changes: object) -> list[Batch]:
    """Returns the batches of an epoch, made by a loader of its own."""
    with Loader(clips, workers=workers) as loader:
        return list(loader.batches(**{**TRAINING, **changes}))


def test_an_epoch_holds_every_clip_once(clips: ClipDataset) -> None:
    made = run(clips)
    assert len(made) == -(-len(clips) // 4)
    assert sorted(torch.cat([b.indices for b in made]).tolist()) == list(range(len(clips)))
    for batch in made:
        count = len(batch.labels)
        rgb, objects = batch.streams["rgb"], batch.streams["object"]
        assert rgb.shape == (count, 3, 6, 16, 16)
        assert rgb.dtype == objects.dtype == torch.float32
        assert rgb.min() >= -1
        assert rgb.max() <= 1
        assert objects.shape == (count, 3, 6, 16, 16)
        assert torch.equal(objects.sum(1), torch.ones(count, 6, 16, 16))
        assert batch.labels.dtype == batch.indices.dtype == torch.int64
        assert batch.labels.tolist() == [clips.labels[i] for i in batch.indices]


def test_batches_depend_on_seed_and_epoch_and_nothing_else(clips: ClipDataset) -> None:
    first = run(clips)
    torch.manual_seed(5)
    assert same(first, run(clips))
    assert not same(first, run(clips, epoch=1))
    assert not same(first, run(clips, seed=4))


def test_an_epoch_can_begin_anywhere_without_decoding_what_was_before(clips: ClipDataset) -> None:
    whole = run(clips)
    for start in range(len(whole) + 2):
        assert same(run(clips, start=start), whole[start:])
    fresh = replace(clips, remember=True)
    last = run(fresh, start=len(whole) - 1)
    assert len(fresh._frames._memory) == len(last[0].labels)


def test_workers_and_memory_change_nothing(clips: ClipDataset) -> None:
    assert clips.remember
    forgetful = replace(clips, remember=False)
    with Loader(clips, workers=2) as loader:
        for epoch in range(2):  # the second epoch finds the workers alive
            expected = run(clips, epoch=epoch)
            assert same(run(forgetful, epoch=epoch), expected)
            assert same(list(loader.batches(**TRAINING, epoch=epoch)), expected)
    assert same(run(clips, workers=2, start=2), run(clips, start=2))


def test_an_epoch_left_early_does_not_disturb_the_next(clips: ClipDataset) -> None:
    expected = run(clips, epoch=1)
    with Loader(clips, workers=1) as loader:
        left = loader.batches(**TRAINING)
        next(left)
        again = loader.batches(**TRAINING, epoch=1)
        assert same(list(again), expected)  # while the first is still open
        left.close()  # type: ignore[attr-defined]
        assert same(list(loader.batches(**TRAINING, epoch=1)), expected)


def test_evaluation_is_the_centre_and_the_same_every_epoch(clips: ClipDataset) -> None:
    quiet = {"shuffle": False, "augment": False}
    assert same(run(clips, **quiet), run(clips, epoch=5, seed=9, **quiet))
    assert torch.cat([b.indices for b in run(clips, **quiet)]).tolist() == list(range(len(clips)))


def test_maps_follow_the_picture_through_every_change(clips: ClipDataset) -> None:
    wrong = total = 0.0
    for epoch in range(3):
        for batch in run(clips, epoch=epoch):
            bright = batch.streams["rgb"].mean(1) > 0.1
            marked = batch.streams["object"][:, 1:].sum(1) > 0
            wrong += (bright != marked).sum().item()
            total += marked.sum().item()
    assert total > 1000
    assert wrong < 0.15 * total  # edges, softened by scaling; a shift would give more than half


def test_a_worker_gets_the_data_set_without_its_memory(clips: ClipDataset) -> None:
    run(clips)
    assert clips._frames._memory
    copy = pickle.loads(pickle.dumps(clips))
    assert not copy._frames._memory
    key = ClipKey(0, 1, 2, augment=True)
    assert torch.equal(copy.clip(key).streams["rgb"], clips.clip(key).streams["rgb"])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_video_that_breaks_later_is_quarantined(
    listing: Path, videos: Path, tmp_path: Path, workers: int
) -> None:
    copy = tmp_path / videos.name
    for path in videos.rglob("*.*"):
        (copy / path.parent.name).mkdir(parents=True, exist_ok=True)
        (copy / path.parent.name / path.name).write_bytes(path.read_bytes())
    again = tmp_path / listing.name
    again.write_text(listing.read_text())
    clips = load_data(options(again)).train
    clips.records[3].path.write_bytes(b"gone")
    made = run(clips, workers=workers)
    (fault,) = (fault for batch in made for fault in batch.faults)
    assert fault.index == 3
    assert fault.reason.startswith(f"{clips.records[3].path}: not readable as video")
    assert fault.stand_in is not None
    assert clips.labels[fault.stand_in] == clips.labels[3]
    shown = torch.cat([batch.indices for batch in made]).tolist()
    assert sorted(shown) == sorted([fault.stand_in, *(i for i in range(len(clips)) if i != 3)])
    assert same(made, run(clips, workers=2 - workers))
    quiet = run(clips, workers=workers, augment=False)
    assert sum(len(batch.indices) for batch in quiet) == len(clips) - 1
    assert [fault.stand_in for batch in quiet for fault in batch.faults] == [None]
