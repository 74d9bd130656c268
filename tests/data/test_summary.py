from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.data.records import VideoInfo, Window
from connsearch.data.tools.summary import Spread, describe

LENGTHS = {"train-a-0": 20, "train-a-1": 30, "train-b-0": 40, "select-b-0": 10}


@pytest.fixture
def data(tmp_path: Path) -> DataSplits:
    """Four clips of 10 frames a second, and one file that is no video."""
    lines = ["path,label,split,group"]
    for number, (name, length) in enumerate(LENGTHS.items()):
        size = (16, 24) if number else (32, 20)
        write_video(tmp_path / f"{name}.mp4", np.zeros((length, *size, 3), np.uint8), fps=10)
        split, label, _ = name.split("-")
        lines.append(f"{name}.mp4,{label},{split},person-{number // 2}{split}")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    lines.append("broken.mp4,b,train,person-9")
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    source = str(tmp_path / "clips.csv")
    return load_data(
        DataOptions.of(source=source, frames=4, size=16, bad_share=1.0, test_share=0.0)
    )


def test_clips_are_counted_by_class_and_list(data: DataSplits) -> None:
    found = describe(data)
    assert found.classes == ("a", "b")
    assert {split: part.classes for split, part in found.splits.items()} == {
        "train": (2, 2),
        "val": (0, 1),
        "test": (0, 0),
    }
    assert [part.clips for part in found.splits.values()] == [4, 1, 0]
    assert [part.groups for part in found.splits.values()] == [3, 1, 0]
    assert found.splits["train"].frames == Spread(20, 30, 40)
    assert found.splits["train"].seconds == Spread(2.0, 3.0, 4.0)
    assert found.splits["train"].hours == pytest.approx(9.0 / 3600)
    assert found.splits["test"].frames is None
    assert found.sizes == {"24 x 16": 3, "20 x 32": 1}
    assert found.rates == {"10": 4}
    assert found.media == {"video": 5}
    assert (found.variable, found.unclocked, found.windows, found.with_objects) == (None, 0, 0, 0)


def test_what_cannot_be_read_is_listed_and_counted_with_its_class(data: DataSplits) -> None:
    [fault] = describe(data).faults
    assert (fault.split, fault.name) == ("train", "broken.mp4")
    assert "not readable as video" in fault.reason


def test_windows_variable_rates_and_shared_files_are_told_apart(data: DataSplits) -> None:
    first, second, *_ = data.train.records
    assert first.info is not None
    varying = VideoInfo(3, 8, 8, 1.5, times=(0.0, 1.0, 2.0))
    records = (
        replace(first, window=Window(0.5, 1.5)),
        replace(first, name="again", window=Window(5, 9, "frames"), labels=()),
        replace(second, info=varying, labels=(0, 1)),
        replace(second, info=replace(varying, times=(), fps=0.0)),
    )
    train = ClipDataset.of(records, data.options, object_classes=0, num_classes=2)
    found = describe(replace(data, train=train))
    part = found.splits["train"]
    assert part.frames == Spread(3, 3.5, 10)
    assert part.seconds is not None
    found_seconds = part.seconds.low, part.seconds.middle, part.seconds.high
    assert found_seconds == pytest.approx((0.4, 1.0, 2 + 1 / 1.5))
    assert part.unlabelled == 1
    assert part.classes == (3, 1)
    assert found.variable == (1.5, 1.5, 1)
    assert found.rates == {"10": 3}
    assert found.unclocked == 1
    assert found.windows == 2
    sizes = [r.path.stat().st_size for r in (first, second, *data.val.records)]
    assert found.bytes_on_disk == sum(sizes)


def test_moments_are_the_frames_a_clip_is_cut_from(data: DataSplits) -> None:
    train = data.train
    assert train.moments(ClipKey(0)) == [(8, 0.8), (9, 0.9), (10, 1.0), (11, 1.1)]
    numbers = {tuple(n for n, _ in train.moments(ClipKey(0, 0, e, True))) for e in range(30)}
    assert len(numbers) > 8
    assert all(list(each) == list(range(each[0], each[0] + 4)) for each in numbers)
