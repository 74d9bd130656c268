"""Structures, data and runs as values: what most work begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.graph.spec import Structure
from connsearch.workflows.data import open_data
from connsearch.workflows.given import (
    RunLike,
    StructureLike,
    name_of,
    path_of,
    place_of,
    structure_in,
)
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.opened import OpenedRun, opened
from connsearch.workflows.settings.load import LoadSettings
from connsearch.workflows.targets import open_structure


def load_structure(target: StructureLike) -> Structure:
    """Returns a structure by name, from a structure file, a weight file or the directory of a run.

    That of a run has the weights its connections have learned so far.

    >>> len(load_structure("starter"))
    12

    Raises:
        UnknownNameError: there is no structure of that name; the nearest ones are named.
        StructureError: the file breaks rules; all faults are named.
        RunError: there is no such file or directory, or it is damaged.
    """
    given = structure_in(target)
    return open_structure(name_of(target)) if given is None else given


def load_data(
    source: str | Path = "synthetic:mix", *, progress: Progress = True, **settings: Any
) -> DataSplits:
    """Returns a data set: three disjoint splits, checked and ready to be read.

    Args:
        source: a folder with one sub-folder a class, a CSV file with the columns ``path`` and
            ``label``, ``NAME:PATH`` for a published list, or planted data (``synthetic:mix``).
        progress: shows how many videos were looked at (see :data:`~connsearch.workflows.
            listening.Progress`).
        settings: any option of data by its name: ``frames=16, size=112, seed=1``.

    Raises:
        SettingsError: there is no such setting, or its value cannot be used.
        DataError: the source or one of its files cannot be used.
    """
    asked = LoadSettings.of(source=path_of(source, "the name or the path of data"), **settings)
    return open_data(asked.data_options(), Listener.of(progress))


def load_run(directory: RunLike) -> OpenedRun:
    """Returns the run, or the pruned network, in a directory; nothing there is changed.

    Its ``structure``, ``metrics``, ``digest``, ``load_model()`` are what one goes on with;
    ``predict("clip.mp4")`` says what is in a video.

    Raises:
        RunError: there is none, or it is damaged.
    """
    return opened(place_of(directory))
