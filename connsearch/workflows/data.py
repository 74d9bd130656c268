"""The data of a workflow: named, read, checked against what a run recorded, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.load import load_data as load_splits
from connsearch.data.options import DataOptions
from connsearch.data.reading import FIRST, READING, note_since
from connsearch.errors import RunError
from connsearch.graph.spec import Structure
from connsearch.graph.streams import fit_objects, keep_streams
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import recorded_config, recorded_facts, recorded_options
from connsearch.runs.run import Run
from connsearch.runs.same_data import as_recorded, reading_of
from connsearch.training.best import require_effect
from connsearch.training.class_weights import filed_weights
from connsearch.training.options import TrainOptions
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.run import RunSettings

T = TypeVar("T")


def prepare(
    directory: Path,
    config: Mapping[str, Any],
    options: DataOptions,
    listener: Listener,
    *,
    target: str | None = None,
    given: DataSplits | None = None,
    training: TrainOptions | None = None,
) -> DataSplits | None:
    """Returns the data a run needs, or None when the run is finished already.

    Whatever can be refused is refused here: a directory that holds something else before the data
    is read, and data that cannot be used before a directory is made. A run that goes on has its
    lists drawn as when it was begun; a new one as the run that its ``target`` comes from. Data that
    is ``given`` is loaded already. Options of the ``training`` that can be refused without clips
    are refused first.
    """
    listener.say(f"run: {directory}")
    facts = None if target is None else recorded_facts(target)
    if directory.exists():
        facts = Run.check(directory, config).get("facts") or facts
        if RunRecord(directory).finished:
            listener.say("it is finished; this is its result")
            return None
    if training is not None:
        require_effect(training.choice)
        filed_weights(training)
    if given is not None:
        return given
    return open_data(options, listener, reading=reading_of(facts))


def check_data(target: str, data: DataSplits, listener: Listener) -> DataSplits:
    """Returns the data under the fingerprint that the run ``target`` comes from knows it by.

    Raises:
        RunError: it is not what that run was trained on.
    """
    told = (
        "this is not the data the network was trained on: clips it has learned from could be "
        "among the test clips"
    )
    data, notes = as_recorded(data, recorded_config(target), where=target, told=told)
    for note in notes:
        listener.warn(note)
    return data


def begun_with(data: DataSplits, begin: Callable[[str], T], listener: Listener) -> T:
    """Returns what ``begin`` returns for the fingerprint of the data.

    Work that was begun when a fingerprint had names and sizes only knows it by that one.
    """
    try:
        return begin(data.fingerprint)
    except RunError as error:
        try:
            found = begin(data.earlier)
        except RunError:
            raise error from None
    listener.warn(note_since(FIRST, "this work"))
    return found


def open_data(
    options: DataOptions, listener: Listener, *, reading: int | None = None
) -> DataSplits:
    """Returns the data, after saying what there is.

    Args:
        options: name it.
        listener: where it is said.
        reading: by which version's rules its lists are drawn; None: this one's.
    """
    listener.say(f"data: {options.source.source}")
    data = load_splits(options, follow=listener.count, reading=reading or READING)
    for note in data.notes:
        listener.warn(note)
    counts = ", ".join(f"{name} {len(split)}" for name, split in data)
    size, evaluated = "x".join(map(str, data.clip)), options.clips.eval_sides.size
    if evaluated != options.clips.size:
        size += f", in evaluations {data.clip[0]}x{evaluated}x{evaluated}"
    listener.say(f"  {len(data.classes)} classes; clips of {size}: {counts}")
    return data


def open_data_of(target: str, listener: Listener) -> DataSplits:
    """Returns the data of the run that ``target`` is or comes from, the same clips and splits.

    Raises:
        RunError: it is not the data that run recorded.
    """
    options = recorded_options(target, "data", DataOptions)
    data = open_data(options, listener, reading=reading_of(recorded_facts(target)))
    return check_data(target, data, listener)


def suit(structure: Structure, data: DataSplits, asked: RunSettings) -> Structure:
    """Returns the structure with the streams and attention asked for, fit for the data's objects.

    Raises:
        SettingsError: a stream the data has not, or a structure without one that was asked for.
    """
    if asked.streams is not None:
        structure = keep_streams(structure, asked.streams)
    if asked.attention is not None:
        structure = structure.with_settings(attention=asked.attention)
    return fit_objects(structure, data.object_classes, data=data.name)
