"""Published weights, read from a file into one of our networks. The only door to ``torch.load``.

Nothing in a file is ever executed: pickles are read with ``weights_only``, and anything that is not
a tensor is refused. A network is changed only after every name and shape was found to fit.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from connsearch.errors import WeightsError
from connsearch.files.disk import AnyPath, cure_for, open_plain, reason
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.models.weights import PUBLICATIONS, Publication

LARGEST = 4 << 30
"""Bytes of the largest file that is read, packed or unpacked: 4 GiB."""
SHOWN = 5
"""Largest number of names of each kind of fault in a message."""
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training programs store the weights among other state."""
PARALLEL = "module."
"""What ``DataParallel`` puts before every name."""
COUNTER = "num_batches_tracked"
"""An entry that old files lack, and that changes nothing our networks compute."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read.

    Attributes:
        publication: its name.
        entries: how many entries of the network have published values now.
        left_out: our names of entries that kept their values: the classifier, if it was left out.
        notes: sentences for the user: what was left out, which other settings the weights expect.
    """

    publication: str
    entries: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def load_published(
    path: AnyPath, model: Model, *, publication: str, classifier: bool = True
) -> Imported:
    """Returns what was read of a file of published weights into a network: all of it or nothing.

    Args:
        path: a file of ``torch.save`` or of safetensors. The names in it may have the prefix of
            ``DataParallel``, and may be under ``state_dict`` among other state.
        model: a network of the kind that was published; changed in place.
        publication: a name of ``PUBLICATIONS``. It is not known from a file: two publications
            give the same names to different networks.
        classifier: False leaves the classifier as it is, for another number of classes.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: the file cannot be read, or has other entries than the network: the first
            five missing, unexpected and misshapen ones are named.
    """
    _ = PUBLICATIONS[publication]  # before a large file is read
    state = read_state(path)
    try:
        return import_state(state, model, publication=publication, classifier=classifier)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def read_state(path: AnyPath) -> dict[str, Tensor]:
    """Returns the weights in a file by the names it has for them, without wrapper and prefix.

    Raises:
        WeightsError: the file does not exist, has no read permission, is not a regular file, is
            larger than 4 GiB, has no tensors, or could be read only by executing it.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise WeightsError(f"{path}: {size} bytes; allowed are at most {LARGEST}")
            safe = file.read(9)[8:] == b"{"  # a length, then JSON
            found: object = load_file(path) if safe else _unpickled(path, file)
    except OSError as error:
        cure = f"\n  cure: {usual}" if (usual := cure_for(error)) else ""
        raise WeightsError(f"{path}: cannot be read: {reason(error)}{cure}") from None
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: cannot be read as safetensors: {reason(error)}\n"
            "  cure: download the file again, it may be incomplete"
        ) from None
    return _plain(path, found)


def import_state(
    state: Mapping[str, Tensor], model: Model, *, publication: str, classifier: bool = True
) -> Imported:
    """Returns what was put into a network of weights by their published names.

    Args:
        state: published names and values; another type of number is converted.
        model: a network; changed in place.
        publication: a name of ``PUBLICATIONS``.
        classifier: False leaves the classifier as it is.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: other entries than the network's; the network is as it was.
    """
    whose = PUBLICATIONS[publication]
    document = model.describe()
    _require(whose, publication, document)
    own, names = model.state_dict(), whose.key_map(document.settings)
    theirs = {name: names.published(name) or name for name in own}
    left_out = () if classifier else whose.classifier
    answers = {theirs[name] for name in whose.classifier}
    faults = _faults(
        {name: t for name, t in state.items() if classifier or name not in answers},
        {theirs[name]: t for name, t in own.items() if name not in left_out},
    )
    if faults:
        raise WeightsError(_told(faults, publication, answers))
    entries = 0
    with torch.no_grad():
        for name, entry in own.items():
            if theirs[name] in state and name not in left_out:
                entry.copy_(state[theirs[name]])
                entries += 1
    return Imported(
        publication, entries, left_out, tuple(_notes(whose, document.settings, left_out))
    )


def _faults(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> list[tuple[str, list[str]]]:
    """Returns kinds of fault with the names of each, all of them published ones."""
    missing = [n for n in wanted if n not in state and not n.endswith(COUNTER)]
    unexpected = [n for n in state if n not in wanted]
    misshapen = [
        f"{n} {list(state[n].shape)}, here {list(t.shape)}"
        for n, t in wanted.items()
        if n in state and state[n].shape != t.shape
    ]
    kinds = [("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen)]
    return [(kind, names) for kind, names in kinds if names]


def _require(whose: Publication, name: str, document: ModelDocument) -> None:
    own = {**document.settings, "kind": document.kind}
    differ = _different({"kind": whose.kind, **whose.needs}, own)
    if differ:
        said = "; ".join(f"{key} {value}, here {own.get(key)}" for key, value in differ)
        raise WeightsError(
            f"the weights of {name} belong to another network: {said}\n"
            "  cure: build the network with these settings"
        )


def _different(asked: Mapping[str, Any], own: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Returns what a network has otherwise; its settings are JSON, with lists for tuples."""
    listed = [(k, list(v) if isinstance(v, tuple) else v) for k, v in asked.items()]
    return [(key, value) for key, value in listed if own.get(key) != value]


