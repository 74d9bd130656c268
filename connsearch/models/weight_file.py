"""A file of weights that others wrote, read without running anything. The only ``torch.load``.

Pickles are read with ``weights_only``: a file that names anything but tensors and plain values is
refused by that name. Numpy's scalars are the one exception, because training programs often store
one beside the weights (a learning rate, the best accuracy): they are read as a :class:`Scalar`,
which keeps nothing, so nothing of numpy is called.
"""

from __future__ import annotations

import errno
import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import safe_globals

from connsearch.errors import WeightsError
from connsearch.files.disk import AnyPath, cure_for, open_plain, reason, sha256_of
from connsearch.files.text import visible

LARGEST = 16 << 30
"""Bytes of the largest file that is read, packed or unpacked: 16 GiB."""
CLAIMED = 1 << 30
"""Bytes that the tensors of a file may claim, however small it is: 1 GiB. Beyond that four times
the file: one tensor may stand under several names, and none is much larger than what is stored."""
SHOWN = 5
"""Largest number of names of each kind in a message."""
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module")
"""Keys under which training programs store the weights among other state, the first one first."""
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What ``DataParallel``, ``torch.compile`` and wrappers of networks put before every name."""
COUNTER = "num_batches_tracked"
"""An entry that old files lack, and that changes nothing our networks compute."""

_DEPTH = 3
"""So deep may the weights lie below other state."""
_NO_WEIGHTS = ("optim", "sched", "lr_sched", "scaler", "rng", "hyper", "args", "config")
"""How keys begin under which there are other tensors than weights."""
_AVERAGED = "n_averaged"
"""What ``torch.optim.swa_utils.AveragedModel`` stores beside its weights: a count."""


class Scalar:
    """What is read in the place of a numpy scalar and of its type: nothing."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


_SCALARS: list[Any] = [
    (Scalar, name)
    for name in ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype")
]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """The weights in a file, by the names the file has for them.

    Attributes:
        path: of the file.
        state: name, without a prefix that all of them have, to values.
        sha256: of the file, in hexadecimal digits.
        entry: the key under which they were, dotted if it lies deeper; None: they were the file.
        others: keys under which there are weights, too.
        left_out: names of what else is in the file: the state of an optimiser, numbers.
        prefix: that was removed from all names.
    """

    path: str
    state: Mapping[str, Tensor]
    sha256: str = ""
    entry: str | None = None
    others: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    prefix: str = ""

    def notes(self) -> Iterator[str]:
        """Yields sentences for the user: what was taken of the file, and what was not."""
        if self.others:
            yield (
                f"taken: {self.entry}; the file also has {', '.join(map(visible, self.others))}, "
                "which --entry takes instead"
            )
        if self.left_out:
            few, more = self.left_out[:SHOWN], len(self.left_out) - SHOWN
            told = ", ".join(map(visible, few)) + (f" and {more} more" if more > 0 else "")
            yield f"left out, as it is no weight of the network: {told}"
        if self.prefix:
            yield f"all names begin with {self.prefix}, which was removed"


