"""Tiny data sets in the official formats: full lists of classes, a few videos of two of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connsearch.data.records import Source
from connsearch.data.sources.datasets import DATASETS, EXAMPLES
from connsearch.data.sources.datasets.smarthome import CLASSES as SMARTHOME
from connsearch.errors import DataError
from tests.data.helpers import options
from tests.data.media.helpers import legacy_store

Video = Callable[[Path], None]
"""Makes one video file; its folder is there."""

Frames = Callable[[Path, str, int], None]
"""Makes a folder of so many images of that pattern, numbered from 1."""

TRAIN, TEST = 4, 1
"""Clips of each of two classes."""

FRAMES = 12


@dataclass(frozen=True)
class Tiny:
    """One tiny data set.

    Attributes:
        rest: what stands after the name of the data set.
        options: what else is needed to read it.
    """

    rest: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Maker:
    """How the videos of a tiny data set are made: empty files by default."""

    video: Video = Path.touch
    frames: Frames = lambda folder, pattern, count: touch_frames(folder, pattern, count)

    def put(self, path: Path) -> None:
        """Makes a video, and its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.video(path)

    def put_frames(self, folder: Path, pattern: str) -> None:
        """Makes a folder of frames."""
        folder.mkdir(parents=True, exist_ok=True)
        self.frames(folder, pattern, FRAMES)


def touch_frames(folder: Path, pattern: str, count: int) -> None:
    """Makes empty images."""
    for number in range(1, count + 1):
        (folder / (pattern % number)).touch()


def edit(path: Path, old: str, new: str) -> None:
    """Replaces a text that stands in a file."""
    text = path.read_bytes().decode()
    assert old in text, f"{old!r} is not in {path}"
    path.write_bytes(text.replace(old, new, 1).encode())