def _told(faults: list[tuple[str, list[str]]], publication: str, answers: set[str]) -> str:
    lines: list[str] = []
    for kind, names in faults:
        more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(f"  {len(names)} {kind}: {', '.join(names[:SHOWN])}{more}")
    cure = "build the network that was published, or name another publication"
    if all(name.split(" ")[0] in answers for _, names in faults for name in names):
        cure = "leave the classifier out (classifier=False), or build it for as many classes"
    head = f"these are not the weights {publication} has for this network:"
    return "\n".join([head, *lines, f"  cure: {cure}"])


def _notes(whose: Publication, own: Mapping[str, Any], left_out: tuple[str, ...]) -> Iterator[str]:
    if left_out:
        yield f"the classifier ({', '.join(left_out)}) was left out: it has its first values"
    for key, value in _different(whose.expects, own):
        yield f"the weights were trained with {key} {value}, the network has {own.get(key)}"


def _unpickled(path: AnyPath, file: BinaryIO) -> object:
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                size = sum(entry.file_size for entry in packed.infolist())
            if size > LARGEST:
                raise WeightsError(f"{path}: {size} bytes unpacked; allowed are at most {LARGEST}")
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)
    except (WeightsError, OSError):
        raise
    except Exception as error:  # a damaged or malicious pickle may raise anything
        code = "weights_only" in str(error) or type(error).__name__ == "UnpicklingError"
        said = (reason(error) or "it is incomplete").split(". ")[0].splitlines()[0]
        if code:
            said = "it is not a weight file, or contains more than tensors and plain values"
        raise WeightsError(
            f"{path}: cannot be read as weights: {said:.200}\n"
            "  cure: download the file again; nothing that could run code is ever loaded: save the "
            "state_dict alone, best as safetensors"
        ) from None


def _plain(path: AnyPath, found: object) -> dict[str, Tensor]:
    """Returns the tensors by name, out of a wrapper and without the prefix of all names."""
    for key in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(inner := found.get(key), Mapping):
            found = cast("object", inner)
            break
    state = cast("Mapping[Any, Any]", found) if isinstance(found, Mapping) else {}
    odd = [str(name) for name, value in state.items() if not _usable(name, value)]
    if odd or not state:
        what = f"no dense tensors: {', '.join(odd[:SHOWN])}" if odd else "there are none"
        raise WeightsError(
            f"{path}: is not a state_dict (a tensor for each name): {what}\n"
            f"  allowed: a state_dict, or one under {', '.join(WRAPPERS)}"
        )
    parallel = all(name.startswith(PARALLEL) for name in state)
    return {name.removeprefix(PARALLEL) if parallel else name: t for name, t in state.items()}


def _usable(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    odd = value.is_quantized or value.is_nested or value.is_complex()
    return value.layout is torch.strided and value.device.type == "cpu" and not odd
