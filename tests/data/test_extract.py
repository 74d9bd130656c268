"""Frames of a data set in folders, and lists of them that read back as the same clips."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.load import load_data
from connsearch.data.media.decode import stream_frames, write_video
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import STORE
from connsearch.data.records import Record, Source, Span, Window
from connsearch.data.sources.source import read_source
from connsearch.data.tools import extract as extracting
from connsearch.data.tools import extract_frames as writing_frames
from connsearch.data.tools.extract import ExtractResult, extract
from connsearch.data.tools.extract_frames import FrameForm
from connsearch.data.tools.process_pool import Done
from connsearch.errors import DataError, Failure, SettingsError
from tests.data.datasets.formats import FORMATS, Maker, read
from tests.data.helpers import CLASSES, FRAMES, HEIGHT, WIDTH, options

FINE = FrameForm(quality=100)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the work be done in this process."""

    def do_jobs(jobs: Any, work: Any, **_: object) -> Iterator[Any]:
        for job in jobs:
            try:
                yield Done(job, work(job))
            except DataError as error:
                yield Done(job, None, str(error))

    monkeypatch.setattr(extracting, "do_jobs", do_jobs)


def extracted(
    source: Source, target: Path, form: FrameForm = FINE, **settings: Any
) -> ExtractResult:
    events = list(extract(source, target, form, line={"quality": form.quality}, **settings))
    assert isinstance(events[-1], ExtractResult)
    return events[-1]


def content(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def grey(path: Path, count: int, *, fps: int = 12) -> Path:
    """Makes a video whose frames are 4, 8, 12 ... bright."""
    frames = np.empty((count, 16, 24, 3), np.uint8)
    frames[:] = 4 * np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None]
    write_video(path, frames, fps=fps)
    return path


def brightness(folder: Path) -> list[int]:
    """Returns which of those frames are in a folder, from 0."""
    medium = MEDIA["frame_folder"]
    info = medium.probe(folder)
    frames = medium.read(folder, range(info.frames), size=None, info=info)
    return [round(frame.mean() / 4) - 1 for frame in frames]


def test_what_was_extracted_is_the_same_data_set(listing: Path, tmp_path: Path) -> None:
    before = read_source(options(listing))
    result = extracted(before, tmp_path / "out")
    assert (result.clips, result.frames) == (len(before.records), len(before.records) * FRAMES)
    assert result.lists == ("clips.csv", "classes.txt", "clips.txt")
    after = read_source(options(tmp_path / "out"))
    assert after.classes == before.classes == CLASSES
    for old, new in zip(before.records, after.records, strict=True):
        assert (new.name, new.labels, new.group, new.fps) == (old.name, old.labels, old.group, 12)
        assert new.medium == "frame_folder"
        info = MEDIA["frame_folder"].probe(new.path)
        assert (info.frames, info.height, info.width) == (FRAMES, HEIGHT, WIDTH)
        there = MEDIA["frame_folder"].read(new.path, range(FRAMES), size=None, info=info)
        wanted = np.stack(list(stream_frames(old.path)))
        light = [frames @ (0.299, 0.587, 0.114) for frames in (there, wanted)]
        assert np.abs(light[0] - light[1]).mean() < 2.0  # a noisy picture loses colour in 4:2:0
    seeded = [load_data(options(path, seed=3)) for path in (listing, tmp_path / "out")]
    drawn = [{r.name: name for name, part in data for r in part.records} for data in seeded]
    assert drawn[0] == drawn[1]
    first = [dict(data)["train"].clip(ClipKey(0)).streams["object"] for data in seeded]
    assert first[0].equal(first[1])


def test_the_plain_list_reads_back_with_the_same_labels(listing: Path, tmp_path: Path) -> None:
    before = read_source(options(listing))
    extracted(before, tmp_path / "out")
    lines = (tmp_path / "out" / "clips.txt").read_text().splitlines()
    assert lines[0].split()[1:] == [str(FRAMES), str(before.records[0].label)]
    after = read_source(options(tmp_path / "out" / "clips.txt"))
    assert after.classes == CLASSES
    assert [r.labels for r in after.records] == [r.labels for r in before.records]


@pytest.mark.parametrize("name", ["activitynet", "mini_kinetics", "something", "jester"])
def test_videos_of_a_published_list_become_the_folders_it_wants(name: str, tmp_path: Path) -> None:
    made = FORMATS[name](tmp_path, Maker())
    before = read(name, tmp_path, **made.options)
    assert before.frame_list is not None
    pattern = before.frame_list.pattern
    for record in before.records:
        shutil.rmtree(record.path)
        grey(record.path.with_name(f"{record.path.name}.mp4"), 5)
    videos = read(name, tmp_path, **made.options)
    result = extracted(videos, tmp_path / "out", FrameForm(pattern=pattern))
    assert result.lists[1:] == (
        before.frame_list.names[0],
        before.frame_list.train[0],
        before.frame_list.val[0],
    )
    after = read(name, tmp_path / "out")
    assert [(r.name, r.labels, r.split) for r in after.records] == [
        (r.name, r.labels, r.split) for r in before.records
    ]
    first = after.records[0]
    assert (first.medium, first.window) == ("frame_folder", Window(0, 5, "frames"))
    assert (first.path / (pattern % 1)).is_file()
    assert brightness(first.path) == [0, 1, 2, 3, 4]
    assert read_source(options(tmp_path / "out")).records[0].labels == first.labels


