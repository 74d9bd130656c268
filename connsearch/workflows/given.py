"""Values that Python callers give in place of names: structures, data, runs, networks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.errors import SettingsError
from connsearch.graph.document import to_json
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.spec import Structure
from connsearch.runs.record import RunRecord

Place = str | os.PathLike[str]

StructureLike = Place | Structure | RunRecord
"""A structure, or what :func:`~connsearch.workflows.load.load_structure` finds it by."""

DataLike = Place | DataOptions | DataSplits
"""Data that is loaded, or what :func:`~connsearch.workflows.load.load_data` finds it by."""

RunLike = Place | RunRecord
"""A run, or its directory."""


def name_of(value: StructureLike) -> str:
    """Returns what a run records as its structure: a name or a path, with a hash where it must.

    A structure that is another one than that of its name is told apart by its content.
    """
    if isinstance(value, RunRecord):
        return str(value.directory)
    if not isinstance(value, Structure):
        return os.fspath(value)
    known = value.name in structure_names() and load_structure(value.name) == value
    return value.name if known else f"{value.name}@{_digest(value)}"


def _digest(structure: Structure) -> str:
    text = json.dumps(to_json(structure), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def place_of(value: RunLike) -> str:
    """Returns the directory of a run."""
    return str(value.directory) if isinstance(value, RunRecord) else os.fspath(value)


def structure_in(value: StructureLike) -> Structure | None:
    """Returns the structure that was given as a value; None: it is named."""
    if isinstance(value, RunRecord):
        return value.structure
    return value if isinstance(value, Structure) else None


def given_data(value: DataLike | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keywords of a workflow together with those that its data stands for.

    Args:
        value: the data; None: what the workflow takes by default.
        settings: all other keywords.

    Raises:
        SettingsError: it was not loaded by its options, so a run could not record them.
    """
    if value is None:
        return dict(settings)
    if isinstance(value, DataSplits):
        if value.options is None:
            raise SettingsError(
                f"{value.name}: these splits were put together by hand, so a run cannot record "
                "where they come from\n  cure: connsearch.load_data(...)"
            )
        value = value.options
    if not isinstance(value, DataOptions):
        return {**settings, "source": os.fspath(value)}
    seed = {} if value.seed == settings.get("seed", 0) else {"data_seed": value.seed}
    return {**settings, **seed, "data": value.model_dump()}


def splits_in(value: DataLike | None) -> DataSplits | None:
    """Returns the data that was given loaded; None: it is named."""
    return value if isinstance(value, DataSplits) else None
