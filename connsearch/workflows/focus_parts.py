"""The networks a focus model is trained with: opened once, then kept in the run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from connsearch.errors import RunError, UnknownNameError
from connsearch.files.disk import is_folder, is_there, sha256_of
from connsearch.graph.document import to_json
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument
from connsearch.models.focus.focus import FocusModel
from connsearch.models.focus.options import FocusOptions
from connsearch.models.model import Model
from connsearch.models.zoo import MODELS
from connsearch.registry import suggest
from connsearch.runs.documents import write_form
from connsearch.runs.files import load_weights, put_weights, stored_model, write_weights
from connsearch.runs.formats.conversion import SourceFileRecord
from connsearch.runs.formats.focus_parts import FocusPartRecord, FocusPartsRecord
from connsearch.runs.names import FIRST, FOCUS_PARTS
from connsearch.runs.record import RunRecord
from connsearch.workflows.listening import Listener
from connsearch.workflows.targets import open_trained

_OF_A_DOCUMENT = ".fusion.coefficients"
"""Weights of connections as they stay: their structure has them."""


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """A network of elsewhere that is to be part of a focus model.

    Attributes:
        target: as it was named.
        document: what it is built from, with the connection weights it has learned.
        source: where its weights are, or its structure where it has none.
        tensors: its weights; None: it has none, and begins with first values.
    """

    target: str
    document: ModelDocument
    source: SourceFileRecord
    tensors: Mapping[str, Tensor] | None = None


@dataclass(frozen=True, slots=True)
class OpenedParts:
    """The networks that were named for a focus model.

    Attributes:
        names: those of networks by name, by what they are to be.
        opened: those from files and runs, likewise.
        begun: the whole model, where the run has begun with them already: it needs them no more.
    """

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    opened: Mapping[str, OpenedPart] = field(default_factory=dict[str, OpenedPart])
    begun: ModelDocument | None = None


def open_parts(
    asked: FocusOptions, directory: Path, values: Mapping[str, Structure] | None = None
) -> OpenedParts:
    """Returns the networks that a run in a directory is to begin with.

    A run that has begun needs them no more; if they are there, they must be the same.

    Args:
        asked: names them.
        directory: of the run that is to begin.
        values: structures that are given as values, by what they are to be.

    Raises:
        UserError: there is no such network, it cannot be used, or the run has begun with another.
    """
    run, values = RunRecord(directory), values or {}
    names = {part: target for part, target in asked.parts.items() if _is_name(target)}
    others = {part: target for part, target in asked.parts.items() if part not in names}
    if run.focus_parts is not None and (run.finished or run.has(FIRST)):
        for part, target in others.items():
            _refuse_changed(part, target, run)
        return OpenedParts(names, {}, run.model if run.finished else stored_model(run.path(FIRST)))
    opened = {
        part: _of_value(values[part], target) if part in values else _opened(part, target)
        for part, target in others.items()
    }
    return OpenedParts(names, opened)


def begin_with_parts(parts: OpenedParts, model: Model, directory: Path, listener: Listener) -> None:
    """Gives the networks of a focus model their weights, and keeps them until the run is finished.

    Args:
        parts: as :func:`open_parts` gave them.
        model: changed in place.
        directory: of the run.
        listener: hears what was loaded.

    Raises:
        RunError: weights do not fit.
    """
    first = directory / FIRST
    if parts.begun is not None:
        if is_there(first):
            put_weights(model, load_weights(first), first)
        return
    if not parts.opened:
        return
    assert isinstance(model, FocusModel), "others were refused"
    for part, found in parts.opened.items():
        told = "its structure; its weights are new"
        if found.tensors is not None:
            count = _put(found, model.glance if part == "glance" else model.local)
            told = f"with its weights ({count:,} entries)"
        listener.say(f"{part} network: {found.target}, {told}")
    # First the weights: where the record is missing, they are taken again.
    write_weights(first, model.state_dict(), model.describe())
    records = {
        part: FocusPartRecord(
            target=found.target, source=found.source, weights=found.tensors is not None
        )
        for part, found in parts.opened.items()
    }
    write_form(directory / FOCUS_PARTS, FocusPartsRecord(parts=records))


def _is_name(target: str) -> bool:
    return target in MODELS or target in structure_names()


def _opened(part: str, target: str) -> OpenedPart:
    path = Path(target)
    if is_folder(path):
        record = open_trained(path)
        document = record.outcome or record.model
        return OpenedPart(target, document, _source(record.weights_path), record.tensors)
    if path.suffix == ".json":
        structure = load_structure(target)
        return OpenedPart(target, ModelDocument.of(structure), _source(path))
    if path.suffix == ".safetensors":
        return OpenedPart(target, stored_model(path), _source(path), load_weights(path))
    if is_there(path):
        raise RunError(
            f"--{part} {target}: does not say what network its weights are of\n"
            "  cure: connsearch weights convert FILE --model NAME --output DIR, then "
            f"--{part} DIR"
        )
    if os.sep in target:
        raise RunError(
            f"--{part} {target}: no such file or directory\n  allowed: the name of a network, a "
            "structure file (.json), a weight file of ours (.safetensors), or the directory of a "
            "run, a pruned network or converted weights"
        )
    raise UnknownNameError(suggest(f"{part} network", target, [*structure_names(), *MODELS]))


def _of_value(structure: Structure, name: str) -> OpenedPart:
    text = json.dumps(to_json(structure), sort_keys=True).encode()
    source = SourceFileRecord(path=name, sha256=hashlib.sha256(text).hexdigest())
    return OpenedPart(name, ModelDocument.of(structure), source)


def _source(path: Path) -> SourceFileRecord:
    return SourceFileRecord(path=str(path), bytes=path.stat().st_size, sha256=sha256_of(path))


def _put(found: OpenedPart, part: Model) -> int:
    """Loads the weights of a part, whose classifier is gone; returns how many entries.

    Raises:
        RunError: one is missing, or of another shape.
    """
    assert found.tensors is not None
    own = part.state_dict()
    wanted = [name for name in own if not name.endswith(_OF_A_DOCUMENT)]
    misfits = [
        name
        for name in wanted
        if name not in found.tensors or found.tensors[name].shape != own[name].shape
    ]
    if misfits:
        raise RunError(
            f"{found.target}: its weights do not fit what it is built from: {misfits[0]}"
            f"{f', and {len(misfits) - 1} more' if len(misfits) > 1 else ''}\n"
            "  one of the files was changed; a network and its weights belong together"
        )
    part.load_state_dict(own | {name: found.tensors[name] for name in wanted})
    return len(wanted)


def _refuse_changed(part: str, target: str, run: RunRecord) -> None:
    """Refuses a network that is not the one the run has begun with; it needs none any more.

    Raises:
        RunError: it is there, and another one.
    """
    before = None if run.focus_parts is None else run.focus_parts.parts.get(part)
    path = RunRecord(Path(target)).weights_path if is_folder(target) else Path(target)
    if before is None or not is_there(path):
        return
    now = sha256_of(path)
    if now != before.source.sha256:
        raise RunError(
            f"{run.directory}: contains a run with other settings\n"
            f"  {part}: the run has {target} with the SHA-256 {before.source.sha256[:12]}..., now "
            f"it has {now[:12]}...\n"
            "  cure: the network as it was (or none: the run needs it no more), or choose another "
            "directory (--run)"
        )