def write(path: Path, lines: list[str], end: str = "\n") -> None:
    """Writes a text file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}{end}" for line in lines), encoding="utf-8", newline="")


def names(count: int) -> list[str]:
    """Returns that many class names."""
    return [f"Class{number:03d}" for number in range(count)]


def ucf101(path: Path, make: Maker) -> Tiny:
    classes = names(101)
    write(path / "classInd.txt", [f"{n} {name}" for n, name in enumerate(classes, 1)], "\r\n")
    train, test = [], []
    for n, name in enumerate(classes[:2], 1):
        files = [f"{name}/v_{name}_g{g:02d}_c01.avi" for g in range(1, TRAIN + TEST + 1)]
        train += [f"{file} {n}" for file in files[TEST:]]
        test += files[:TEST]
        for file in files:
            make.put(path / "UCF-101" / file)
    write(path / "trainlist01.txt", train, "\r\n")
    write(path / "testlist01.txt", test)
    return Tiny(str(path))


def hmdb51(path: Path, make: Maker) -> Tiny:
    classes = [f"{'do' if n % 2 else 'un_do'}_{n:02d}" for n in range(50)]
    for n, name in enumerate([*classes, "do_01_st"]):
        lines = ["Old_Movie_other_f_cm_np1_ba_bad_9.avi 0 "]
        for clip in range(TRAIN + TEST if n < 2 else 0):
            file = f"Movie_{clip}_{name}_u_nm_np1_ba_goo_0.avi"
            lines.append(f"{file} {2 if clip < TEST else 1} ")
            make.put(path / "videos" / name / file)
        write(path / "testTrainMulti_7030_splits" / f"{name}_test_split2.txt", lines)
    return Tiny(str(path), {"protocol": "2"})


def kinetics(path: Path, make: Maker) -> Tiny:
    classes = [f"riding a {name}" for name in names(400)]
    for word, clips in (("train", TRAIN), ("val", TEST)):
        lines = ["label,youtube_id,time_start,time_end,split,is_cc"]
        for c, name in enumerate(classes):
            for n in range(clips):
                clip = f"{word}-{c}_{n}"
                lines.append(f"{name},{clip},{n},{n + 10},{word},0")
                if c < 2:
                    file = f"{clip}_{n:06d}_{n + 10:06d}.mp4"
                    make.put(path / word / name.replace(" ", "_") / file)
        write(path / f"{word}.csv", lines)
    write(path / "test.csv", ["youtube_id,time_start,time_end,split", "x,0,10,test"])
    return Tiny(str(path))


def moments(path: Path, make: Maker) -> Tiny:
    classes = [f"{name}+ing" for name in names(339)]
    write(path / "moments_categories.txt", [f"{name},{n}" for n, name in enumerate(classes)])
    for folder, clips in (("training", TRAIN), ("validation", TEST)):
        lines: list[str] = []
        for name in classes[:2]:
            for n in range(clips):
                file = f"{name}/yt-{folder}.{n}_1.mp4"
                lines.append(f"{file},{name},{n},0")
                make.put(path / folder / file)
        write(path / f"{folder}Set.csv", lines)
    return Tiny(str(path))


def hacs(path: Path, make: Maker) -> Tiny:
    lines = ["classname,youtube_id,subset,start,end,label"]
    for c, name in enumerate(f"Do {name}" for name in names(200)):
        lines.append(f"{name},train{c}_0,training,20.5,22.5,-1")
        for word, subset, clips in (("train", "training", TRAIN), ("val", "validation", TEST)):
            for n in range(clips):
                lines.append(f"{name},{word}{c}_{n},{subset},0.0,0.5,1")
                if c < 2:
                    make.put(path / "videos" / name / f"v_{word}{c}_{n}.mp4")
    lines.append("Do Class000,hidden,testing,0.0,2.0,")
    write(path / "HACS_v1.1.1" / "HACS_clips_v1.1.1.csv", lines)
    return Tiny(str(path))


def diving48(path: Path, make: Maker) -> Tiny:
    vocabulary = [["Back", "15som", f"{n}Twis", "FREE"] for n in range(48)]
    (path / "Diving48_vocab.json").write_text(json.dumps(vocabulary))
    for word, clips in (("train", TRAIN), ("test", TEST)):
        entries: list[dict[str, Any]] = []
        for label in (0, 1):
            for n in range(clips):
                name = f"-{word}_{n}_{label:05d}"
                frames = {"start_frame": 0, "end_frame": FRAMES}
                entries.append({"vid_name": name, "label": label, **frames})
                make.put(path / "rgb" / f"{name}.mp4")
                make.put(path / "rgb" / f"{name}.avi")  # found twice: always the same one is taken
        (path / f"Diving48_V2_{word}.json").write_text(json.dumps(entries))
    return Tiny(str(path))


def charades(path: Path, make: Maker) -> Tiny:
    classes = [f"c{n:03d} Holding {n} clothes" for n in range(157)]
    write(path / "Charades_v1_classes.txt", classes)
    columns = "id,subject,scene,quality,relevance,verified,script,objects,descriptions"
    for word, clips in (("train", TRAIN), ("test", TEST)):
        lines = [f"{columns},actions,length"]
        for n in range(2 * clips):
            name, actions = f"{word[:2].upper()}{n:03d}", "c000 0.00 0.40;c001 0.20 1.00"
            actions = "" if n == 3 else actions
            text = 'Hallway,6,7,Yes,"A, b.",a;b,"One; two, three."'
            lines.append(f"{name},{word[0]}{n // 2},{text},{actions},1.00")
            make.put(path / "Charades_v1_480" / f"{name}.mp4")
        write(path / f"Charades_v1_{word}.csv", lines)
    return Tiny(str(path))


def smarthome(path: Path, make: Maker) -> Tiny:
    for activity in (SMARTHOME[5], SMARTHOME[6]):
        for person in (3, 4, 6, 7, 2):
            make.put(path / "mp4" / f"{activity}_p{person:02d}_r00_v02_c01.mp4")
    return Tiny(str(path))


def _frame_list(
    path: Path, make: Maker, lists: tuple[str, str, str], place: str, pattern: str, count: int
) -> Tiny:
    """Writes lists of folders; those of ``.split.txt`` are separated by commas."""
    write(path / lists[0], [f"{n} Doing something" for n in range(count)])
    for file, clips in zip(lists[1:], (TRAIN, TEST), strict=True):
        mark = "," if "split" in file else " "
        lines = [mark.join((f"some/too short {file}", "2", "0"))]
        for label in (0, 1):
            for n in range(clips):
                name = f"{file[:8]}/a video {label}{n}"
                lines.append(mark.join((name, str(FRAMES), str(label))))
                make.put_frames(path / place / name, pattern)
        write(path / file, lines, "\r\n")
    return Tiny(str(path))


def activitynet(path: Path, make: Maker) -> Tiny:
    lists = ("classInd.txt", "actnet_train_split.txt", "actnet_val_split.txt")
    return _frame_list(path, make, lists, "frames", "image_%05d.jpg", 200)


def fcvid(path: Path, make: Maker) -> Tiny:
    lists = ("classInd.txt", "fcvid_train_split.txt", "fcvid_val_split.txt")
    return _frame_list(path, make, lists, "frames", "image_%05d.jpg", 239)


def mini_kinetics(path: Path, make: Maker) -> Tiny:
    lists = ("minik_classInd.txt", "mini_train_videofolder.txt", "mini_val_videofolder.txt")
    return _frame_list(path, make, lists, "frames", "img_%05d.jpg", 200)


TSM = ("category.txt", "train_videofolder.txt", "val_videofolder.txt")


def something(path: Path, make: Maker) -> Tiny:
    _frame_list(path / "v2", make, TSM, "20bn-something-something-v2-frames", "%06d.jpg", 174)
    return Tiny(str(path))


def jester(path: Path, make: Maker) -> Tiny:
    return _frame_list(path, make, TSM, "20bn-jester-v1", "%05d.jpg", 27)


def frames(path: Path, make: Maker) -> Tiny:
    lines = []
    for label in (0, 1):
        for n in range(2 * TRAIN):
            lines.append(f"clips/{label}-{n} 1 {FRAMES} {label}")
            make.put_frames(path / "clips" / f"{label}-{n}", "img_%05d.jpg")
    write(path / "annotations.txt", lines)
    return Tiny(str(path))


def frames_db(path: Path, make: Maker) -> Tiny:
    for word, clips in (("train", TRAIN), ("test", TEST)):
        lines = ["label,id"]
        for label in ("walk", "fall"):
            for n in range(clips):
                lines.append(f"{label},{word}{n}")
                make.put(path / "data" / "tiny_videos" / "jpg" / label / f"{word}{n}" / "frames.db")
        write(path / "labels" / f"tiny_{word}.csv", lines)
    return Tiny(str(path / "data" / "tiny_videos"))


SRTG_LISTS = (
    *(f"kinetics-{count}" for count in (200, 400, 600, 700)),
    "HACS_clips_v1.1",
    "Moments_in_Time",
    "ucf101_split1",
    "hmdb_split1",
    "diving48",
)
"""What the lists of SRTG's data are called, without ``_train.csv`` and ``_val.csv``."""

