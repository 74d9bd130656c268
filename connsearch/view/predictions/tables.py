"""Predictions as tables of a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from connsearch.files.text import visible
from connsearch.training.predicted import (
    PredictedVideos,
    Prediction,
    Stretch,
    said,
    seen,
    stretches,
    sureness,
)

MOST_ROWS = 60
"""Rows of a table; of more it says how many are not shown."""


def predictions_table(found: PredictedVideos, *, top: int = 5) -> Group:
    """Returns one row a video, with its likeliest classes; of a single video one row a class."""
    if len(found) == 1:
        return _alone(found[0], top)
    folder = _shared_folder([one.path for one in found])
    table = _table(_left(len(found), "videos"))
    table.add_column("video", overflow="fold")
    table.add_column("answer", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    if found.budget is not None:
        table.add_column("step", justify="right", no_wrap=True)
    if top > 1:
        table.add_column("next", overflow="fold")
    for one in found[:MOST_ROWS]:
        name = os.path.relpath(one.path, folder) if folder else one.path
        cells = [visible(name), visible(said(one)), f"{sureness(one):.3f}"]
        cells += [] if found.budget is None else [str(one.step)]
        cells += [_next(one, top)] if top > 1 else []
        table.add_row(*map(Text, cells))
    return _titled(f"videos in {visible(folder)}" if folder else "", table)


def _next(one: Prediction, top: int) -> str:
    """The classes that come after those of the answer; ``top`` counts both."""
    named = seen(one)
    places = [place for place in one.order if place not in named][: max(top - len(named), 0)]
    return ", ".join(f"{visible(one.classes[k])} {one.values[k]:.3f}" for k in places)


def _shared_folder(paths: Sequence[str]) -> str:
    """The folder that all paths are in, as it was named; empty where there is none."""
    if len(paths) < 2 or len({os.path.isabs(path) for path in paths}) > 1:
        return ""
    return os.path.commonpath([os.path.dirname(path) for path in paths])


def _alone(one: Prediction, top: int) -> Group:
    table = _table("")
    table.add_column("class", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    for label, value in one.top(top):
        table.add_row(Text(visible(label)), Text(f"{value:.3f}"))
    stopped = "" if one.step is None else f", stopped after step {one.step}"
    return _titled(visible(one.path) + stopped, table)


def timeline_tables(found: PredictedVideos) -> Iterator[Group]:
    """Yields a table a video: from when to when it shows what."""
    for path, windows in found.videos.items():
        yield _timeline(path, windows, found.hop)


def _timeline(path: str, windows: Sequence[Prediction], hop: float | None) -> Group:
    parts = stretches(windows, hop)
    count = f"{len(windows)} window{'s' if len(windows) != 1 else ''}"
    table = _table(_left(len(parts), "changes"))
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("to", justify="right", no_wrap=True)
    table.add_column("answer")
    table.add_column("probability", justify="right")
    table.add_column("windows", justify="right")
    for part in parts[:MOST_ROWS]:
        table.add_row(*_cells(part))
    return _titled(f"{visible(path)}: {count}", table)


def _cells(part: Stretch) -> Iterator[Text]:
    yield Text(clock_text(part.start))
    yield Text(clock_text(part.end))
    yield Text(visible(part.label))
    yield Text(f"{part.probability:.3f}")
    yield Text(str(part.windows))


def clock_text(seconds: float) -> str:
    """Returns a time as a player shows it, with tenths.

    >>> clock_text(4.25), clock_text(75.0), clock_text(3661.96)
    ('0:04.2', '1:15.0', '1:01:02.0')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _left(count: int, what: str) -> str:
    more = count - MOST_ROWS
    return f"{more:,} more {what} are not shown; --csv FILE writes all" if more > 0 else ""


def _titled(title: str, table: Table) -> Group:
    """A table below its title, which may be wider."""
    return Group(*(Text(text) for text in (title,) if text), table)


def _table(caption: str) -> Table:
    return Table(
        box=SIMPLE_HEAD,
        caption=Text(caption) if caption else None,
        caption_justify="left",
        pad_edge=False,
    )
