"""Thermal recordings as object maps: a third stream for clips of the FIR-Image-Action data set.

    python examples/thermal_maps.py CLIPS.csv THERMAL OUT [RECORDING]
    connsearch data show --data OUT/clips.csv --no-keep-aspect --frames 16 --stride 2

THERMAL holds one array a recording, (rows, 24, 32) in degrees C, named after its video; CLIPS.csv
has the columns source_video and source_start (first frame of the clip in that video). Row r of an
array was taken at video frame 3.08 * r. What was measured on the seven recordings there are, by
where the picture changes and where it is warmer than usual: the thermal picture is neither mirrored
nor turned; it is wider, so that the video shows its columns 4 to 28 and rows 5 to 23 (correlation
0.22-0.44 as it is, 0.31-0.60 cut out); and it is about two rows late.

Each pixel gets one of four classes: how much warmer it is than usual for that pixel (the median of
the recording, which takes out the sensor's pattern). OUT gets one npz a clip and a clips.csv with
an object column. RECORDING: clips of this recording only.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

FRAMES_A_ROW = 3.08
LATE = 2
"""Rows by which the thermal picture is late."""
SEEN = slice(5, 23), slice(4, 28)
"""The rows and columns of a thermal picture that the video shows."""
STEPS = (0.8, 1.4, 2.2)
"""Degrees above the usual at which the classes 1, 2 and 3 begin."""
COLUMNS = ("path", "label", "group", "split", "object")


def warmth(recording: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Returns the classes (rows, 18, 24) of a recording, as far as the video shows it."""
    seen = recording[:, *SEEN].astype(np.float32)
    return np.digitize(seen - np.median(seen, axis=0), STEPS).astype(np.uint8)


def rows_of(start: int, frames: int, rows: int) -> npt.NDArray[np.intp]:
    """Returns the row of the thermal recording at each frame of a clip."""
    numbers = np.round((start + np.arange(frames)) / FRAMES_A_ROW).astype(np.intp) + LATE
    return np.minimum(numbers, rows - 1)


def main(listing: str, folder: str, out: str, recording: str = "") -> int:
    source, target = Path(listing), Path(out)
    if not source.is_file() or not Path(folder).is_dir():
        print(f"skipped: there is no {listing} or no folder {folder}; give the paths of both")
        return 0
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if recording in row["group"]]
    target.mkdir(parents=True, exist_ok=True)
    kept: list[dict[str, str]] = []
    known: dict[Path, npt.NDArray[np.uint8]] = {}
    for row in rows:
        array = Path(folder, row["source_video"]).with_suffix(".npy")
        if not array.is_file():
            continue  # recordings without a thermal array are left out
        if array not in known:
            known[array] = warmth(np.load(array, allow_pickle=False))
        found = known[array]
        maps = found[rows_of(int(row["source_start"]), int(row["frames"]), len(found))]
        name = Path(row["path"]).with_suffix(".npz").name
        np.savez_compressed(target / name, classes=maps)
        path = os.path.relpath(source.parent / row["path"], target)
        kept.append({**row, "path": path, "object": name})
    with (target / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
    print(f"{len(kept)} of {len(rows)} clips have thermal maps: {target / 'clips.csv'}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        print(__doc__)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
