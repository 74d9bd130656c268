"""Where a file goes whose place nobody said: to what it is about, and only else to this folder."""

from __future__ import annotations

import os
from pathlib import Path

from connsearch.files.disk import is_folder, is_there
from connsearch.graph.files import structure_names
from connsearch.runs.names import CHECKPOINTS

_LONGEST = 255
"""Bytes of a file's name."""


def home_of(target: str) -> Path:
    """Returns the directory that pictures of a target belong to.

    That is the directory of a run, the folder of a file, and this directory for a name.

    Args:
        target: a name of a structure, a structure file, a run, a pruned network or a checkpoint.
    """
    if target in structure_names():
        return Path()
    path = Path(target)
    if is_folder(path):
        return path
    if not is_there(path):
        return Path()
    return path.parent.parent if path.parent.name == CHECKPOINTS else path.parent


def beside_data(source: str, ending: str) -> Path:
    """Returns where a file about a data set goes: beside its list or its folder, not into it.

    It is ``ending`` in this directory for planted data, and where the name would be too long;
    ``NAME.ending`` in this directory where the folder beside the data cannot be written to.

    Args:
        source: what the data is found by: a path, or ``NAME:PATH``.
        ending: of the file's name, such as ``check.csv``.
    """
    path, (_, colon, rest) = Path(source).expanduser(), source.partition(":")
    if not is_there(path):
        path = Path(rest)
        if not colon or not rest or not is_there(path):
            return Path(ending)
    if path.name in ("", ".."):
        path = path.resolve()
    name = f"{path.name if is_folder(path) else path.stem}.{ending}"
    if len(os.fsencode(name)) > _LONGEST:
        return Path(ending)
    return path.with_name(name) if os.access(path.parent, os.W_OK) else Path(name)
