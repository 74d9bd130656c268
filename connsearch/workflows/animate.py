"""How the weights of a search went, as GIF, MP4 or a page with a slider: :func:`animate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.errors import Failure, UnknownNameError, UserError
from connsearch.files.paths import check_path
from connsearch.files.places import place_of as made_for
from connsearch.pruning.options import build_criterion
from connsearch.pruning.remains import Remains
from connsearch.runs.record import RunRecord, open_run
from connsearch.view.runs.animate_frames import draw_frames, write_gif, write_mp4
from connsearch.view.runs.animate_page import write_page
from connsearch.view.runs.animation import (
    Backdrop,
    ChosenState,
    Moment,
    read_moments,
    set_stage,
)
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.animate import AnimateSettings

FORMATS = (".gif", ".html", ".mp4")


@dataclass(frozen=True, slots=True)
class Animation:
    """What was drawn.

    Attributes:
        files: where it is.
        steps: of the search that are shown, in order; last the one that was kept, if it is another.
        connections: lines whose weights change.
        remains: how much would stay at the last of these, as ``connsearch prune`` counts it.
    """

    files: tuple[Path, ...]
    steps: tuple[int, ...]
    connections: int
    remains: Remains


def animate(
    run: RunLike,
    output: str | Path | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> Animation:
    """Returns where the weights of a search are shown over time, once that is drawn.

    The width of a line is the weight at that step, dashed is what the criterion would remove then.

    Args:
        run: a search, also one that is unfinished or at work.
        output: ends in .gif, .mp4 or .html; by default animation.gif and animation.html in the run.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch animate`` by its name: ``frames=30, seconds=4``.

    Raises:
        UserError: a setting cannot be used, it is no search, or nothing was logged yet.
        Failure: a file cannot be written.
    """
    file = None if output is None else Path(output)
    asked = AnimateSettings.of(run=place_of(run), output=file, **settings)
    return run_animate(asked, Listener.of(progress))


def run_animate(asked: AnimateSettings, listener: Listener) -> Animation:
    """Returns the animation that was asked for, once it is drawn.

    Raises:
        UserError: as for :func:`animate`.
    """
    paths = _paths(asked)
    criterion = build_criterion(asked.criterion)
    record = open_run(asked.run)
    structure = record.built
    moments = read_moments(
        asked.run, structure, criterion, frames=asked.frames, chosen=_chosen(record)
    )
    title = f"{structure.name} in {Path(asked.run).resolve().name}"
    stage = set_stage(structure, moments, title=title)
    for path in paths:
        with made_for(path):
            if path.suffix.lower() == ".html":
                _write_page(path, stage, moments, title, asked.seconds)
            else:
                _write_film(path, stage, moments, asked.seconds, listener)
        listener.say(f"drawn: {path}")
    steps, last = tuple(moment.step for moment in moments), moments[-1]
    kept = " (the best look, which is kept)" if last.chosen else ""
    listener.say(
        f"at step {last.step}{kept}, pruned by {asked.criterion}: {last.remains} would stay"
    )
    return Animation(tuple(paths), steps, len(stage.edges), last.remains)


def _chosen(record: RunRecord) -> ChosenState | None:
    """The state that the run has kept; None: its last one."""
    choice = None if record.result is None else record.result.choice
    if choice is None or choice.step == choice.of:
        return None
    return ChosenState(choice.step, record.structure)


def _paths(asked: AnimateSettings) -> list[Path]:
    """Where to write, checked before any work.

    Raises:
        UserError: not a file of a known format.
    """
    if asked.output is None:
        return [Path(asked.run) / f"animation{suffix}" for suffix in (".gif", ".html")]
    if asked.output.suffix.lower() not in FORMATS:
        allowed = ", ".join(FORMATS)
        raise UnknownNameError(
            f"{asked.output}: ends in {asked.output.suffix or 'nothing'!r}, allowed is {allowed}"
        )
    check_path(asked.output)
    if asked.output.is_dir():
        raise UserError(f"{asked.output}: is a directory\n  cure: name a file with --output")
    return [asked.output]


def _write_page(
    path: Path, stage: Backdrop, moments: Sequence[Moment], title: str, seconds: float
) -> None:
    try:
        write_page(stage, moments, path, title=title, seconds=seconds)
    except OSError as error:
        raise Failure(f"{path}: could not be written: {error.strerror}") from None


def _write_film(
    path: Path, stage: Backdrop, moments: Sequence[Moment], seconds: float, listener: Listener
) -> None:
    write = write_gif if path.suffix.lower() == ".gif" else write_mp4
    frames = listener.count(draw_frames(stage, moments), len(moments), what="frames")
    write(frames, path, count=len(moments), seconds=seconds)
