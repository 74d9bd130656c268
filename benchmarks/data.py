"""How fast clips are read: our loader against bare decoders on the same clips.

Packs up to --clips videos of a list into frame stores and into folders of JPEGs, and reads the
centre clip of each from all three through the loader (workers 0), through the bare decoder
(PyAV; sqlite or open with simplejpeg, then the same crop and conversion, equal to the bit), and
through a plain sqlite + PIL loader. Sides take turns, medians of the rounds are compared. Then two
workers against one, and how long a training of the starter waits for its data.

    python benchmarks/data.py --data clips.csv [--quick] [--markdown benchmarks/data.md]
"""

from __future__ import annotations

import argparse
import io
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
import simplejpeg
import torch
from av.video.reformatter import Interpolation
from page import table, write_markdown
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.clips.sampling import clip_ticks
from connsearch.data.clips.timeline import timeline
from connsearch.data.clips.usable import decoded_size
from connsearch.data.loading.batches import Batch, BatchPlan
from connsearch.data.loading.first_look import checked_record
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.media.frame_store import STORE, read_pictures
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.data.sources.source import read_source
from connsearch.data.tools.pack import pack
from connsearch.errors import DataError
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Modality
from connsearch.graph.streams import keep_streams
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import StepEvent
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions

FRAMES, BATCH = 16, 8
SMOOTH = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
Size = tuple[int, int]
Reader = Callable[["Job"], np.ndarray]


@dataclass(frozen=True)
class Job:
    """The frames of one clip, and the (H, W) they are scaled to."""

    path: Path
    numbers: list[int]
    info: VideoInfo
    size: Size


@dataclass(frozen=True)
class Row:
    """One line of the table: two sides and their ratio, with the middle half of the rounds."""

    what: str
    ours: str
    other: str
    ratio: str
    spread: str
    aim: str = ""

    def cells(self) -> list[str]:
        """Returns it as a row of a table."""
        return [self.what, self.ours, self.other, self.ratio, self.spread, self.aim]


