"""The weight files of a run: written, read, and put into a network that they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from connsearch.files.documents import parse_object
from connsearch.errors import RunError
from connsearch.graph.files import from_json, to_json
from connsearch.graph.spec import Structure
from connsearch.runs.tensors import opened, tensors_in, write_tensors

_WEIGHTS_FORMAT = "connsearch weights 1"


def write_weights(path: str | Path, tensors: Mapping[str, Tensor], structure: Structure) -> None:
    """Writes a ``state_dict`` atomically, with the structure it belongs to in the header."""
    header = {"format": _WEIGHTS_FORMAT, "structure": json.dumps(to_json(structure))}
    write_tensors(Path(path), tensors, header)


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """Returns the ``state_dict`` in a weight file or in a checkpoint.

    Raises:
        RunError: it cannot be read, is no safetensors file, or holds numbers of a kind no network
            of connsearch has, or values that are not finite.
    """
    with opened(path) as file:
        found = tensors_in(file)
        is_checkpoint = "state" in (file.metadata() or {})
    if is_checkpoint:
        found = {n.removeprefix("model/"): t for n, t in found.items() if n.startswith("model/")}
    refuse_unusable(path, found)
    return found


def put_weights(network: nn.Module, tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Puts weights into a network, in place, once all of them are known to fit.

    Args:
        network: of the structure they were learned in.
        tensors: its ``state_dict``.
        path: where they come from, for the message.

    Raises:
        RunError: one is missing, too many, or of another shape or type; five at most are named.
    """
    wanted: Mapping[str, Tensor] = network.state_dict()
    faults = [f"{name} is missing" for name in wanted if name not in tensors]
    faults += [f"{name} belongs to no part of the network" for name in tensors.keys() - wanted]
    for name, tensor in tensors.items():
        if name in wanted and _form(tensor) != _form(wanted[name]):
            faults.append(f"{name} is {_form(tensor)}, expected {_form(wanted[name])}")
    if faults:
        more = f"\n  and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise RunError(
            f"{path}: its weights do not fit its structure\n  "
            + "\n  ".join(sorted(faults)[:5])
            + f"{more}\n  a file was changed since; structure and weights belong together"
        )
    network.load_state_dict(dict(tensors))


def refuse_unusable(path: str | Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuses numbers no network of connsearch has, and values that are not finite.

    Raises:
        RunError: the first such tensor is named.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.int64):
            raise RunError(
                f"{path}: {name} holds {_type(tensor)}; allowed are float32, and int64 for counts\n"
                "  cure: a weight file that connsearch wrote"
            )
        if tensor.dtype == torch.float32 and not bool(tensor.isfinite().all()):
            count = int((~tensor.isfinite()).sum())
            raise RunError(
                f"{path}: {count} of {tensor.numel()} values of {name} are not finite (NaN or "
                "infinity)\n  cure: the file was changed or its training went wrong; train again"
            )


def stored_structure(path: str | Path) -> Structure:
    """Returns the structure, as learned, that a weight file or a checkpoint carries.

    Raises:
        RunError: it cannot be read, or carries none.
        StructureError: what it carries breaks a rule.
    """
    with opened(path) as file:
        header: dict[str, str] = file.metadata() or {}
    try:
        stored: Any = parse_object(header.get("structure") or header.get("state", "{}"))
    except ValueError:
        stored = None
    if isinstance(stored, dict) and "structure" not in header:
        stored = cast("dict[str, Any]", stored).get("structure")
    if stored is None:
        raise RunError(
            f"{path}: carries no structure\n"
            "  cure: give a weight file or a checkpoint that connsearch wrote"
        )
    return from_json(stored, name=Path(path).stem)


def _form(tensor: Tensor) -> str:
    return f"{_type(tensor)} {list(tensor.shape)}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
