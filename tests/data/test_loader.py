"""A data set is a description; a loader owns its workers and what it could not read."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.data.clips.dataset import ClipDataset, ClipKey, ClipShape
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader, SplitLoaders
from connsearch.data.media.decode import Frames, read_frames
from connsearch.data.media.formats import video
from connsearch.errors import DataError
from tests.data.helpers import options, same

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

HANGS, BROKEN = 1, 5
TRAINING: dict[str, Any] = {"seed": 3, "shuffle": True, "augment": True}
KEYS = (
    ClipKey(2),
    ClipKey(4, 1, 2, augment=True),
    ClipKey(2, 1, 0, augment=True),
    ClipKey(0, 1, 2, augment=True, shape=ClipShape(2, 12, 3.0)),
    ClipKey(4, view=1),
)


@pytest.fixture(scope="module")
def clips(listing: Path) -> ClipDataset:
    """Clips that nobody has read: no file, no clock and no frame of them is known."""
    asked = options(listing, flip=True, clips_per_video=2, timeout=0.5, check_files=False)
    return load_data(asked).train


@dataclass
class Disk:
    """What becomes of whoever reads a file: ``read`` names the files that were touched."""

    hangs: Path
    broken: Path
    read: list[Path] = field(default_factory=list[Path])
    release: threading.Event = field(default_factory=threading.Event)

    def frames(self, path: Path, numbers: object, **changes: object) -> Frames:
        self.read.append(path)
        if path == self.hangs:
            self.release.wait(20)
        if path == self.broken:
            raise DataError(f"{path}: is broken")
        return read_frames(path, numbers, **changes)  # type: ignore[arg-type]


@pytest.fixture
def disk(clips: ClipDataset, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    found = Disk(clips.records[HANGS].path, clips.records[BROKEN].path)
    monkeypatch.setattr(video, "read_frames", found.frames)
    yield found
    found.release.set()


def like(clips: ClipDataset, **changes: Any) -> ClipDataset:
    """Returns the same description, of which nothing was read."""
    return replace(clips, **changes)


@pytest.mark.parametrize("remember", [False, True])
def test_a_key_decides_its_clip_whatever_happened_before(
    clips: ClipDataset, disk: Disk, remember: bool
) -> None:
    used = like(clips, remember=remember)
    seen, reader = dict(vars(used)), dict(vars(used._frames))
    made = list(Loader(used, workers=0).batches(**TRAINING))
    assert {f.index: f.lasting for batch in made for f in batch.faults} == {
        HANGS: True,
        BROKEN: False,
    }
    with pytest.raises(DataError, match=r"not read within 0\.5 s"):
        used.clip(ClipKey(HANGS))
    assert dict(vars(used)) == seen
    assert dict(vars(used._frames)) == reader  # its two memories are the same objects, fuller
    assert {n for n, v in reader.items() if isinstance(v, dict)} == {"_infos", "_memory"}
    for key in KEYS:  # each as the first of its data set
        alone, after = like(clips).clip(key), used.clip(key)
        assert alone.labels == after.labels
        assert alone.streams.keys() == after.streams.keys()
        assert all(torch.equal(alone.streams[n], after.streams[n]) for n in alone.streams)
    disk.release.set()
    used.clip(ClipKey(HANGS))  # a description remembers no fault: now it can be read


def test_a_description_cannot_be_written_to(clips: ClipDataset) -> None:
    with pytest.raises(FrozenInstanceError):
        clips.num_classes = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        clips.beacon = None  # type: ignore[attr-defined]


def test_what_was_found_unusable_is_not_touched(clips: ClipDataset, disk: Disk) -> None:
    bad = replace(clips.records[0], fault="a.mp4: is known to be damaged")
    known = like(clips, records=(bad, clips.records[2]))
    assert known.unusable == {0: "a.mp4: is known to be damaged"}
    with pytest.raises(DataError, match="known to be damaged"):
        known.clip(ClipKey(0))
    loader = Loader(known)
    (batch,) = loader.batches()
    assert [(f.index, f.reason, f.lasting) for f in batch.faults] == [(0, bad.fault, True)]
    assert loader.faults == loader.quarantined == known.unusable
    assert bad.path not in disk.read


def test_two_loaders_of_one_data_set_share_no_faults(clips: ClipDataset, disk: Disk) -> None:
    first, second = Loader(clips), Loader(clips)
    made = list(first.batches())
    assert list(first.faults) == [HANGS]
    assert set(first.quarantined) == {HANGS, BROKEN}
    assert second.faults == second.quarantined == {}
    disk.read.clear()
    assert same(list(first.batches()), made)
    assert disk.read.count(disk.hangs) == 0
    assert disk.read.count(disk.broken) == 1  # it may have been mended
    disk.release.set()
    other = list(second.batches())
    assert disk.read.count(disk.hangs) == 1
    assert [f.index for batch in other for f in batch.faults] == [BROKEN]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_takes_over_what_another_has_found(
    clips: ClipDataset, disk: Disk, workers: int
) -> None:
    with Loader(clips, workers=workers) as loader:
        loader.leave_out({2: "clip 2 is left out"})
        loader.leave_out({HANGS: "cost its time before"})
        made = list(loader.batches())
        assert {f.index: f.reason for b in made for f in b.faults if f.lasting} == {
            2: "clip 2 is left out",
            HANGS: "cost its time before",
        }
        loader.leave_out({3: "found in between"})  # workers that are alive hear of it
        assert 3 not in [i for b in loader.batches() for i in b.indices.tolist()]
    with pytest.raises(TypeError):
        loader.faults[7] = "not from outside"  # type: ignore[index]


def readers() -> set[Any]:
    return set(multiprocessing.active_children())


def test_workers_stay_between_epochs_and_end_with_their_loader(clips: ClipDataset) -> None:
    before = readers()
    with Loader(clips, workers=2) as loader:
        assert readers() == before  # not before they are needed
        list(loader.batches())
        alive = readers() - before
        assert len(alive) == 2
        list(loader.batches(epoch=1))
        assert readers() - before == alive
        one, two = loader.batches(), loader.batches()
        next(one)
        next(two)  # two epochs at once: the second one has workers of its own ...
        assert len(readers() - before) == 4
        list(two)
        assert readers() - before == alive  # ... for as long as it lasts
    assert readers() == before
    loader.close()  # a second time does nothing


def test_workers_end_with_an_error_whose_traceback_is_kept(clips: ClipDataset) -> None:
    before = readers()

    def learn() -> None:
        with Loader(clips, workers=1) as loader:
            for _ in loader.batches():
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as kept:
        learn()
    assert kept.tb is not None
    assert readers() == before
    broken = like(clips, records=tuple(replace(r, fault="no") for r in clips.records[:2]))
    with (
        pytest.raises(DataError, match="none of 1 other clips") as refused,
        Loader(broken, workers=1) as loader,
    ):
        list(loader.batches(augment=True))
    assert refused.tb is not None
    assert readers() == before


@pytest.mark.parametrize("workers", [0, 1])
def test_a_closed_loader_reads_no_more(clips: ClipDataset, workers: int) -> None:
    loader = Loader(clips, workers=workers)
    left = loader.batches()
    next(left)
    loader.close()
    with pytest.raises(ValueError, match="this loader is closed"):
        list(left)  # an epoch does not just seem to be over
    with pytest.raises(ValueError, match="this loader is closed"):
        next(loader.batches())


def test_the_loaders_of_all_splits_end_together(listing: Path) -> None:
    before = readers()
    data = load_data(options(listing, workers=1))
    with SplitLoaders(data.parts()) as loaders:
        assert [name for name, _ in loaders] == ["train", "val", "test"]
        for name, loader in loaders:
            assert loader is loaders[name]
            assert loader.workers == 1
            next(loader.batches())
        assert len(readers() - before) == 3
    assert readers() == before
    for name, _ in data:
        with pytest.raises(ValueError, match="closed"):
            next(loaders[name].batches())


def test_a_process_that_was_forked_remembers_nothing(clips: ClipDataset) -> None:
    dataset = like(clips, remember=True)
    dataset.clip(KEYS[0])
    assert [index for index, _ in dataset._frames._memory] == [2]

    def read() -> None:
        dataset.clip(KEYS[1])
        os._exit(len(dataset._frames._memory))

    process = multiprocessing.get_context("fork").Process(target=read)
    process.start()
    process.join(60)
    assert process.exitcode == 1  # what its parent had, and no more
