"""Values that Python callers give in place of names: structures and runs. Free of torch."""

from __future__ import annotations

import hashlib
import json
import os

from connsearch.errors import SettingsError
from connsearch.graph.document import to_json
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.spec import Structure
from connsearch.runs.record import RunRecord

Place = str | os.PathLike[str]

StructureLike = Place | Structure | RunRecord
"""A structure, or what :func:`~connsearch.workflows.load.load_structure` finds it by."""

RunLike = Place | RunRecord
"""A run, or its directory."""


def named(name: str, value: StructureLike | None) -> dict[str, str]:
    """Returns the keyword ``name`` for a structure, or nothing where none was given."""
    return {} if value is None else {name: name_of(value)}


def name_of(value: StructureLike) -> str:
    """Returns what a run records as its structure: a name or a path, with a hash where it must.

    A structure that is another one than that of its name is told apart by its content.

    Raises:
        SettingsError: it is a value of another kind.
    """
    if isinstance(value, RunRecord):
        return str(value.directory)
    if not isinstance(value, Structure):
        return path_of(value, "a structure, its name or file, or a run or its directory")
    known = value.name in structure_names() and load_structure(value.name) == value
    return value.name if known else f"{value.name}@{_digest(value)}"


def _digest(structure: Structure) -> str:
    text = json.dumps(to_json(structure), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def place_of(value: RunLike) -> str:
    """Returns the directory of a run.

    Raises:
        SettingsError: it is a value of another kind.
    """
    if isinstance(value, RunRecord):
        return str(value.directory)
    return path_of(value, "a run or its directory")


def path_of(value: object, allowed: str) -> str:
    """Returns a name or a path as text.

    Raises:
        SettingsError: it is neither; says what is allowed.
    """
    if isinstance(value, str | os.PathLike):
        return str(os.fspath(value))
    kind = value.__name__ if isinstance(value, type) else type(value).__name__
    raise SettingsError(f"read a value of the type {kind}\n  allowed: {allowed}")


def structure_in(value: StructureLike | None) -> Structure | None:
    """Returns the structure that was given as a value; None: it is named."""
    if isinstance(value, RunRecord):
        return value.structure
    return value if isinstance(value, Structure) else None