def read_weight_file(path: AnyPath, *, entry: str | None = None) -> WeightFile:
    """Returns the weights in a file, without wrapper and prefix.

    Args:
        path: a file of ``torch.save`` or of safetensors.
        entry: the key under which they are, dotted if it lies deeper: ``state_dict_ema``. By
            default the first of ``WRAPPERS`` that is there, or the only one that is.

    Raises:
        WeightsError: the file does not exist, has no read permission, is not a regular file, is
            larger than 16 GiB, has no tensors, or could be read only by executing it. Or it has
            several sets of weights, none of which has a usual name, or none of the name that is
            asked for.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise WeightsError(f"{path}: {size} bytes; allowed are at most {LARGEST}")
            safe = file.read(9)[8:] == b"{"  # a length, then JSON
            found: object = load_file(path) if safe else _unpickled(path, file, size)
        sha256 = sha256_of(path)
    except FileNotFoundError:
        raise WeightsError(
            f"{path}: cannot be read: no such file\n"
            "  cure: look at its spelling, and at the folder it is in; none is downloaded"
        ) from None
    except OSError as error:
        cure = f"\n  cure: {usual}" if (usual := cure_for(error)) else ""
        raise WeightsError(f"{path}: cannot be read: {reason(error)}{cure}") from None
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: cannot be read as safetensors: {reason(error)}\n"
            "  cure: download the file again, it may be incomplete"
        ) from None
    return _weights_in(path, found, entry, sha256)


def _unpickled(path: AnyPath, file: BinaryIO, size: int) -> object:
    try:
        if zipfile.is_zipfile(file):
            _refuse_inflated(path, file, size)
        file.seek(0)
        with safe_globals(_SCALARS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual protocols: what they say is for authors
            return torch.load(file, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as error:  # a damaged or malicious pickle may raise anything
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # of places that are not
            raise
        file.seek(0)
        raise WeightsError(f"{path}: {_refusal(error, file.read(64))}") from None


def _refuse_inflated(path: AnyPath, file: BinaryIO, size: int) -> None:
    """Refuses an archive that is much larger once it is unpacked: ``torch.save`` packs nothing."""
    with zipfile.ZipFile(file) as packed:
        unpacked = sum(entry.file_size for entry in packed.infolist())
    allowed = min(LARGEST, 4 * size)
    if unpacked > allowed:
        raise WeightsError(
            f"{path}: {unpacked} bytes unpacked, {size} packed; allowed are at most {allowed}\n"
            "  cure: save the state_dict with torch.save, which packs nothing, or as safetensors"
        )


def _refusal(error: Exception, beginning: bytes) -> str:
    """What is said of a file that torch does not read."""
    said = str(error)
    again = "download the file again"
    if named := re.search(r"GLOBAL (\S+)", said):
        return (
            f"was not read: it would run code on loading: it names {named[1]}, which is neither a "
            "tensor nor a plain value\n"
            "  cure: nothing that could run code is ever loaded. Where you trust the file, save "
            "the state_dict of its network alone, best as safetensors"
        )
    if "TorchScript" in said:
        return (
            "is a program (TorchScript), which is never run\n"
            "  cure: save the state_dict of its network alone, best as safetensors"
        )
    if beginning.startswith(b"version https://git-lfs"):
        return (
            "is the pointer of a file in Git LFS, not the file\n  cure: fetch it with git lfs pull"
        )
    if beginning.lstrip()[:1] == b"<":
        return f"cannot be read as weights: it is a web page\n  cure: {again}, with its direct link"
    if not isinstance(error, RuntimeError | EOFError):  # of the pickle itself: 101 is a letter
        said = "it is not a weight file, or is damaged"
    said = (reason(Exception(said)) or "it is incomplete").split(". ")[0].splitlines()[0]
    return (
        f"cannot be read as weights: {said:.200}\n"
        f"  cure: {again}; allowed are files of torch.save that hold a state_dict (.pth, .pt, "
        ".pth.tar), and safetensors"
    )


def _weights_in(path: AnyPath, found: object, asked: str | None, sha256: str) -> WeightFile:
    """The weights among everything that was in a file."""
    sets = dict(_sets(found))
    entry = _entry(path, list(sets), asked)
    state = dict(sets[entry])
    averaged = [name for name in state if name == _AVERAGED and len(state) > 1]
    rest = [name for name in state if name not in averaged]
    odd = [visible(str(name)) for name in rest if not _usable(name, state[name])]
    if odd:
        raise _no_state(path, f"no dense tensors: {', '.join(odd[:SHOWN])}")
    _refuse_claims(path, {name: state[name] for name in rest})
    _refuse_infinite(path, {name: state[name] for name in rest})
    top: Mapping[Any, Any] = cast("Mapping[Any, Any]", found) if entry else {}
    others = tuple(name for name in sets if name != entry)
    taken = {name.split(".")[0] for name in (entry, *others) if name}
    prefix = common_prefix(rest)
    return WeightFile(
        str(path),
        {name.removeprefix(prefix): state[name] for name in rest},
        sha256,
        entry or None,
        others,
        (*(str(name) for name in top if str(name) not in taken), *averaged),
        prefix,
    )


def _refuse_claims(path: AnyPath, state: Mapping[str, Tensor]) -> None:
    """Refuses tensors that are much larger than what is stored of them: one number, repeated.

    Raises:
        WeightsError: together they are; the largest entry is named.
    """
    sizes = {name: tensor.numel() * tensor.element_size() for name, tensor in state.items()}
    claimed, allowed = sum(sizes.values()), max(CLAIMED, 4 * os.stat(path).st_size)
    if claimed > allowed:
        largest = max(sizes, key=lambda name: sizes[name])
        raise WeightsError(
            f"{path}: its tensors claim {claimed} bytes, most of them {visible(largest)} "
            f"{list(state[largest].shape)}; allowed are at most {allowed} for a file of its size\n"
            "  cure: save the state_dict with every tensor.contiguous()"
        )


def _refuse_infinite(path: AnyPath, state: Mapping[str, Tensor]) -> None:
    """Refuses values that no training leaves behind, unless it went wrong.

    Raises:
        WeightsError: one is not finite as float32, which networks have; the first such entry is
            named.
    """
    for name, tensor in state.items():
        finite = tensor.to(torch.float32).isfinite() if tensor.is_floating_point() else None
        if finite is not None and not bool(finite.all()):
            count = int((~finite).sum())
            raise WeightsError(
                f"{path}: {count} of {tensor.numel()} values of {visible(name)} are not finite "
                "(NaN, infinity, or too large for float32)\n  cure: download the file again; or "
                "an earlier checkpoint of that training, which went wrong"
            )


def _sets(found: object, place: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields every set of weights with the dotted key it is under."""
    if not isinstance(found, Mapping) or depth > _DEPTH:
        return
    entries = cast("Mapping[Any, Any]", found)
    inside = [
        below
        for name, value in entries.items()
        if isinstance(name, str) and not name.lower().startswith(_NO_WEIGHTS)
        for below in _sets(value, f"{place}.{name}" if place else name, depth + 1)
    ]
    if inside:
        yield from inside
    elif any(isinstance(value, Tensor) and not _is_count(value) for value in entries.values()):
        yield place, dict(entries)


