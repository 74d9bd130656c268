"""The names in a run directory, and its weight files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from connsearch.errors import RunError
from connsearch.graph.files import from_json, to_json
from connsearch.graph.spec import Structure
from connsearch.train.checkpoint import write_tensors

CONFIG, STRUCTURE, RESULT = "config.json", "structure.json", "result.json"
LEARNED, WEIGHTS = "learned.json", "learned.safetensors"
CHECKPOINTS, METRICS, CONNECTIONS = "checkpoint", "metrics.csv", "connections.csv"

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
    stored = header.get("structure") or json.loads(header.get("state", "{}")).get("structure")
    if stored is None:
        raise RunError(
            f"{path}: carries no structure\n"
            "  cure: give a weight file or a checkpoint that connsearch wrote"
        )
    return from_json(
        json.loads(stored) if isinstance(stored, str) else stored, name=Path(path).stem
    )


def _unreadable(path: str | Path, error: Exception) -> RunError:
    return RunError(
        f"{path}: cannot be read as safetensors: {error}\n"
        "  cure: give a weight file or a checkpoint that connsearch wrote; nothing that could run "
        "code (pickle, .pt, .pth) is ever loaded"
    )
