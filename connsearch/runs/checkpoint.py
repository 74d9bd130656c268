"""Checkpoints: one safetensors file each, tensors and JSON state together, replaced atomically.

A checkpoint is written under a temporary name, synced and renamed; the one before it stays. Its
header carries two digests: ``digest`` of everything that must be equal between two runs of the same
settings (tensors and state), and ``seal`` of that and the notes, which notices any damage.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from connsearch.errors import RunError
from connsearch.files.disk import names_in
from connsearch.files.documents import parse_object
from connsearch.files.drafts import is_draft, remove_abandoned
from connsearch.files.places import make_directories
from connsearch.runs.tensors import opened, tensors_in, write_tensors

FORMAT = "connsearch checkpoint 1"
_KEPT = 2
_STEP = re.compile(r"\d{1,12}")
_NAME = re.compile(r"step-.*\.safetensors")

_OLD = re.compile(r"step-\d+\.\d+\.tmp")
"""How a checkpoint was called, by earlier versions, while it was written."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a run needs to resume.

    Attributes:
        step: optimiser steps done.
        tensors: model, optimisers and gradient records, by name.
        state: JSON values that decide what happens next.
        notes: JSON values that do not (times, lengths of log files); not part of the digest.
    """

    step: int
    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint that was read, where from, and what is wrong with the newer ones."""

    checkpoint: Checkpoint
    path: Path
    damaged: tuple[str, ...]


def digest(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> str:
    """Returns a hash of tensors (name, type, shape, bytes) and JSON state, in hex.

    Memory layout and the order of names do not matter.
    """
    found = hashlib.sha256(_canonical(state).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of one owner, by names that say whose they are."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Returns what :func:`under` was given."""
    start = f"{prefix}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def save_checkpoint(directory: Path, checkpoint: Checkpoint) -> Path:
    """Returns the path of the checkpoint it wrote; the one before it is kept, older ones go."""
    path = directory / f"step-{checkpoint.step:09d}.safetensors"
    save_checkpoint_as(path, checkpoint)
    tidy(directory)
    return path


def save_checkpoint_as(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint to a file of that name, at once or not at all; others stay."""
    make_directories(path.parent)
    header = {
        "format": FORMAT,
        "step": str(checkpoint.step),
        "state": _canonical(checkpoint.state),
        "notes": _canonical(checkpoint.notes),
        "digest": digest(checkpoint.tensors, checkpoint.state),
    }
    header["seal"] = _seal(header)
    write_tensors(path, checkpoint.tensors, header)


def tidy(directory: Path) -> None:
    """Removes all checkpoints but the newest ones, and incomplete files of a killed process."""
    for old in _newest_first(directory)[_KEPT:]:
        old.unlink(missing_ok=True)
    remove_abandoned(p for p in directory.glob("*.tmp") if is_draft(p) or _OLD.fullmatch(p.name))


def load_checkpoint(directory: Path) -> Loaded | None:
    """Returns the newest whole checkpoint, or None when there never was one.

    Raises:
        RunError: there are checkpoints, but all of them are damaged.
    """
    damaged: list[str] = []
    for path in _newest_first(directory):
        try:
            return Loaded(read_checkpoint(path), path, tuple(damaged))
        except RunError as error:
            damaged.append(str(error))
    if damaged:
        raise RunError(
            f"{directory}: no complete checkpoint is left\n  " + "\n  ".join(damaged) + "\n  cure: "
            "start again in another directory (--run), or remove the checkpoint directory "
            "to start over"
        )
    return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Returns one checkpoint file, checked against its digests.

    Raises:
        RunError: it is truncated, altered, or not a checkpoint of this version.
    """
    with opened(path) as file:
        header: dict[str, str] = file.metadata() or {}
        if header.get("format") != FORMAT:
            raise RunError(
                f"{path}: not a checkpoint this version reads; expected format {FORMAT!r}, "
                f"read {header.get('format', 'none')!r}"
            )
        tensors = tensors_in(file)
    whole = header.get("seal") == _seal(header)  # before anything in the header is read
    state = _object(path, header["state"]) if whole else {}
    if not whole or header["digest"] != digest(tensors, state):
        raise RunError(f"{path}: its content does not match its digest, the file is damaged")
    notes = _object(path, header["notes"])
    if not _STEP.fullmatch(header["step"]):
        raise RunError(f"{path}: step {header['step'][:40]!r}; expected a whole number")
    return Checkpoint(int(header["step"]), tensors, state, notes)


def _object(path: Path, text: str) -> dict[str, Any]:
    try:
        return parse_object(text)
    except ValueError as error:
        raise RunError(f"{path}: its header cannot be read: {error}") from None


def _newest_first(directory: Path) -> list[Path]:
    names = [name for name in names_in(directory) if _NAME.fullmatch(name)]
    return [directory / name for name in reversed(names)]


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _seal(header: Mapping[str, str]) -> str:
    parts = "\0".join(header.get(key, "") for key in ("format", "step", "state", "notes", "digest"))
    return hashlib.sha256(parts.encode()).hexdigest()
