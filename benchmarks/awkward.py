"""Awkward and damaged videos: what becomes of each, and that nothing crashes or hangs.

    python benchmarks/awkward.py --files DIR --manifest DIR/../manifest.csv --good CLIPS.csv

``--manifest`` has the columns file, why_awkward, frames_decoded and pyav_result; ``--good`` lists
whole videos, of which damaged copies are made: cut off, bytes changed, a block zeroed, two blocks
swapped, a block left out, noise put in.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from page import table, write_markdown

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.data.sources.source import read_source
from connsearch.data.tools.check import check_clips

OUTPUT = Path(__file__).with_name("awkward.md")


def damage(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Returns the kind of damage and the damaged bytes."""
    kinds = ("cut off", "bytes changed", "block zeroed", "blocks swapped", "block lost", "noise in")
    kind = str(rng.choice(kinds))
    data = bytearray(content)
    size = max(1, int(len(data) * rng.uniform(0.001, 0.2)))
    at, other = (int(x) for x in rng.integers(0, max(1, len(data) - size), size=2))
    if kind == "cut off":
        del data[int(rng.integers(len(data))) :]
    elif kind == "bytes changed":
        for place in rng.integers(0, len(data), size=int(rng.integers(1, 200))):
            data[place] ^= int(rng.integers(1, 256))
    elif kind == "block zeroed":
        data[at : at + size] = bytes(size)
    elif kind == "blocks swapped":
        data[at : at + size], data[other : other + size] = (
            data[other : other + size],
            data[at : at + size],
        )
    elif kind == "block lost":
        del data[at : at + size]
    else:
        data[at:at] = rng.bytes(size)
    return kind, bytes(data)


def damaged_copies(good: Sequence[Path], count: int, folder: Path, seed: int) -> dict[str, str]:
    """Returns file name -> kind of damage of the copies it wrote."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, str] = {}
    for number in range(count):
        path = good[int(rng.integers(len(good)))]
        kind, content = damage(path.read_bytes(), rng)
        name = f"{number:04d}{path.suffix}"
        (folder / name).write_bytes(content)
        kinds[name] = kind
    return kinds


def listing(paths: Sequence[Path], place: Path) -> Path:
    """Returns a CSV of those files, in two classes in turn."""
    with place.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        writer.writerows([path, "ab"[i % 2]] for i, path in enumerate(paths))
    return place


def opened(paths: Sequence[Path], folder: Path, timeout: float) -> DataSplits:
    """Returns those files as a data set, all of them in the training split."""
    options = DataOptions.of(
        source=str(listing(paths, folder / "clips.csv")),
        frames=16,
        size=64,
        val_share=0,
        test_share=0,
        bad_share=1.0,
        timeout=timeout,
        batch_size=8,
    )
    return load_data(options)


def manifest_rows(files: Path, manifest: Path, timeout: float) -> Iterator[list[str]]:
    """Yields one row a file of the manifest: what it is, what was expected, what became of it."""
    with manifest.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    with tempfile.TemporaryDirectory() as folder:
        data = opened([files / row["file"] for row in expected], Path(folder), timeout)
        checked = check_clips(data.train.records, data.options, workers=1)
        in_order = sorted(checked, key=lambda one: one.place)
        for row, found in zip(expected, in_order, strict=True):
            counted = "" if found.info is None else str(found.info.frames)
            good = row["pyav_result"] == "ok"
            agrees = good == (found.reason is None)
            agrees &= not good or row["frames_decoded"] == counted
            what = "used" if found.reason is None else "quarantined: " + _short(found.reason)
            rate = "" if found.info is None else f"{found.info.fps:.2f}"
            known = data.train.records[found.place].info  # the check keeps no table of times
            rate += " varying" if known is not None and known.times else ""
            shown = "" if found.info is None else f"{found.info.width}x{found.info.height}"
            yield [
                f"`{row['file']}`",
                row["why_awkward"],
                f"{row['frames_decoded']}, {row['pyav_result']}",
                counted,
                shown,
                rate,
                what,
                "yes" if agrees else "NO",
            ]


def _short(reason: str) -> str:
    """Returns a reason without the path and the cure."""
    return reason.split(": ", 1)[-1].split("; cure")[0]


def fuzz_rows(
    good: Path, count: int, timeout: float, seed: int
) -> tuple[list[list[str]], list[str]]:
    """Returns one row a kind of damage, and sentences about the whole."""
    paths = [record.path for record in read_source(DataOptions.of(source=str(good))).records]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        kinds = damaged_copies(paths, count, folder, seed)
        names = sorted(kinds)
        data = opened([folder / name for name in names], folder, timeout)
        begin = time.perf_counter()
        checked = check_clips(data.train.records, data.options, workers=2)
        found = {c.record.path.name: c.reason for c in checked}
        seconds = time.perf_counter() - begin
        assert sorted(found) == names, "a file is not accounted for"
        shown = faults = 0
        with Loader(data.train, workers=2) as loader:
            for batch in loader.batches(batch_size=8, shuffle=True, augment=True):
                shown += len(batch.labels)
                faults += len(batch.faults)
    rows: list[list[str]] = []
    for kind in sorted(set(kinds.values())):
        reasons = [found[name] for name in names if kinds[name] == kind]
        bad = [reason for reason in reasons if reason is not None]
        late = sum("not read within" in r or "kills the process" in r for r in bad)
        rows.append([kind, *map(str, (len(reasons), len(reasons) - len(bad), len(bad), late))])
    why = Counter(_short(reason).split(" (")[0] for reason in found.values() if reason)
    notes = [
        f"{len(found)} of {count} copies accounted for in {seconds:.0f} s with 2 workers; "
        f"a training epoch over them showed {shown} clips, {faults} of them stand-ins.",
        "Reasons: " + ", ".join(f"{name} {n}" for name, n in why.most_common()) + ".",
    ]
    return rows, notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--good", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=1000)
    parser.add_argument("--timeout", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    known = list(manifest_rows(arguments.files, arguments.manifest, arguments.timeout))
    rows, notes = fuzz_rows(arguments.good, arguments.copies, arguments.timeout, arguments.seed)
    heads = [
        "file",
        "what is odd",
        "bare decoder",
        "frames",
        "shown as",
        "fps",
        "outcome",
        "agrees",
    ]
    lines = table(heads, known)
    agree = sum(row[-1] == "yes" for row in known)
    lines += ["", f"{agree} of {len(known)} outcomes agree with the bare decoder.", ""]
    lines += table(
        ["damage", "copies", "every frame read", "quarantined", "of these late or fatal"], rows
    )
    lines += ["", *notes]
    print("\n".join(lines))
    command = "python benchmarks/awkward.py --files DIR --manifest MANIFEST.csv --good CLIPS.csv"
    write_markdown(OUTPUT, "Awkward and damaged videos", command, lines)


if __name__ == "__main__":
    main()
