"""Where a focus model looks, and when it stops, as pictures and numbers: :func:`focus_show`."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from connsearch.analysis.focus_looks import Looked, look_through
from connsearch.data.loading.loader import Loader
from connsearch.data.records import listed
from connsearch.errors import RunError, SettingsError
from connsearch.files.paths import check_path
from connsearch.files.places import place_of as made_for
from connsearch.models.document import a_kind
from connsearch.models.early_exit import Stops
from connsearch.models.focus.focus import KIND, FocusModel
from connsearch.runs.events import CountEvent
from connsearch.runs.formats.focus import FocusSummary
from connsearch.runs.names import FOCUS, SUMMARY
from connsearch.runs.record import RunRecord, open_run
from connsearch.training.environment import describe_environment, processor_threads
from connsearch.training.evaluate import Compute
from connsearch.training.losses import choose_loss
from connsearch.training.options import ComputeOptions
from connsearch.view.notebook.register import register
from connsearch.workflows.focus_clips import VIDEOS, Clips, open_clips
from connsearch.workflows.focus_files import write_focus
from connsearch.workflows.given import Place, RunLike, path_of, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.predict_stops import chosen_stops
from connsearch.workflows.settings.focus_show import FocusShowSettings
from connsearch.workflows.settings.predict import PredictSettings
from connsearch.workflows.targets import (
    open_trained,
    recorded_loss,
    warn_of_statistics,
)


def focus_show(
    run: RunLike,
    videos: Place | Sequence[Place] = (),
    *,
    progress: Progress = True,
    **settings: Any,
) -> FocusSummary:
    """Returns where a focus model looks, and when it stops, once that is drawn.

    >>> found = focus_show("runs/mine", clips=3)  # doctest: +SKIP
    >>> found.places.spread, [remark.kind for remark in found.remarks]  # doctest: +SKIP
    (21.4, [])

    Args:
        run: a training of a focus model, such as ``adafocus``.
        videos: look at these instead of the clips of a split; they need no labels.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch focus show`` by its name: ``clips=3, film="none"``.

    Raises:
        RunError: it is no finished run of a focus model, or its data is not what it was trained on.
        DataError: a place is not there or holds no video, or no clip can be read.
        SettingsError: a setting cannot be used.
    """
    places = [videos] if isinstance(videos, str | os.PathLike) else videos
    named = tuple(path_of(place, "the path of a video or of a folder") for place in places)
    asked = FocusShowSettings.of(run=place_of(run), videos=named, **settings)
    found = run_focus_show(asked, Listener.of(progress))
    register()  # it shows itself in notebooks
    return found


def run_focus_show(asked: FocusShowSettings, listener: Listener) -> FocusSummary:
    """Returns where the model looks, once all files are written.

    Raises:
        UserError: as for :func:`focus_show`.
    """
    _require_focus(open_run(asked.run))
    trained = open_trained(asked.run, listener)
    place = asked.output or Path(asked.run).joinpath(FOCUS, *([VIDEOS] if asked.videos else []))
    if place.exists() and not place.is_dir():
        raise SettingsError(f"{place}: is a file\n  cure: --output, the name of a directory")
    check_path(place / SUMMARY)
    warn_of_statistics(trained.directory, listener)
    model, clips = open_clips(asked, trained, listener)
    stops = _stops(asked, trained, model, listener)
    with made_for(place / SUMMARY):
        looked = _looked(asked, model, clips, stops, listener)
        if looked.faults:
            listener.warn(
                f"{len(looked.faults)} of {len(clips.dataset)} clips cannot be read; they are left "
                f"out of all numbers\n{listed(list(looked.faults.values()))}"
            )
        return write_focus(asked, model, clips, looked, stops, place, listener)


def _require_focus(run: RunRecord) -> None:
    """Refuses a run of another kind of network, before its weights are read.

    Raises:
        RunError: it does not choose where to look.
    """
    if run.model.kind != KIND:
        raise RunError(
            f"{run.directory}: {run.model.name} is {a_kind(run.model.kind)}, which does not "
            "choose where to look\n  allowed here: runs of a focus model, such as what connsearch "
            "train adafocus writes (connsearch models 'adafocus*' lists them)"
        )


def _stops(
    asked: FocusShowSettings, trained: RunRecord, network: FocusModel, listener: Listener
) -> Stops | None:
    """When clips stop, by the thresholds in the run, as a prediction takes them; None: at the end.

    Raises:
        RunError: as for ``connsearch predict``.
    """
    wanted = PredictSettings(
        run=asked.run, videos=(asked.run,), budget=asked.budget, all_steps=asked.all_steps
    )
    found = chosen_stops(wanted, trained, network, listener)
    return None if found is None else found.stops


def _looked(
    asked: FocusShowSettings,
    model: FocusModel,
    clips: Clips,
    stops: Stops | None,
    listener: Listener,
) -> Looked:
    """Where the model looks in all clips."""
    wanted = ComputeOptions(device=asked.device, precision=asked.precision, threads=asked.threads)
    found = describe_environment(wanted)
    compute = Compute(found["device"], found["precision"])
    limit = nullcontext() if asked.threads is None else processor_threads(asked.threads)
    loss = choose_loss(recorded_loss(asked.run), multi_label=clips.multi_label)
    with limit, Loader(clips.dataset) as loader:
        work = look_through(
            model.to(compute.device),
            loader,
            loss=loss,
            compute=compute,
            keep=clips.shown,
            stops=stops,
        )
        return _followed(work, len(clips.dataset), listener)


def _followed(work: Generator[int, None, Looked], total: int, listener: Listener) -> Looked:
    with listener.working("clips"):
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                return end.value
            listener.hear(CountEvent(done, total, "clips"))
