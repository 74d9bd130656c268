"""What a trained network says about videos without labels: :func:`predict`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from typing import Any

from torch import nn

from connsearch.data.loading.loader import Loader
from connsearch.data.records import Record, listed
from connsearch.errors import DataError
from connsearch.models.catalogue import require_known
from connsearch.models.early_exit import Stops
from connsearch.models.model import Model, model_of
from connsearch.training.environment import describe_environment, processor_threads
from connsearch.training.evaluate import Compute
from connsearch.training.losses import choose_loss
from connsearch.training.options import ComputeOptions
from connsearch.training.predict import ClipAnswer
from connsearch.training.predict import predict as answer
from connsearch.training.predicted import PredictedVideos, Prediction, UnreadVideo
from connsearch.workflows.given import Place, RunLike, path_of, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.predict_files import AnswerTable, annotated, pictured, require_places
from connsearch.workflows.predict_stops import ChosenStops, chosen_stops
from connsearch.workflows.predict_videos import (
    Parts,
    class_names_of,
    is_multi_label,
    parts_of,
    reading_options,
)
from connsearch.workflows.settings.predict import PredictSettings
from connsearch.workflows.targets import open_trained, recorded_loss, warn_of_statistics


def predict(
    run: RunLike,
    videos: Place | Sequence[Place],
    *,
    network: nn.Module | None = None,
    progress: Progress = True,
    **settings: Any,
) -> PredictedVideos:
    """Returns what a trained network says about videos, which need no labels.

    Videos are read as the run read its clips, in the views that its evaluations have: the answer
    to a video is the one that ``evaluate`` counts.

    >>> found = predict("runs/mine", "clip.mp4")  # doctest: +SKIP
    >>> found.top(3)  # doctest: +SKIP
    [('forward', 0.81), ('fast2x', 0.11), ('shuffled', 0.05)]

    Args:
        run: a training, a search or a pruning.
        videos: videos, stores of frames, folders of frames, or folders with any of these.
        network: a module of one's own, built as for its training; the weights of the run are put
            into it. None: what the run has trained is built by its name and settings.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch predict`` by its name: ``timeline=True, hop=0.5``.

    Raises:
        RunError: it is no finished run.
        DataError: a place is not there or holds no video, or none of the videos can be read.
        SettingsError: a setting cannot be used, or only code of one's own builds the network.
    """
    places = [videos] if isinstance(videos, str | os.PathLike) else videos
    named = tuple(path_of(place, "the path of a video or of a folder") for place in places)
    asked = PredictSettings.of(run=place_of(run), videos=named, **settings)
    return run_predict(asked, Listener.of(progress), None if network is None else model_of(network))


def run_predict(
    asked: PredictSettings, listener: Listener, network: Model | None = None
) -> PredictedVideos:
    """Returns the answers, once the files that were asked for are written.

    Args:
        asked: all settings.
        listener: hears what happens.
        network: to put the weights into; None: it is built by its name and settings.

    Raises:
        UserError: as for :func:`predict`.
    """
    trained = open_trained(asked.run, listener)
    if network is None:
        require_known(trained.model)
    classes, options = class_names_of(trained), reading_options(asked)
    warn_of_statistics(trained.directory, listener)
    network = trained.load_model(network)
    early = chosen_stops(asked, trained, network, listener)
    parts = parts_of(asked, options, network, listener)
    records = parts.dataset.records
    require_places(asked, [record.path for record in records])
    for note in parts.notes:
        listener.warn(note)
    multi_label = is_multi_label(trained)
    faults = list(parts.faults)
    predictions: list[Prediction] = []
    stops = None if early is None else early.stops
    with AnswerTable(asked.csv, asked.top, stopping=early is not None) as table:
        for found in _answers(asked, network, parts, multi_label, stops, listener):
            record = records[found.index]
            faults += _faults(record, parts, found)
            if found.probabilities is not None:
                one = _prediction(record, parts, found, classes, multi_label, early)
                predictions.append(one)
                table.add(one)
    if not predictions:
        raise DataError(
            f"no video can be read, {len(faults)} named\n"
            + listed([fault.reason for fault in faults])
        )
    result = PredictedVideos(
        asked.run,
        tuple(predictions),
        tuple(faults),
        asked.in_parts,
        parts.notes,
        asked.hop,
        None if early is None else early.budget,
    )
    pictured(asked, result, listener)
    return annotated(asked, result, records, listener)


def _answers(
    asked: PredictSettings,
    network: Model,
    parts: Parts,
    multi_label: bool,
    stops: Stops | None,
    listener: Listener,
) -> Iterator[ClipAnswer]:
    """The answers to all parts, as they come."""
    wanted = ComputeOptions(device=asked.device, precision=asked.precision, threads=asked.threads)
    found = describe_environment(wanted)
    compute = Compute(found["device"], found["precision"])
    loss = choose_loss(recorded_loss(asked.run), multi_label=multi_label)
    dataset, clips = parts.dataset, parts.dataset.clips
    views = clips.clips_per_video * clips.crops_per_clip
    limit = nullcontext() if asked.threads is None else processor_threads(asked.threads)
    with limit, Loader(dataset) as loader:
        answers = answer(
            network.to(found["device"]),
            loader,
            loss=loss,
            compute=compute,
            views=views,
            stops=stops,
        )
        with closing(answers):
            what = "windows" if asked.in_parts else "videos"
            yield from listener.count(answers, len(dataset), what)


def _faults(record: Record, parts: Parts, found: ClipAnswer) -> Iterator[UnreadVideo]:
    times = parts.times[found.index] if record.window is not None else None
    start, end = times or (None, None)
    for reason in found.faults:
        yield UnreadVideo(record.name, reason, found.probabilities is not None, start, end)


def _prediction(
    record: Record,
    parts: Parts,
    found: ClipAnswer,
    classes: tuple[str, ...],
    multi_label: bool,
    early: ChosenStops | None,
) -> Prediction:
    assert found.probabilities is not None, "it was answered"
    assert found.order is not None
    start, end = parts.times[found.index] or (None, None)
    values, order = tuple(found.probabilities.tolist()), tuple(found.order.tolist())
    step, macs = (None, None) if early is None else early.told(found.exits)
    return Prediction(record.name, start, end, classes, values, order, multi_label, step, macs)
