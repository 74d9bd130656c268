"""The names in a run directory, and its weight files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from torch import Tensor

from connsearch.errors import RunError
from connsearch.graph.files import from_json, to_json
from connsearch.graph.spec import Structure
from connsearch.train.checkpoint import write_tensors

CONFIG, STRUCTURE, RESULT = "config.json", "structure.json", "result.json"
LEARNED, WEIGHTS = "learned.json", "learned.safetensors"
CHECKPOINTS, METRICS, CONNECTIONS = "checkpoint", "metrics.csv", "connections.csv"
QUARANTINE = "quarantine.csv"

_WEIGHTS_FORMAT = "connsearch weights 1"


def write_weights(path: str | Path, tensors: Mapping[str, Tensor], structure: Structure) -> None:
    """Writes a ``state_dict`` atomically, with the structure it belongs to in the header."""
    header = {"format": _WEIGHTS_FORMAT, "structure": json.dumps(to_json(structure))}
    write_tensors(Path(path), tensors, header)


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """Returns the ``state_dict`` in a weight file or in a checkpoint.

    Raises:
        RunError: it cannot be read, or is no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            found: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            is_checkpoint = "state" in (file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from None
    if not is_checkpoint:
        return found
    return {n.removeprefix("model/"): t for n, t in found.items() if n.startswith("model/")}


def stored_structure(path: str | Path) -> Structure:
    """Returns the structure, as learned, that a weight file or a checkpoint carries.

    Raises:
        RunError: it cannot be read, or carries none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from None
    try:
        stored = json.loads(header.get("structure") or header.get("state", "{}"))
    except (ValueError, RecursionError):
        stored = None
    if isinstance(stored, dict) and "structure" not in header:
        stored = cast("dict[str, Any]", stored).get("structure")
    if stored is None:
        raise RunError(
            f"{path}: carries no structure\n"
            "  cure: give a weight file or a checkpoint that connsearch wrote"
        )
    return from_json(stored, name=Path(path).stem)


def read_result(path: Path) -> dict[str, Any]:
    """Returns a finished run's ``result.json``.

    Raises:
        RunError: it is damaged.
    """
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read as a run's result: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("metrics"), dict):
        raise RunError(
            f"{path}: is not the result of a connsearch run\n"
            "  cure: remove it and repeat the command that wrote it"
        )
    return cast("dict[str, Any]", found)


def _unreadable(path: str | Path, error: Exception) -> RunError:
    return RunError(
        f"{path}: cannot be read as safetensors: {error}\n"
        "  cure: give a weight file or a checkpoint that connsearch wrote; nothing that could run "
        "code (pickle, .pt, .pth) is ever loaded"
    )