def test_frames_lie_where_the_lists_look_for_them(tmp_path: Path) -> None:
    """The lists of the publishers with frames that were extracted elsewhere."""
    FORMATS["jester"](tmp_path, Maker())
    before = read("jester", tmp_path)
    assert before.frame_list is not None
    for record in before.records:
        shutil.rmtree(record.path)
        grey(record.path.with_name(f"{record.path.name}.mp4"), 12)
    form = FrameForm(pattern=before.frame_list.pattern)
    extracted(read("jester", tmp_path), tmp_path / "out", form)
    shutil.rmtree(tmp_path / "20bn-jester-v1")
    after = read("jester", tmp_path, videos=tmp_path / "out" / "frames")
    assert [r.name for r in after.records] == [r.name for r in before.records]


def test_rates_windows_and_spans(tmp_path: Path) -> None:
    path = grey(tmp_path / "a video.mp4", 24)
    records = (
        Record("a video.mp4", path, (0, 1), "g", spans=(Span(1, 0.25, 0.5),)),
        Record("a video.mp4@1-2", path, (1,), window=Window(1.0, 2.0), spans=(Span(1, 1.25, 2),)),
        Record("b", path, (0,), window=Window(6, 9, "frames")),
    )
    source = Source("made", ("x", "y"), records, 0, multi_label=True)
    extracted(source, tmp_path / "all")
    places = ["a video", "a video.mp4@1-2", "b"]
    found = [brightness(tmp_path / "all" / "frames" / place) for place in places]
    assert found == [list(range(24)), list(range(12, 24)), [6, 7, 8]]
    again = read_source(options(tmp_path / "all"))
    assert [(r.window, r.labels) for r in again.records] == [(None, r.labels) for r in records]
    assert [r.spans for r in again.records] == [(Span(1, 0.25, 0.5),), (Span(1, 0.25, 1.0),), ()]
    assert len({r.group for r in again.records}) == 1  # of one video: never in two splits
    extracted(source, tmp_path / "slow", replace(FINE, fps=3.0))
    found = [brightness(tmp_path / "slow" / "frames" / place) for place in places]
    assert found == [[0, 4, 8, 12, 16, 20], [12, 16, 20], [6]]
    assert read_source(options(tmp_path / "slow")).records[0].fps == 3
    extracted(source, tmp_path / "quick", replace(FINE, fps=24.0))
    assert brightness(tmp_path / "quick" / "frames" / "b") == [6, 6, 7, 7, 8, 8]


@pytest.mark.parametrize(
    ("form", "size"),
    [
        (FrameForm(height=8), (8, 12)),
        (FrameForm(height=None, short_side=8), (8, 12)),
        (FrameForm(height=360), (16, 24)),
    ],
)
def test_sizes(form: FrameForm, size: tuple[int, int], tmp_path: Path) -> None:
    source = Source("made", ("x",), (Record("a", grey(tmp_path / "a.mp4", 3), (0,)),), 0)
    extracted(source, tmp_path / "out", form)
    info = MEDIA["frame_folder"].probe(tmp_path / "out" / "frames" / "a")
    assert (info.height, info.width) == size


class Killed(BaseException):
    pass


def few(tmp_path: Path) -> Source:
    records = tuple(Record(f"{n}", grey(tmp_path / f"{n}.mp4", 4), (0,)) for n in range(3))
    return Source("made", ("x",), records, 0)


