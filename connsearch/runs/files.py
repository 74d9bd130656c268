"""The weight files of a run: written, read, and put into a network that they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from connsearch.errors import RunError, SettingsError
from connsearch.files.disk import atomic_write_text, is_there
from connsearch.files.documents import parse_object, read_object
from connsearch.graph.files import read_structure, write_structure
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument, a_kind
from connsearch.runs.names import MODEL
from connsearch.runs.tensors import opened, tensors_in, write_tensors

_WEIGHTS_FORMAT = "connsearch weights 1"
_CARRIED = ("structure", "model")
"""What a weight file or a checkpoint may say what it is of; see ``ModelDocument.entry``."""


def write_weights(path: str | Path, tensors: Mapping[str, Tensor], model: ModelDocument) -> None:
    """Writes a ``state_dict`` atomically, with the model it belongs to in the header."""
    entry = {key: json.dumps(value) for key, value in model.entry().items()}
    write_tensors(Path(path), tensors, {"format": _WEIGHTS_FORMAT, **entry})


def write_model(model: ModelDocument, path: Path) -> None:
    """Writes a model document atomically.

    Raises:
        StructureError: a structure breaks a rule, or its provenance is no JSON.
    """
    if model.structure is not None:
        write_structure(model.structure, path, model=True)
    else:
        atomic_write_text(path, json.dumps(model.to_json(), indent=2) + "\n")


def read_model(path: Path) -> ModelDocument:
    """Returns the model document in a file of a run; where no ``model.json`` is, a structure's.

    Raises:
        RunError: it cannot be read, or is something else.
        StructureError: it is a structure, and breaks a rule.
    """
    if is_there(path.with_name(MODEL)):
        return ModelDocument.read(read_object(path, "a model document"), where=str(path))
    return ModelDocument.of(read_structure(path))


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """Returns the ``state_dict`` in a weight file or in a checkpoint.

    Raises:
        RunError: it cannot be read, is not a safetensors file, or contains types that no network
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
    """Loads weights into a network, in place, after checking that all of them fit.

    Args:
        network: of the structure they were learned in.
        tensors: its ``state_dict``.
        path: where they come from, for the message.

    Raises:
        RunError: one is missing, too many, or of another shape or type; five at most are named.
    """
    faults = _misfits(network, tensors)
    if faults:
        raise RunError(
            f"{path}: its weights do not fit its structure\n{faults}\n"
            "  one of the files was changed; a structure and its weights belong together"
        )
    network.load_state_dict(dict(tensors))


def require_shapes(network: nn.Module, tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Refuses a network that was given for a run if it is not the one that the run has trained.

    Args:
        network: that was given.
        tensors: the ``state_dict`` of the run.
        path: of the run, for the message.

    Raises:
        SettingsError: a weight is missing, superfluous, or of another shape or type; five at most
            are named.
    """
    faults = _misfits(network, tensors)
    if faults:
        raise SettingsError(
            f"{path}: contains a run of another network than the one that is given\n{faults}\n"
            "  cure: build it as for that run, or choose another directory"
        )


def _misfits(network: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """The weights that do not fit, one per line, five at most; empty if all fit."""
    wanted: Mapping[str, Tensor] = network.state_dict()
    faults = [f"{name} is missing" for name in wanted if name not in tensors]
    faults += [f"{name} is not part of the network" for name in tensors.keys() - wanted]
    for name, tensor in tensors.items():
        if name in wanted and _form(tensor) != _form(wanted[name]):
            faults.append(f"{name} is {_form(tensor)}, expected {_form(wanted[name])}")
    shown = [f"  {fault}" for fault in sorted(faults)[:5]]
    return "\n".join([*shown, *([f"  and {len(faults) - 5} more"] if len(faults) > 5 else [])])


def refuse_unusable(path: str | Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuses numbers no network of connsearch has, and values that are not finite.

    Raises:
        RunError: the first such tensor is named.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.int64):
            raise RunError(
                f"{path}: {name} is {_type(tensor)}; allowed are float32, and int64 for counts\n"
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
    found = stored_model(path)
    if found.structure is None:
        raise RunError(
            f"{path}: contains {a_kind(found.kind)} ({found.name}), which has no structure\n"
            "  cure: give a weight file or a checkpoint of a structure"
        )
    return found.structure


def stored_model(path: str | Path) -> ModelDocument:
    """Returns the model, as learned, that a weight file or a checkpoint carries.

    Raises:
        RunError: it cannot be read, or carries none.
        StructureError: a structure that it carries breaks a rule.
    """
    with opened(path) as file:
        header: dict[str, str] = file.metadata() or {}
    try:
        entries: Mapping[str, Any] = (
            parse_object(header["state"])
            if "state" in header
            else {key: parse_object(header[key]) for key in _CARRIED if key in header}
        )
    except ValueError:
        entries = {}
    stored = [entries[key] for key in _CARRIED if isinstance(entries.get(key), dict)]
    if not stored:
        raise RunError(
            f"{path}: contains no structure and no other model\n"
            "  cure: give a weight file or a checkpoint that connsearch wrote"
        )
    return ModelDocument.read(stored[0], where=Path(path).stem)


def _form(tensor: Tensor) -> str:
    return f"{_type(tensor)} {list(tensor.shape)}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