SRTG_TIMED = ("kinetics-", "HACS_")
"""How the names of those begin whose clips are parts of videos."""


def srtg_data(root: Path) -> Path:
    """Returns the folder of a few videos as SRTG's code has them: every list names the same."""
    clips = {"train": ("a", "b", "c", "d"), "val": ("v",)}
    labels, videos = ("walk", "jump rope"), root / "data" / "Clips_videos"
    for name, (split, letters) in product(SRTG_LISTS, clips.items()):
        timed = name.startswith(SRTG_TIMED)
        lines = ["label,youtube_id,time_start,time_end,split" if timed else "label,id,split"]
        times = ",1,11" if timed else "_000001_000011"
        for label, letter in product(labels, letters):
            lines.append(f"{label},{letter}{label[0]}{times},{split}")
        write(root / "labels" / f"{name}_{split}.csv", lines)
    for label, letter in product(labels, "abcdv"):
        frames = np.random.default_rng(0).integers(0, 255, (12, 36, 48, 3), dtype=np.uint8)
        store = videos / "jpg" / label / f"{letter}{label[0]}_000001_000011"
        legacy_store(store, frames, columns=3, count=True)
    return videos


def folder(path: Path, make: Maker) -> Tiny:
    for name in ("walk", "fall"):
        for n in range(2 * TRAIN):
            make.put(path / name / f"{n}.mp4")
    return Tiny(str(path))


def path_list(path: Path, make: Maker) -> Tiny:
    lines = [f"my clips/{n}.mp4 {n % 2}" for n in range(4 * TRAIN)]
    for n in range(4 * TRAIN):
        make.put(path / "my clips" / f"{n}.mp4")
    write(path / "train.txt", lines)
    return Tiny(str(path / "train.txt"))


def synthetic(path: Path, make: Maker) -> Tiny:
    few = {"train_clips": 1, "val_clips": 1, "test_clips": 1}
    return Tiny("appearance", {"cache": path, **few})


FORMATS: dict[str, Callable[[Path, Maker], Tiny]] = {
    made.__name__: made
    for made in (
        *(ucf101, hmdb51, kinetics, moments, hacs, diving48, charades, smarthome),
        *(
            activitynet,
            fcvid,
            mini_kinetics,
            something,
            jester,
            frames,
            frames_db,
            folder,
            synthetic,
        ),
    )
} | {"list": path_list}


def _example(name: str) -> Callable[[Path, Maker], Tiny]:
    """Returns the maker of what a reader shows as its example."""

    def made(path: Path, make: Maker) -> Tiny:
        for place, text in EXAMPLES[name].items():
            if text:
                write(path / place, text.splitlines())
            elif place != ".":
                make.put(path / place)
        return Tiny(str(path / next(iter(EXAMPLES[name]))))

    return made


FORMATS |= {name: _example(name) for name in DATASETS if name in EXAMPLES}


def read(name: str, path: Path, **changes: Any) -> Source:
    """Returns the data set of that name in a folder."""
    return DATASETS[name](str(path), options(f"{name}:{path}", **changes))


def make(name: str, path: Path, **changes: Any) -> Source:
    """Makes the tiny data set of that name, with empty videos, and reads it."""
    made = FORMATS[name](path, Maker())
    return read(name, path, **{**made.options, **changes})


def refused(name: str, path: Path, **changes: Any) -> str:
    """Returns with which words a data set is refused."""
    with pytest.raises(DataError) as caught:
        read(name, path, **changes)
    return str(caught.value)
