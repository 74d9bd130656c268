"""Videos as a run reads its clips: its streams, its frames, its sizes, without labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.clips.sampling import SPREAD
from connsearch.data.clips.timeline import timeline
from connsearch.data.clips.windows import seconds_shown, windows
from connsearch.data.loading.first_look import look_at
from connsearch.data.media.rates import with_media_rate
from connsearch.data.options import DataOptions
from connsearch.data.reading import note_since
from connsearch.data.records import Record, Source
from connsearch.data.sources.unlabelled import videos_at
from connsearch.errors import DataError, RunError
from connsearch.graph.spec import Modality
from connsearch.models.clip_needs import structures_in
from connsearch.models.model import Model, Wrapped
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import as_options, recorded_facts, recorded_settings
from connsearch.runs.same_data import reading_of
from connsearch.settings.nesting import merged, nested
from connsearch.training.predicted import UnreadVideo
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.predict import PredictSettings

_ASKED = """
    clips_per_video crops_per_clip pool_views media_fps batch_size workers timeout
""".split()


@dataclass(frozen=True, slots=True)
class Parts:
    """What is answered: whole videos, or the windows of a timeline.

    Attributes:
        dataset: one clip an answer.
        times: of each: seconds from the first frame of its video; None: nothing is known.
        faults: videos that cannot be read at all.
        notes: for the user.
    """

    dataset: ClipDataset
    times: tuple[tuple[float, float] | None, ...]
    faults: tuple[UnreadVideo, ...]
    notes: tuple[str, ...]


def reading_options(asked: PredictSettings) -> DataOptions:
    """Returns how the run reads its clips, with what was asked for in its place.

    Raises:
        RunError: another version recorded settings that this one does not have, or reads data by
            later rules.
    """
    reading_of(recorded_facts(asked.run))
    given = {name: getattr(asked, name) for name in _ASKED if getattr(asked, name) is not None}
    if asked.in_parts:
        given["clips_per_video"] = 1
    settings = merged(recorded_settings(asked.run).get("data", {}), nested(DataOptions, given))
    return as_options(asked.run, "data", DataOptions, settings)


def class_names_of(run: RunRecord) -> tuple[str, ...]:
    """Returns the names of the classes, in the order of the classifier.

    Raises:
        RunError: the run has recorded other classes than it has outputs.
    """
    count = run.num_classes
    facts: Mapping[str, Any] = run.recorded.get("facts", {})
    names = tuple(map(str, facts.get("classes") or ()))
    if not names:  # a run of an earlier version
        names = next((tuple(found.support) for found in run.metrics.values()), ())
    if not names:
        return tuple(f"class {number}" for number in range(count))
    if len(names) != count:
        raise RunError(
            f"{run.directory}: has {count} outputs, and recorded the names of {len(names)} classes"
            "\n  cure: restore its files, or repeat the training"
        )
    return names


def is_multi_label(run: RunRecord) -> bool:
    """Returns whether a clip of the run's data could have several classes, as far as it says."""
    facts: Mapping[str, Any] = run.recorded.get("facts", {})
    if "multi_label" in facts:
        return bool(facts["multi_label"])
    known = list(run.metrics.values())
    if run.prune_record is not None:  # where it was, and where it is if both were moved
        for place in filter(None, (run.prune_record.run, run.directory.parent)):
            known += RunRecord(Path(place)).metrics.values()
    return any(found.multi_label for found in known)


def parts_of(
    asked: PredictSettings, options: DataOptions, network: Model, listener: Listener
) -> Parts:
    """Returns the clips to answer for, one a video, or of a timeline one a window.

    Raises:
        DataError: a place is not there or holds no video.
    """
    found = videos_at(asked.videos)
    source = Source("videos", (), found.records, 0)
    records = with_media_rate(source, options.source.media_fps).records
    classes = object_classes_of(network, options)
    if not classes:  # maps beside a video do not matter then
        records = tuple(replace(record, objects=None) for record in records)
    lists, unread = look_at(
        {"train": (), "val": (), "test": records},
        options.clips,
        "video",
        options.loading,
        listener.count,
    )
    reasons = dict(unread["test"])
    faults: list[UnreadVideo] = []
    kept: list[Record] = []
    times: list[tuple[float, float] | None] = []
    for place, record in enumerate(lists["test"]):
        try:
            if place in reasons:
                raise DataError(reasons[place])
            if classes and record.objects is None:
                raise DataError(_without_maps(record))
            for part in _cut(record, options, asked):
                assert part.info is not None, "it was looked at"
                clock = timeline(part.info, window=part.window, fps=options.clips.fps)
                kept.append(part)
                times.append(seconds_shown(clock))
        except DataError as error:
            faults.append(UnreadVideo(record.name, str(error)))
    dataset = ClipDataset.of(tuple(kept), options, object_classes=classes)
    notes = [*found.notes, *_notes(asked, options)]
    return Parts(dataset, tuple(times), tuple(faults), tuple(notes))


def object_classes_of(network: Model, options: DataOptions) -> int:
    """Returns K of the object maps that a network reads; 0: it reads none."""
    for structure in structures_in(network):
        if Modality.OBJECT in structure.modalities():
            return structure.network.object_classes
    if isinstance(network, Wrapped) and network.stream in (None, "object"):
        return options.source.object_classes or 0
    return 0


def _cut(record: Record, options: DataOptions, asked: PredictSettings) -> list[Record]:
    """A video as one part, or as the windows of its timeline."""
    if not asked.in_parts:
        return [record]
    assert record.info is not None, "it was looked at"
    found = windows(record.info, options.clips, hop=asked.hop, name=record.name)
    return [replace(record, window=window) for window in found]


def _without_maps(record: Record) -> str:
    own = record.path if record.medium != "frames_db" else record.path.parent / "objects"
    return (
        f"{record.name}: the network reads object maps, and there are none beside this video; "
        f"cure: put them at {own.with_suffix('.npz')} (docs/object_maps.md), or use a network "
        "without an object stream"
    )


def _notes(asked: PredictSettings, options: DataOptions) -> list[str]:
    """What a person should know about how the run reads videos."""
    note = note_since(reading_of(recorded_facts(asked.run)), asked.run)
    notes = [note] if note else []
    sampler = options.clips.sampler
    if asked.in_parts and sampler in SPREAD:
        notes.append(
            f"the run spreads the frames of a clip over a whole video (sampler {sampler}); in the "
            "timeline they are spread over parts of "
            f"{options.clips.frames} frames at stride {options.clips.stride}, which it never saw"
        )
    return notes