@pytest.mark.parametrize("frame", range(1, 13))
def test_interrupted_at_any_frame_the_same_line_completes(
    frame: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = few(tmp_path)
    extracted(source, tmp_path / "whole")
    real: Callable[..., bytes] = writing_frames.encode_jpeg
    count = 0

    def encode(picture: Any, **settings: Any) -> bytes:
        nonlocal count
        count += 1
        if count == frame:
            raise Killed
        return real(picture, **settings)

    monkeypatch.setattr(writing_frames, "encode_jpeg", encode)
    # a killed process cleans nothing up
    with monkeypatch.context() as still:
        still.setattr(writing_frames.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            extracted(source, tmp_path / "out")
    finished = (frame - 1) // 4
    whole = [p for p in (tmp_path / "out" / "frames").glob("[0-9]") if p.is_dir()]
    assert len(whole) == finished
    assert not (tmp_path / "out" / "clips.csv").exists()
    assert extracted(source, tmp_path / "out").before == finished
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_another_line_is_refused_and_other_files_are_not_touched(tmp_path: Path) -> None:
    source = few(tmp_path)
    extracted(source, tmp_path / "out")
    with pytest.raises(SettingsError, match=r"extracted otherwise\n  quality: that line has 100"):
        extracted(source, tmp_path / "out", FrameForm(quality=50))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").touch()
    with pytest.raises(SettingsError, match=r"contains other files, such as a\.txt"):
        extracted(source, tmp_path / "mine")
    with pytest.raises(DataError, match="contains clips of the data set itself"):
        extracted(source, tmp_path)


def test_a_changed_video_and_a_damaged_folder_are_extracted_again(tmp_path: Path) -> None:
    source = few(tmp_path)
    extracted(source, tmp_path / "out")
    grey(tmp_path / "1.mp4", 6)
    (tmp_path / "out" / "frames" / "2" / "img_00003.jpg").unlink()
    assert extracted(source, tmp_path / "out").before == 1
    assert brightness(tmp_path / "out" / "frames" / "1") == list(range(6))
    assert brightness(tmp_path / "out" / "frames" / "2") == list(range(4))


def test_unreadable_videos_are_listed_and_tried_again(tmp_path: Path) -> None:
    source = few(tmp_path)
    sound = (tmp_path / "1.mp4").read_bytes()
    (tmp_path / "1.mp4").write_bytes(b"no video")
    with pytest.raises(Failure, match=r"1 of 3 clips unreadable(?s:.)*raise --bad-share"):
        extracted(source, tmp_path / "out")
    listed = tmp_path / "out" / "quarantine.csv"
    assert listed.read_text().splitlines()[1].startswith(f"1,{tmp_path / '1.mp4'},")
    result = extracted(source, tmp_path / "out", bad_share=0.5)
    assert (result.clips, list(result.unreadable)) == (2, ["1"])
    assert [r.name for r in read_source(options(tmp_path / "out")).records] == ["0", "2"]
    assert not (tmp_path / "out" / "frames" / "1").exists()
    (tmp_path / "1.mp4").write_bytes(sound)
    assert extracted(source, tmp_path / "out").before == 2
    assert not listed.exists()


def test_stores_are_extracted_and_two_names_never_share_a_folder(
    packed: Path, tmp_path: Path
) -> None:
    source = read_source(options(packed))
    assert source.records[0].path.name == STORE
    assert extracted(source, tmp_path / "out").frames == len(source.records) * FRAMES
    path = grey(tmp_path / "a.mp4", 3)
    records = tuple(Record(name, path, (0,)) for name in ("a.mp4", "a", "A", "../a"))
    extracted(Source("made", ("x",), records, 0), tmp_path / "names")
    folders = [p.parent for p in (tmp_path / "names").rglob("img_00001.jpg")]
    assert len({str(p).lower() for p in folders}) == 4
    assert all(tmp_path / "names" / "frames" in p.parents for p in folders)


def test_one_of_several_labels_is_drawn_evenly_and_evaluations_draw_nothing(tmp_path: Path) -> None:
    source = few(tmp_path)
    several = ((0, 1), (2,), (2, 1, 0))
    records = tuple(replace(r, labels=own) for r, own in zip(source.records, several, strict=True))
    dataset = ClipDataset.of(
        records,
        options("x", frames=1, size=4, short_side=4),
        object_classes=0,
        num_classes=3,
        remember=True,
    )
    visits = 600
    for index, labels in enumerate(several):
        seen = [
            dataset.clip(ClipKey(index, epoch=epoch, augment=True)).label for epoch in range(visits)
        ]
        for label in labels:
            share = 1 / len(labels)
            spread = (visits * share * (1 - share)) ** 0.5
            assert abs(seen.count(label) - visits * share) <= 3 * spread
        judged = {dataset.clip(ClipKey(index, seed=seed)).label for seed in range(5)}
        assert judged == {labels[0]}


def test_no_folder_of_frames_is_inside_another(tmp_path: Path) -> None:
    path = grey(tmp_path / "a.mp4", 3)
    names = ("a/b.mp4", "a.mp4", "A/B/c.mp4", "d.mp4")
    source = Source("made", ("x",), tuple(Record(name, path, (0,)) for name in names), 0)
    assert extracted(source, tmp_path / "out").frames == 12
    folders = {p.parent for p in (tmp_path / "out").rglob("img_00003.jpg")}
    assert len(folders) == 4
    inside = [a for a in folders for b in folders if f"{b}/".lower() in str(a).lower()]
    assert not inside
    assert tmp_path / "out" / "frames" / "d" in folders, "others keep their names"
