"""Toyota Smarthome (trimmed): the names of the videos say everything, the protocol the split.

``Cutbread_p02_r00_v02_c03.mp4`` is activity, person, recording, view and camera. Protocol cs
trains on the clips of eleven persons and tests on those of seven others, with 31 classes; cv1 and
cv2 train on one camera or five, select on camera 5 and test on camera 2, with 19 classes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from connsearch.data.options import DataOptions
from connsearch.data.records import Source, Split, listed
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.published import (
    PublishedRow,
    choose_protocol,
    list_folder,
    published_source,
    shelves,
)
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError
from connsearch.registry import suggest

PROTOCOLS = ("cs", "cv1", "cv2")
VIEW_CLASSES: Sequence[str] = (
    "Cutbread Drink.Frombottle Drink.Fromcan Drink.Fromcup Drink.Fromglass Eat.Attable Eat.Snack "
    "Enter Getup Leave Pour.Frombottle Pour.Fromcan Readbook Sitdown Takepills Uselaptop "
    "Usetablet Usetelephone Walk"
).split()
CLASSES: Sequence[str] = sorted(
    [
        *VIEW_CLASSES,
        *"Cook.Cleandishes Cook.Cleanup Cook.Cut Cook.Stir Cook.Usestove Laydown".split(),
        *"Makecoffee.Pourgrains Makecoffee.Pourwater Maketea.Boilwater".split(),
        *"Maketea.Insertteabag Pour.Fromkettle WatchTV".split(),
    ]
)
TRAIN_PERSONS = frozenset((3, 4, 6, 7, 9, 12, 13, 15, 17, 19, 25))
TEST_PERSONS = frozenset((2, 10, 11, 14, 16, 18, 20))
TRAIN_CAMERAS = {"cv1": frozenset((1,)), "cv2": frozenset((1, 3, 4, 6, 7))}
SELECT_CAMERA, TEST_CAMERA = 5, 2
_NAME = re.compile(r"^(?P<activity>[A-Za-z.]+)_p(?P<person>\d+)_r\d+_[a-z]?\d+_c(?P<camera>\d+)$")


@dataset("smarthome", "protocol", "videos")
def read_smarthome(rest: str, options: DataOptions) -> Source:
    """Returns Toyota Smarthome by one of its protocols; cs where none is asked for.

    Raises:
        DataError: no videos, or names that do not have the official form; all are named.
    """
    path = list_folder(rest)
    protocol = choose_protocol("smarthome", options.source, PROTOCOLS)
    classes = CLASSES if protocol == "cs" else VIEW_CLASSES
    where = shelves(path, options.source, "mp4", "videos")
    root = where.places[0]
    videos = [p for p in sorted(root.rglob("*")) if p.suffix.lower() in VIDEO_SUFFIXES]
    stems = {video.stem: video for video in reversed(videos)}  # of several the first
    if not stems:
        raise DataError(
            f"{root}: no videos; expected names like Cutbread_p02_r00_v02_c03.mp4\n"
            "  cure: name the folder of the videos with --videos"
        )
    rows: list[PublishedRow] = []
    out: Counter[str] = Counter()
    wrong: list[str] = []
    for stem in sorted(stems):
        found = _NAME.match(stem)
        fault = _fault(found)
        if found is None or fault:
            wrong.append(f"{stems[stem].name}: {fault}")
            continue
        reason, row = _row(found, protocol, stems[stem].parent.relative_to(root))
        if row is None:
            out[reason] += 1
        else:
            rows.append(row)
    if wrong:
        raise DataError(f"{root}: videos that do not belong to smarthome\n{listed(wrong)}")
    notes = [f"smarthome: protocol {protocol}"]
    notes += [f"smarthome: {count} videos left out ({reason})" for reason, count in out.items()]
    if len(stems) < len(videos):
        again = len(videos) - len(stems)
        notes.append(f"smarthome: {again} videos have the name of another one and are left out")
    return published_source("smarthome", path, classes, rows, where, notes=notes)


def _fault(found: re.Match[str] | None) -> str:
    """Returns what is wrong with a name; nothing where it is in order."""
    if found is None:
        return "expected ACTIVITY_pNN_rNN_vNN_cNN"
    if found["activity"] not in CLASSES:
        return suggest("activity", found["activity"], list(CLASSES))
    if int(found["person"]) not in TRAIN_PERSONS | TEST_PERSONS:
        known = ", ".join(f"p{n:02d}" for n in sorted(TRAIN_PERSONS | TEST_PERSONS))
        return f"no person p{found['person']}; known: {known}"
    return ""


def _row(found: re.Match[str], protocol: str, folder: Path) -> tuple[str, PublishedRow | None]:
    """Returns the row of a video, or why the protocol does without it."""
    activity, person, camera = found["activity"], int(found["person"]), int(found["camera"])
    classes = CLASSES if protocol == "cs" else VIEW_CLASSES
    if activity not in classes:
        return f"classes that {protocol} does not have", None
    split: Split
    if protocol == "cs":
        split = "train" if person in TRAIN_PERSONS else "test"
    elif camera in TRAIN_CAMERAS[protocol]:
        split = "train"
    elif camera in (SELECT_CAMERA, TEST_CAMERA):
        split = "val" if camera == SELECT_CAMERA else "test"
    else:
        return f"cameras that {protocol} does not use", None
    group = f"p{person:02d}" if protocol == "cs" else ""
    label = classes.index(activity)
    return "", PublishedRow(found[0], (label,), split, (str(folder),), (found[0],), group)
