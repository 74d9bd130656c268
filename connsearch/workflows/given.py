"""Values that Python callers give in place of names: structures and runs. Free of torch."""

from __future__ import annotations

import hashlib
import json
import os

from connsearch.graph.document import to_json
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.spec import Structure
from connsearch.runs.record import RunRecord

Place = str | os.PathLike[str]

StructureLike = Place | Structure | RunRecord
"""A structure, or what :func:`~connsearch.workflows.load.load_structure` finds it by."""

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
