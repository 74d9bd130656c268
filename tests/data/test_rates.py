"""Seconds of media that do not say a rate: taken from a list or an option, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading import first_look
from connsearch.data.loading.load import load_data
from connsearch.data.media.decode import write_video
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import STORE
from connsearch.data.records import Record, Window
from connsearch.data.sources.datasets import DATASETS
from connsearch.data.sources.source import read_source
from connsearch.data.tools.pack import PackResult, pack
from connsearch.data.tools.pack_store import PackJob, pack_store
from connsearch.data.tools.summary import describe
from connsearch.errors import DataError
from connsearch.settings import nesting
from connsearch.settings.differences import differences, plain
from tests.data.datasets.formats import Maker, charades, jester, something
from tests.data.helpers import options
from tests.data.media.helpers import flat, png_folder, store

FRAMES = 40
ALL = {"val_share": 0.0, "test_share": 0.0, "frames": 4}


def folders(path: Path, count: int = 2, *, every: int = 1) -> Path:
    """Folders of 40 frames, or of every so manyth of them, by their numbers from 1."""
    for clip in range(count):
        folder = png_folder(path / f"v{clip}", flat(FRAMES))
        for number in reversed(range(FRAMES)):
            frame = folder / f"{number}.png"
            if number % every:
                frame.unlink()
            else:
                frame.rename(folder / f"{number + 1}.png")
    return path


def listing(path: Path, *more: str, columns: str = "", end: str = "") -> Path:
    """A list of two such clips: a is seen in the first second of ten frames, b in the fourth."""
    rows = [f"path,labels,spans{columns}"]
    rows += [f"v{n},a|b,a 0 0.95|b 3 4{more[n] if more else ''}" for n in range(2)]
    (path / "clips.csv").write_text("\n".join(rows) + end + "\n")
    return path / "clips.csv"


def labels_seen(data: ClipDataset) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """Returns frame numbers -> labels of the training clips of some epochs."""
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for epoch in range(12):
        key = ClipKey(0, epoch=epoch, augment=True)
        numbers = tuple(number for number, _ in data.moments(key))
        found.setdefault(numbers, []).append(data.clip(key).labels)
    return found


def right(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the classes of a clip whose frames are shown ten a second."""
    first, last = numbers[0] / 10, numbers[-1] / 10
    return tuple(n for n, (a, b) in enumerate(((0, 0.95), (3, 4))) if a <= last and b >= first)


@pytest.mark.parametrize(("said", "asked"), [("", {"media_fps": 10.0}), (",10", {})])
def test_clips_have_the_classes_of_their_own_seconds(
    tmp_path: Path, said: str, asked: dict[str, float]
) -> None:
    path = listing(folders(tmp_path), said, said, columns=",fps" if said else "")
    data = load_data(options(path, clip_labels="clip", **ALL, **asked))
    seen = labels_seen(data.train)
    assert all(labels == right(n) for n, several in seen.items() for labels in several)
    assert {labels for several in seen.values() for labels in several} == {(0,), (1,), ()}


def test_without_a_rate_seconds_are_refused_before_any_work(tmp_path: Path) -> None:
    path = listing(folders(tmp_path))
    words = r"(?s)2 of 2 videos unusable.*v0: its classes are given in seconds.*--media-fps or in a"
    with pytest.raises(DataError, match=words):
        load_data(options(path, clip_labels="clip", **ALL))
    load_data(options(path, **ALL))  # classes of the whole video need no clock
    late = load_data(options(path, clip_labels="clip", check_files=False, **ALL))
    with pytest.raises(DataError, match="v0: its classes are given in seconds"):
        late.train.clip(ClipKey(0, augment=True))
    with pytest.raises(DataError, match=r"has no frame rate.*--media-fps or in a column fps"):
        load_data(options(path, fps=5.0, **ALL))
    (tmp_path / "w.csv").write_text("path,label,start,end\nv0,a,1,2\nv1,b,2,3\n")
    with pytest.raises(DataError, match=r"has no frame rate.*--media-fps"):
        load_data(options(tmp_path / "w.csv", **ALL))
    found = load_data(options(tmp_path / "w.csv", media_fps=10.0, **ALL))
    assert [n for n, _ in found.train.moments(ClipKey(0))] == [13, 14, 15, 16]


