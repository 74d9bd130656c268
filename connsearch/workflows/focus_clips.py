"""The clips in which a focus model is watched: of a split of its data, or videos without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.data.records import listed
from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.models.focus.focus import FocusModel
from connsearch.registry import suggest
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import as_options, recorded_facts, recorded_settings
from connsearch.runs.same_data import reading_of
from connsearch.settings.nesting import merged, nested
from connsearch.view.clips.strips import spread_picks
from connsearch.workflows.data import check_data, open_data
from connsearch.workflows.listening import Listener
from connsearch.workflows.predict_videos import (
    class_names_of,
    is_multi_label,
    parts_of,
    reading_options,
)
from connsearch.workflows.settings.focus_show import FocusShowSettings
from connsearch.workflows.settings.predict import PredictSettings
from connsearch.workflows.targets import require_data, say_classes

_FEW = 3
"""Names of clips that a message shows."""

VIDEOS = "videos"
"""The folder below that of a split, and what stands for the split."""


@dataclass(frozen=True, slots=True)
class Clips:
    """The clips that are looked at.

    Attributes:
        dataset: all of them.
        shown: places of those that are drawn, in their order.
        classes: names of the classes.
        multi_label: a clip can have several.
        split: that they are of.
        name: of the data.
    """

    dataset: ClipDataset
    shown: Sequence[int]
    classes: tuple[str, ...]
    multi_label: bool
    split: Literal["train", "val", "test", "videos"]
    name: str


def open_clips(
    asked: FocusShowSettings, trained: RunRecord, listener: Listener
) -> tuple[FocusModel, Clips]:
    """Returns the network with its weights, and the clips that are looked at.

    Raises:
        RunError: the data is not what the network was trained on.
        DataError: a video is not there, or the data cannot be read.
        SettingsError: the split is empty, or it is the test split, which was not opened.
        UnknownNameError: the split has no clip of a name that was asked for.
    """
    if asked.videos:
        model = trained.load_model()
        assert isinstance(model, FocusModel), "it is of that kind"
        return model, _videos(asked, trained, model, listener)
    _require_open(asked, trained)
    data = _data(asked, listener)
    say_classes(trained, data.classes, listener)
    model = trained.load_model(classes=data.classes)
    assert isinstance(model, FocusModel), "it is of that kind"
    return model, _split(asked, data)


def _require_open(asked: FocusShowSettings, trained: RunRecord) -> None:
    """Refuses to open the test split: that is done once, by ``connsearch evaluate``.

    Raises:
        SettingsError: it was not opened before.
    """
    if asked.split == "test" and "test" not in trained.evaluations:
        raise SettingsError(
            f"--split test: the test split of {trained.directory} was not opened yet\n"
            f"  cure: connsearch evaluate {trained.directory}, which opens it once and keeps what "
            "was found; or look at val"
        )


def _data(asked: FocusShowSettings, listener: Listener) -> DataSplits:
    """The data of the run, as an evaluation reads it.

    Raises:
        RunError: it is not what the network was trained on.
    """
    if asked.source is None:
        require_data(asked.run)
    names = ("source", "batch_size", "workers")
    given = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    settings = merged(recorded_settings(asked.run).get("data", {}), nested(DataOptions, given))
    options = as_options(asked.run, "data", DataOptions, settings)
    data = open_data(options, listener, reading=reading_of(recorded_facts(asked.run)))
    return check_data(asked.run, data, listener)


def _split(asked: FocusShowSettings, data: DataSplits) -> Clips:
    """The clips of a split, all of them or a sample that has those that are drawn.

    Raises:
        SettingsError: the split is empty.
        UnknownNameError: it has no clip of a name that was asked for.
    """
    dataset = dict(data)[asked.split]
    if not len(dataset):
        raise SettingsError(f"{data.name}: no clip in the split {asked.split}; see --split")
    if asked.names:
        shown = [_named(dataset, name, data.name, asked.split) for name in asked.names]
    else:
        shown = spread_picks(data, asked.split, asked.clips, seed=asked.seed)
    if asked.sample is not None and asked.sample < len(dataset):
        chosen = spread_picks(data, asked.split, asked.sample, seed=asked.seed)
        kept = sorted({*chosen, *shown})
        dataset = replace(dataset, records=tuple(dataset.records[index] for index in kept))
        shown = [kept.index(index) for index in shown]
    return Clips(dataset, shown, data.classes, data.multi_label, asked.split, data.name)


def _named(dataset: ClipDataset, name: str, data: str, split: str) -> int:
    names = [record.name for record in dataset.records]
    if name not in names:
        text = suggest("clip", name, names).split(" Known: ")[0]
        few = ", ".join(names[:_FEW]) + (" ..." if len(names) > _FEW else "")
        raise UnknownNameError(
            f"--names: {data}: {text} Known: {len(names)} clips of {split}, such as {few}"
        )
    return names.index(name)


def _videos(
    asked: FocusShowSettings, trained: RunRecord, model: FocusModel, listener: Listener
) -> Clips:
    """The videos that were named, each as one clip.

    Raises:
        DataError: a place is not there or holds no video, or none of them can be read.
    """
    given = {name: getattr(asked, name) for name in ("batch_size", "workers", "media_fps")}
    wanted = PredictSettings(
        run=asked.run, videos=asked.videos, clips_per_video=1, crops_per_clip=1, **given
    )
    parts = parts_of(wanted, reading_options(wanted), model, listener)
    for note in parts.notes:
        listener.warn(note)
    if not len(parts.dataset):
        raise DataError(
            f"no video can be read, {len(parts.faults)} named\n"
            + listed([fault.reason for fault in parts.faults])
        )
    if parts.faults:
        count = len(parts.faults)
        listener.warn(
            f"{count} video{'s' if count > 1 else ''} cannot be read\n"
            + listed([fault.reason for fault in parts.faults])
        )
    shown = range(min(asked.clips, len(parts.dataset)))
    classes, several = class_names_of(trained), is_multi_label(trained)
    return Clips(parts.dataset, shown, classes, several, VIDEOS, ", ".join(asked.videos[:3]))
