"""Where the data of a run is for somebody who is in another folder than the run was made in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

_PLACES = ("source", "videos")
"""Settings of the data that are paths, or end with one."""

_BUILT_IN = "synthetic:"
"""How data begins that is no path."""


def from_here(settings: Mapping[str, Any], run: Path) -> Mapping[str, Any]:
    """Returns recorded settings whose relative paths of data can be followed from here.

    A relative path that leads nowhere from the current folder is tried from each folder that the
    run is in, the nearest first: one of them is usually where the run was made. Whether what is
    there is the data of the run, its fingerprint says. A path that is found nowhere stays.

    Args:
        settings: as recorded: ``{"data": {"source": {"source": ..., "videos": ...}}}``.
        run: the directory they were recorded in.
    """
    data = settings.get("data")
    named = cast("Mapping[str, Any]", data).get("source") if isinstance(data, Mapping) else None
    if not isinstance(named, Mapping):
        return settings
    source = dict(cast("Mapping[str, Any]", named))
    for name in _PLACES:
        if isinstance(source.get(name), str):
            source[name] = _followed(source[name], run)
    return {**settings, "data": {**cast("Mapping[str, Any]", data), "source": source}}


def _followed(text: str, run: Path) -> str:
    """One path, or the name of a kind of list with one: ``ucf101:lists``."""
    if not text or text.startswith(_BUILT_IN) or os.path.exists(text):
        return text
    kind, colon, rest = text.rpartition(":")
    path = Path(rest)
    if not rest or path.is_absolute() or rest.startswith("~") or os.path.exists(rest):
        return text
    for folder in run.absolute().parents:
        if os.path.exists(folder / path):
            return f"{kind}{colon}{folder / path}"
    return text