def test_a_sample_of_frames_has_its_share_of_the_rate(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("path,label,start,end\n")
    rows = "path,label,start,end\nv0,a,1,3\nv1,b,1,3\n"
    path = folders(tmp_path, every=5) / "w.csv"
    path.write_text(rows)
    data = load_data(options(path, media_fps=10.0, **ALL))
    assert data.train.moments(ClipKey(0)) == [(n, n / 2) for n in (2, 3, 4, 5)]
    note = "2 folder(s) contain one frame in 5 of a video, by the numbers in their names: used as"
    assert any(note in said and "at 2 frames per second" in said for said in data.notes)


def test_what_a_medium_says_itself_comes_first_and_may_not_be_contradicted(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", flat(20), fps=10)
    store(tmp_path / "b", flat(20), fps=10.0)
    store(tmp_path / "c", flat(20))
    store(tmp_path / "d", flat(20))
    path = tmp_path / "clips.csv"
    said = "path,label,fps\na.mp4,x,10\nb/frames.db,y,9.99\nc/frames.db,y,5\n"
    path.write_text(said)
    words = r"(?s)without effect.*--media-fps 50.*tell their rate.*cure: omit it"
    with pytest.raises(DataError, match=words):
        load_data(options(path, media_fps=50.0, **ALL))
    path.write_text(said + "d/frames.db,y,\n")
    data = load_data(options(path, media_fps=50.0, **ALL))
    rates = [record.info.fps for record in data.train.records if record.info]
    assert rates == [10.0, 10.0, 5.0, 50.0]
    path.write_text("path,label,fps\na.mp4,x,25\nb/frames.db,y,\nc/frames.db,y,\n")
    asked = options(path, media_fps=50.0, bad_share=0.5, **ALL)
    data = load_data(asked)
    assert data.train.unusable == {
        0: "a.mp4: the column fps gives 25 frames per second, the file 10; cure: correct the "
        "column, or leave it empty for files that tell their rate"
    }
    assert [record.info.fps for record in data.train.records if record.info] == [10.0, 50.0]
    late = load_data(asked.with_values(check_files=False)).train
    assert [late.info(1).fps, late.info(2).fps] == [10.0, 50.0]
    with pytest.raises(DataError, match=r"a.mp4: the column fps gives 25.*the file 10.*cure:"):
        late.clip(ClipKey(0))


@pytest.mark.parametrize("word", ["0", "-3", "nan", "inf", "25 fps", "30/0", "1e9", "1/2/3"])
def test_a_column_that_is_no_rate_is_refused_by_line(tmp_path: Path, word: str) -> None:
    path = listing(folders(tmp_path), ",30000/1001", f",{word}", columns=",fps")
    with pytest.raises(
        DataError, match=r"line 3: fps .*; allowed: frames per second, 0.001 to 1e+"
    ):
        read_source(options(path))


def test_a_rate_of_the_list_is_part_of_what_the_data_is(tmp_path: Path) -> None:
    folders(tmp_path)
    prints = [
        load_data(options(listing(tmp_path, said, said, columns=",fps"), **ALL)).fingerprint
        for said in (",", ",10", ",12")
    ]
    assert len(set(prints)) == 3
    assert load_data(options(listing(tmp_path), **ALL)).fingerprint == prints[0]


def test_a_packed_folder_keeps_its_rate(tmp_path: Path) -> None:
    path = listing(folders(tmp_path, every=2), ",", ",20", columns=",fps")
    source = read_source(options(path, media_fps=10.0))
    assert isinstance(list(pack(source, tmp_path / "out"))[-1], PackResult)
    stores = sorted((tmp_path / "out").rglob(STORE))
    assert [MEDIA["frames_db"].probe(s).fps for s in stores] == [5.0, 10.0]
    first = source.records[0]
    job = PackJob(first.name, first.path, first.medium, None, stores[0].parent, 360, 90)
    assert pack_store(replace(job, media_fps=10.0)).before
    assert not pack_store(replace(job, media_fps=30.0)).before  # one rate is another
    assert MEDIA["frames_db"].probe(stores[0]).fps == 15.0


def test_figures_are_in_seconds_where_a_rate_is_given(tmp_path: Path) -> None:
    path = listing(folders(tmp_path))
    without, given = (
        describe(load_data(options(path, media_fps=rate, **ALL))) for rate in (None, 8.0)
    )
    assert (without.unclocked, without.splits["train"].seconds) == (2, None)
    assert (given.unclocked, given.rates) == (0, {"8": 2})
    assert given.splits["train"].seconds is not None
    assert given.splits["train"].seconds.middle == 5.0


def test_published_frames_have_the_rate_they_were_published_at(tmp_path: Path) -> None:
    for name, maker, version, rate in (
        ("something", something, "v1", 12.0),
        ("something", something, "v2", None),
        ("jester", jester, None, 12.0),
    ):
        place = tmp_path / f"{name}-{version}"
        place.mkdir()
        tiny = maker(place, Maker())
        if version == "v1":  # the frames of both versions have the same place in `frames`
            (place / "v2").rename(place / "v1")
            (place / "v1" / "20bn-something-something-v2-frames").rename(place / "v1" / "frames")
        asked = options(f"{name}:{tiny.rest}", protocol=version, check_files=False, **tiny.options)
        source = read_source(asked)
        assert {record.media_fps for record in source.records} == {rate}
        given = read_source(asked.with_values(media_fps=30.0))
        assert {record.media_fps for record in given.records} == {30.0}


def test_charades_is_read_from_its_official_frames(tmp_path: Path) -> None:
    tiny = charades(tmp_path, Maker())
    videos = tmp_path / "Charades_v1_480"
    names = sorted(file.stem for file in videos.iterdir())
    for name in names:
        folder = tmp_path / "Charades_v1_rgb" / name
        folder.parent.mkdir(exist_ok=True)
        png_folder(folder, flat(16))
        for number in range(16):
            (folder / f"{number}.png").rename(folder / f"{name}-{number + 1:06d}.png")
    both = DATASETS["charades"](tiny.rest, options("x"))
    assert {record.medium for record in both.records} == {"video"}
    for file in videos.iterdir():
        file.unlink()
    asked = options(f"charades:{tiny.rest}", clip_labels="clip", val_share=0.0, frames=2)
    data = load_data(asked)
    first = data.train.records[0]
    assert (first.medium, first.path.name) == ("frame_folder", first.name)
    assert {record.info.fps for record in data.train.records if record.info} == {24.0}
    # c000 is seen to 0.4 s, c001 from 0.2 s to 1 s: at 24 a second to frame 9, from frame 4 on
    clip = replace(first, window=Window(12, 16, "frames"))
    late = ClipDataset.of((clip,), data.options, object_classes=0, num_classes=157)
    assert late.clip(ClipKey(0, augment=True)).labels == (1,)
    early = replace(first, window=Window(0, 3, "frames"))
    soon = ClipDataset.of((early,), data.options, object_classes=0, num_classes=157)
    assert soon.clip(ClipKey(0, augment=True)).labels == (0,)


def test_runs_from_before_there_was_a_rate_go_on() -> None:
    now, other = options("x").model_dump(), options("x", media_fps=5.0).model_dump()
    before = {key: value for key, value in nesting.flat(options("x")).items() if key != "media_fps"}
    assert differences({"data": before}, {"data": plain(now)}) == {}
    assert differences({"data": before}, {"data": plain(other)}) == {
        "data.media_fps": ("not set", 5.0)
    }


def test_a_record_of_a_video_without_a_clock_takes_a_rate(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(20))
    record = Record("v", path, (0,), medium="frames_db", window=Window(1.0, 2.0), media_fps=10.0)
    data = ClipDataset.of((record,), options("x", frames=4), object_classes=0)
    assert [n for n, _ in data.moments(ClipKey(0))] == [13, 14, 15, 16]


def test_what_is_remembered_of_a_file_is_its_own_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "MANY", 1)  # so that infos are kept from run to run
    for name in "ab":
        store(tmp_path / name, flat(20))
    path = tmp_path / "clips.csv"
    path.write_text("path,label\na/frames.db,x\nb/frames.db,y\n")
    found = [
        {
            record.info.fps
            for record in load_data(
                options(path, media_fps=rate, cache=tmp_path / "cache", **ALL)
            ).train.records
            if record.info
        }
        for rate in (10.0, None, 25.0)
    ]
    assert (tmp_path / "cache" / "infos.sqlite").is_file()
    assert found == [{10.0}, {0.0}, {25.0}]
