"""Where a file goes whose place nobody said: to what it is about, and only else to this folder."""

from __future__ import annotations

import os
from pathlib import Path

from connsearch.files.disk import is_folder, is_there
from connsearch.graph.files import structure_names


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
    return path.parent if is_there(path) else Path()


def beside_data(source: str, ending: str) -> Path:
    """Returns where a file about a data set goes: beside its list or its folder, not into it.

    For planted data it is ``ending`` in this directory, and ``NAME.ending`` in this directory where
    the folder beside the data cannot be written to.

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
    return path.with_name(name) if os.access(path.parent, os.W_OK) else Path(name)