def bare_video(job: Job) -> np.ndarray:
    """PyAV as one would write it: seek to the key frame, decode, scale with right colours."""
    wanted, found = set(job.numbers), {}
    with av.open(str(job.path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        assert stream.average_rate is not None
        assert stream.time_base is not None
        step = 1 / (stream.average_rate * stream.time_base)
        start = stream.start_time or 0
        container.seek(start + round(min(wanted) * step), stream=stream, backward=True)
        height, width = job.size
        for frame in container.decode(stream):
            assert frame.pts is not None
            number = round((frame.pts - start) / step)
            if number in wanted:
                found[number] = frame.to_ndarray(
                    format="rgb24", width=width, height=height, interpolation=SMOOTH
                )
            if len(found) == len(wanted):
                break
    return np.stack([found[number] for number in job.numbers])


def _scaled(frames: np.ndarray, size: Size) -> np.ndarray:
    picture = torch.from_numpy(frames).permute(0, 3, 1, 2)
    scaled = F.interpolate(picture, size, mode="bilinear", antialias=True)
    return scaled.permute(0, 2, 3, 1).numpy()


def _bare_jpegs(pictures: Sequence[bytes], job: Job) -> np.ndarray:
    stored = (job.info.height, job.info.width)
    part = 1
    while part < 8 and all(-(-s // (2 * part)) >= n for s, n in zip(stored, job.size, strict=True)):
        part *= 2
    height, width = (-(-side // part) for side in stored)
    frames = np.empty((len(pictures), height, width, 3), np.uint8)
    for n, data in enumerate(pictures):
        simplejpeg.decode_jpeg(data, min_height=height, min_width=width, buffer=frames[n])
    return _scaled(frames, job.size)


def _keys(job: Job) -> list[str]:
    return [f"{job.path.parent.name}/frame_{number + 1:05d}" for number in job.numbers]


def _rows(job: Job) -> list[bytes]:
    keys = _keys(job)
    with closing(sqlite3.connect(f"file:{job.path}?mode=ro&immutable=1", uri=True)) as db:
        marks = ",".join("?" * len(keys))
        query = f"SELECT ObjId, frames FROM Images WHERE ObjId IN ({marks})"
        found = dict(db.execute(query, keys))
    return [found[key] for key in keys]


def bare_store(job: Job) -> np.ndarray:
    return _bare_jpegs(_rows(job), job)


def bare_folder(job: Job) -> np.ndarray:
    return _bare_jpegs([(job.path / f"{n + 1:05d}.jpg").read_bytes() for n in job.numbers], job)


def pil_store(job: Job) -> np.ndarray:
    height, width = job.size
    pictures: list[np.ndarray] = []
    for data in _rows(job):
        with Image.open(io.BytesIO(data)) as picture:
            resized = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
            pictures.append(np.asarray(resized))
    return np.stack(pictures)


def plain_batches(jobs: Sequence[Job], read: Reader, side: int) -> Iterator[Tensor]:
    """Yields what a loader has to give: centre crops in [-1, 1], (B, C, T, H, W)."""
    for start in range(0, len(jobs), BATCH):
        clips: list[Tensor] = []
        for job in jobs[start : start + BATCH]:
            top, left = ((have - side) // 2 for have in job.size)
            crop = read(job)[:, top : top + side, left : left + side]
            clip = torch.from_numpy(np.ascontiguousarray(crop)).permute(3, 0, 1, 2)
            clips.append(clip.to(torch.float32).div_(127.5).sub_(1.0).contiguous())
        yield torch.stack(clips)


def our_batches(loader: Loader) -> Iterator[Tensor]:
    for batch in loader.batches():
        yield batch.streams["rgb"]


def dataset(records: Sequence[Record], side: int) -> tuple[ClipDataset, list[Job]]:
    """Returns the clips as the loader reads them, and the same clips for anyone else."""
    options = DataOptions.of(source="x", frames=FRAMES, size=side, batch_size=BATCH)
    checked = [checked_record(record, options.clips, "video") for record in records]
    jobs: list[Job] = []
    for record in checked:
        assert record.info is not None
        clock = timeline(record.info)
        numbers = clock.frames(clip_ticks(clock.ticks, FRAMES))
        jobs.append(
            Job(record.path, numbers, record.info, decoded_size(record.info, options.clips))
        )
    return ClipDataset.of(tuple(checked), options, object_classes=0), jobs


def seconds(work: Callable[[], Iterator[Tensor]]) -> float:
    start = time.perf_counter()
    for _ in work():
        pass
    return time.perf_counter() - start


def in_turn(
    sides: dict[str, Callable[[], Iterator[Tensor]]], rounds: int
) -> dict[str, list[float]]:
    """Returns seconds of every side in every round; the order turns from round to round."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for n in range(rounds):
        for name in names[n % len(names) :] + names[: n % len(names)]:
            times[name].append(seconds(sides[name]))
    return times


def row(what: str, ours: Sequence[float], other: Sequence[float], clips: int, aim: str = "") -> Row:
    """Returns how many times as fast we are."""
    ratios = sorted(b / a for a, b in zip(ours, other, strict=True))
    low, high = ratios[len(ratios) // 4], ratios[(3 * len(ratios)) // 4]
    mine, theirs = (f"{clips / statistics.median(t):.1f} clips/s" for t in (ours, other))
    ratio = f"{statistics.median(ratios):.2f}"
    return Row(what, mine, theirs, ratio, f"{low:.2f} to {high:.2f}", aim)


BARE: dict[str, Reader] = {"mp4": bare_video, "frames.db": bare_store, "folder": bare_folder}


def reading_rows(media: dict[str, list[Record]], side: int, rounds: int) -> list[Row]:
    """Our loader against the bare decoders, and against sqlite + PIL."""
    sides: dict[str, Callable[[], Iterator[Tensor]]] = {}
    count = 0
    for name, records in media.items():
        data, jobs = dataset(records, side)
        count = len(jobs)
        sides[f"our {name}"] = lambda data=data: our_batches(Loader(data))
        sides[f"bare {name}"] = lambda jobs=jobs, name=name: plain_batches(jobs, BARE[name], side)
        if name == "frames.db":
            sides["PIL"] = lambda jobs=jobs: plain_batches(jobs, pil_store, side)
        for ours, bare in zip(sides[f"our {name}"](), sides[f"bare {name}"](), strict=True):
            assert torch.equal(ours, bare), f"{name}: the two sides give different clips"
    for ours, plain in zip(sides["our frames.db"](), sides["PIL"](), strict=True):
        assert (ours - plain).abs().mean() < 0.03, "sqlite + PIL gives other clips"
    times = in_turn(sides, rounds)
    shape = f"{FRAMES}x{side}x{side}"
    rows = [
        row(
            f"{name}, {shape}: ours, bare",
            times[f"our {name}"],
            times[f"bare {name}"],
            count,
            ">= 0.9",
        )
        for name in media
    ]
    what = f"frames.db, {shape}: ours, sqlite + PIL"
    rows.append(row(what, times["our frames.db"], times["PIL"], count, ">= 1.5"))
    what = f"{shape}: frames.db, mp4"
    rows.append(row(what, times["our frames.db"], times["our mp4"], count))
    return rows


def worker_rows(media: dict[str, list[Record]], side: int, rounds: int) -> list[Row]:
    """Two worker processes against one; both are started before the clock is."""
    rows: list[Row] = []
    for name in ("mp4", "frames.db"):
        data, jobs = dataset(media[name] * 3, side)
        with Loader(data, workers=2) as two, Loader(data, workers=1) as one:
            sides: dict[str, Callable[[], Iterator[Tensor]]] = {
                "2": lambda two=two: our_batches(two),
                "1": lambda one=one: our_batches(one),
            }
            in_turn(sides, 1)
            times = in_turn(sides, rounds)
        what = f"{name}, {FRAMES}x{side}x{side}: 2 workers, 1 worker"
        rows.append(row(what, times["2"], times["1"], len(jobs)))
    return rows


def waiting_share(source: Path, frames: int, side: int, batch: int, steps: int) -> float:
    """Returns the share of a training's steps that waits for the one worker that reads.

    The first step is left out: it starts the worker.
    """
    options = DataOptions.of(
        source=str(source),
        frames=frames,
        size=side,
        batch_size=batch,
        workers=1,
        val_share=0.0,
        test_share=0.0,
    )
    waits: list[float] = []

    planned = Loader.planned

    def timed(loader: Loader, plan: Sequence[BatchPlan]) -> Iterator[Batch]:
        made = planned(loader, plan)
        while True:
            start = time.perf_counter()
            try:
                part = next(made)
            except StopIteration:
                return
            waits.append(time.perf_counter() - start)
            yield part

    data = load_data(options)
    structure = keep_streams(load_structure("starter"), [Modality.RGB, Modality.FLOW])
    structure = over_connect(structure)
    network = Network(structure, len(data.classes), learn_connections=True, seed=0)
    training = TrainOptions.of(epochs=100, steps=steps, warmup=0.0)
    ends: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(Loader, "planned", timed),
    ):
        config = {"command": "train", "settings": {"structure": "starter"}}
        with Run.open(Path(folder) / "run", config) as run:
            for event in fit_model(network, data, training, run=run):
                if isinstance(event, StepEvent):
                    ends.append(time.perf_counter())
    return sum(waits[1 : len(ends)]) / (ends[-1] - ends[0])


def waiting_rows(media: dict[str, Path], quick: bool) -> list[Row]:
    rows: list[Row] = []
    for frames, side, batch, steps in ((8, 32, 16, 24), (16, 112, 8, 8)):
        for name, source in media.items():
            share = waiting_share(source, frames, side, batch, 3 if quick else steps)
            what = f"{name}, training of the starter, {frames}x{side}x{side}, 1 worker"
            rows.append(Row(what, f"waits {share:.1%}", "", "", f"{steps} steps of {batch}"))
    return rows


def small_list(given: Path, folder: Path, clips: int) -> tuple[Path, list[Record]]:
    """Returns a list of the first videos that hold a whole clip, of at least two classes."""
    options = DataOptions.of(source=str(given), frames=FRAMES, size=32, short="refuse")
    source = read_source(options)
    by_class: dict[int, list[Record]] = {}
    for record in source.records:
        by_class.setdefault(record.label, []).append(record)
    kept: list[Record] = []
    for n in range(max(map(len, by_class.values()))):
        for records in by_class.values():
            if n < len(records) and len(kept) < clips and records[n].medium == "video":
                try:
                    kept.append(checked_record(records[n], options.clips, "video"))
                except DataError as error:
                    print(f"left out: {error}")
    kept = [r for r in kept if r.info is not None and not r.info.times and r.window is None]
    lines = [f'"{r.path.resolve()}","{source.classes[r.label]}"' for r in kept]
    listing = folder / "videos.csv"
    listing.write_text("path,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return listing, [replace(r, objects=None) for r in kept]


def as_folders(stores: Sequence[Record], folder: Path) -> list[Record]:
    """Returns the same JPEGs as files, one a frame."""
    out: list[Record] = []
    for n, record in enumerate(stores):
        assert record.info is not None
        place = folder / f"{n:05d}"
        place.mkdir(parents=True)
        for number, data in read_pictures(record.path, range(record.info.frames)):
            (place / f"{number + 1:05d}.jpg").write_bytes(data)
        out.append(replace(record, path=place, medium="frame_folder"))
    return out


def measure(given: Path, folder: Path, clips: int, rounds: int, quick: bool) -> Iterator[Row]:
    """Yields the rows of the table."""
    listing, videos = small_list(given, folder, clips)
    for _ in pack(read_source(DataOptions.of(source=str(listing))), folder / "packed", workers=2):
        pass
    options = DataOptions.of(source=str(folder / "packed"), frames=FRAMES, size=32)
    stores = [checked_record(r, options.clips, "video") for r in read_source(options).records]
    assert all(r.path.name == STORE for r in stores)
    media = {"mp4": videos, "frames.db": stores, "folder": as_folders(stores, folder / "frames")}
    for side in (112, 224):
        yield from reading_rows(media, side, rounds)
    yield from worker_rows(media, 112, max(2, rounds // 2))
    yield from waiting_rows({"mp4": listing, "frames.db": folder / "packed"}, quick)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a CSV list of videos")
    parser.add_argument("--clips", type=int, default=20, help="videos to read")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its numbers say nothing"
    )
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args(given)
    torch.set_num_threads(1)  # both sides: as in a worker process
    clips, rounds = (4, 2) if options.quick else (options.clips, options.rounds)
    heads = ["what: one, other", "one", "other", "one / other", "middle half", "aim"]
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for found in measure(options.data, Path(folder), clips, rounds, options.quick):
            rows.append(found.cells())
            print(" | ".join(rows[-1]), flush=True)
    if options.markdown is not None:
        command = f"python benchmarks/data.py --data {options.data.name} --markdown FILE"
        note = f"one thread a process, {rounds} rounds in turn, files in the page cache"
        title = "How fast clips are read"
        write_markdown(options.markdown, title, command, table(heads, rows), note=note)


if __name__ == "__main__":
    main()
