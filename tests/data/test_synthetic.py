from __future__ import annotations

import csv
import hashlib
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.media.decode import read_frames
from connsearch.data.options import DataOptions
from connsearch.data.sources.datasets import DATASETS
from connsearch.data.sources.datasets.synthetic import SPARE_FRAMES
from connsearch.data.sources.planted import TASKS
from connsearch.data.sources.planted_mark import read_boxes
from connsearch.errors import DataError
from tests.data.conftest import small_planted
from tests.data.helpers import options


def contents(cache: Path) -> dict[str, str]:
    """Returns name -> hash of every file in a cache."""
    return {
        path.relative_to(cache).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(cache.rglob("*"))
        if path.is_file()
    }


def test_planted_data_is_real_files_and_a_list_of_them(planted: DataOptions) -> None:
    data = load_data(planted)
    assert [len(clips) for _, clips in data] == [12, 4, 4]
    assert data.classes == ("hue-0-left", "hue-0-right", "hue-180-left", "hue-180-right")
    assert data.object_classes == 5
    assert data.train.labels == (0, 1, 2, 3) * 3
    assert {r.path.suffix for r in data.train.records} == {".mp4"}
    folder = data.train.records[0].path.parents[1]
    listed = load_data(options(folder, object_classes=5))
    assert sorted(listed.classes) == sorted(data.classes)
    assert listed.hashes["test"] == data.hashes["test"]


def test_the_same_seed_writes_the_same_bytes(planted: DataOptions, tmp_path: Path) -> None:
    assert planted.loading.cache is not None
    again = load_data(small_planted(tmp_path))
    assert contents(tmp_path) == contents(planted.loading.cache)
    assert again.fingerprint == load_data(planted).fingerprint
    other = load_data(planted.with_values(seed=1, cache=tmp_path / "other"))
    assert other.fingerprint != again.fingerprint


def test_a_second_load_writes_nothing(planted: DataOptions) -> None:
    assert planted.loading.cache is not None
    before = {p: p.stat().st_mtime_ns for p in planted.loading.cache.rglob("*")}
    load_data(planted)
    assert {p: p.stat().st_mtime_ns for p in planted.loading.cache.rglob("*")} == before


def _load(cache: Path) -> None:
    load_data(small_planted(cache))


def test_two_writers_at_once_leave_one_whole_data_set(planted: DataOptions, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        marks = {d.fingerprint for d in pool.map(load_data, [small_planted(tmp_path)] * 3)}
    assert len(marks) == 1
    assert planted.loading.cache is not None
    assert contents(tmp_path) == contents(planted.loading.cache)


@pytest.mark.slow
def test_two_processes_at_once_leave_one_whole_data_set(
    planted: DataOptions, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_load, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert planted.loading.cache is not None
    assert contents(tmp_path) == contents(planted.loading.cache)


def test_a_draft_of_a_killed_process_is_no_data_set(planted: DataOptions, tmp_path: Path) -> None:
    assert planted.loading.cache is not None
    key = next((planted.loading.cache / "synthetic").iterdir()).name
    draft = tmp_path / "synthetic" / f".{key}.killed"
    (draft / "train").mkdir(parents=True)
    load_data(small_planted(tmp_path))
    assert (tmp_path / "synthetic" / key / "clips.csv").is_file()


def test_a_damaged_cache_is_refused_with_the_cure(tmp_path: Path) -> None:
    chosen = small_planted(tmp_path)
    record = load_data(chosen).train.records[0]
    record.path.write_bytes(b"")
    with pytest.raises(DataError, match=r"damaged.*\n  train/00000.mp4\n  cure: delete"):
        load_data(chosen)


def test_a_cache_that_cannot_be_written_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written .* cure: name another directory"):
        load_data(small_planted(tmp_path / "file"))


def test_unknown_tasks_and_tiny_clips_are_refused(planted: DataOptions) -> None:
    with pytest.raises(DataError, match="no planted task named 'motoin', did you mean 'motion'"):
        DATASETS["synthetic"]("motoin", planted)
    with pytest.raises(DataError, match="size of at least 16, read 8"):
        DATASETS["synthetic"]("mix", planted.with_values(size=8))


def test_ordered_hues_need_frames_and_follow_the_stride(tmp_path: Path) -> None:
    def ordered(**changes: int) -> DataOptions:
        return small_planted(tmp_path).with_values(source="synthetic:order", **changes)

    with pytest.raises(DataError, match=r"at least 4 frames, read 3: .*; cure: --frames 8"):
        load_data(ordered(frames=3))
    folders = {
        load_data(ordered(frames=frames, stride=stride)).train.records[0].path.parents[1]
        for frames, stride in ((7, 1), (4, 2))
    }
    assert len(folders) == 2, "of one length, but not of one order"
    for folder in folders:
        with (folder / "clips.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert {(row["label"], row["order"]) for row in rows} == {
            ("small-forward", "0"),
            ("small-backward", "1"),
            ("large-forward", "2"),
            ("large-backward", "3"),
        }


def test_the_listed_factors_are_those_of_the_task(planted: DataOptions) -> None:
    assert planted.loading.cache is not None
    single = {"appearance", "motion", "object", "unrelated", "still"}
    assert set(TASKS) == single | {"mix", "order", "mark"}
    folder = next((planted.loading.cache / "synthetic").iterdir())
    with (folder / "clips.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(r["label"], r["colour"], r["direction"]) for r in rows} == {
        ("hue-0-left", "0", "0"),
        ("hue-0-right", "0", "1"),
        ("hue-180-left", "2", "0"),
        ("hue-180-right", "2", "1"),
    }


def test_marks_lie_where_their_boxes_say(tmp_path: Path) -> None:
    """In the video as it comes back: the box holds the finest and the reddest of every frame."""
    sizes = {"size": 48, "short_side": 48, "frames": 3}
    chosen = small_planted(tmp_path).with_values(source="synthetic:mark", **sizes)
    data = load_data(chosen)
    assert data.classes == ("rows", "columns", "checks", "grain")
    for record in data.train.records[:4]:
        boxes = read_boxes(record.path)
        video = read_frames(record.path, range(len(boxes))).astype(float)
        assert len(video) == 3 + SPARE_FRAMES
        for frame, (top, left, height, width) in zip(video, boxes, strict=True):
            mark = np.zeros(frame.shape[:2], bool)
            mark[top : top + height, left : left + width] = True
            red = frame[..., 0] - frame.mean(2)
            assert red[mark].mean() > red[~mark].mean() + 4
            assert frame[mark].mean(1).std() > 20
    with (data.train.records[0].path.parents[1] / "clips.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["label"], row["texture"]) for row in rows} == {
        (name, str(number)) for number, name in enumerate(data.classes)
    }


def test_boxes_are_of_marks_alone_and_marks_need_room(planted: DataOptions, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only the videos of synthetic:mark have boxes"):
        read_boxes(load_data(planted).train.records[0].path)
    (tmp_path / "boxes.csv").write_text("path,frame,top,left,height,width\n")
    with pytest.raises(DataError, match=r"has no boxes of train/1.mp4"):
        read_boxes(tmp_path / "train" / "1.mp4")
    with pytest.raises(DataError, match=r"at least 48 pixels, read 20: .*; cure: --size 96"):
        DATASETS["synthetic"]("mark", planted.with_values(size=16))