def _is_count(value: Tensor) -> bool:
    return not (value.is_floating_point() or value.is_complex() or value.is_quantized)


def _entry(path: AnyPath, there: list[str], asked: str | None) -> str:
    """Which set of weights is meant.

    Raises:
        WeightsError: there is none, none of that name, or nobody can tell.
    """
    if not there:
        raise _no_state(path, "there are none")
    named = [name for name in there if name]
    if asked is not None:
        if asked in named:
            return asked
        read = "the file has no entries to choose"
        if named:
            read = f"allowed here: {', '.join(map(visible, named))}"
        raise WeightsError(f"{path}: --entry {asked}: it has no weights of that name\n  {read}")
    if len(there) == 1:
        return there[0]
    for wrapper in WRAPPERS:
        for name in there:
            if name.split(".")[0] == wrapper or name.split(".")[-1] == wrapper:
                return name
    raise WeightsError(
        f"{path}: has {len(there)} sets of weights: {', '.join(map(visible, there))}\n"
        f"  cure: say which, such as --entry {visible(there[0])}"
    )


def _no_state(path: AnyPath, what: str) -> WeightsError:
    return WeightsError(
        f"{path}: is not a state_dict (a tensor for each name): {what}\n"
        f"  allowed: a state_dict, or one under {', '.join(WRAPPERS)}"
    )


def common_prefix(names: list[str]) -> str:
    """Returns what all names begin with that is no part of them.

    >>> common_prefix(["module.net.fc.weight", "module.net.fc.bias"])
    'module.net.'
    """
    found = ""
    while names:
        step = next((p for p in PREFIXES if all(n.startswith(found + p) for n in names)), None)
        if step is None:
            break
        found += step
    return found


def _usable(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    odd = value.is_quantized or value.is_nested or value.is_complex()
    return value.layout is torch.strided and value.device.type == "cpu" and not odd
