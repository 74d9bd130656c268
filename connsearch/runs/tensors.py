"""Tensor files: safetensors, read by name and written whole. The only safetensors."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from connsearch.errors import RunError
from connsearch.files.disk import atomic_write_bytes, cure_for, reason, require_plain

_GONE = (
    "check the path; of the children of an evolution only the best and those of the population "
    "keep their weights (connsearch evolve report lists them)"
)
_CURE = (
    "give a weight file or a checkpoint that connsearch wrote; nothing that could run code "
    "(pickle, .pt, .pth) is ever loaded"
)


@contextmanager
def opened(path: str | Path) -> Generator[Any]:
    """Opens a file of tensors; errors inside name it.

    Raises:
        RunError: it does not exist, cannot be read, or is not a safetensors file.
    """
    try:
        require_plain(
            path
        )  # the library reports "permission denied" as "no such file", and waits for pipes
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        cure = _CURE if Path(path).exists() else _GONE
        cure = cure_for(error) or cure
        raise RunError(
            f"{path}: cannot be read as safetensors: {reason(error)}\n  cure: {cure}"
        ) from None


def tensors_in(file: Any) -> dict[str, Tensor]:
    """Returns everything in an opened file, by name."""
    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Writes a safetensors file like every file: completely or not at all.

    (Written by the library itself, it could be read by its owner only, and a device or a link of
    that name would be replaced.)

    Raises:
        DiskFullError: there is no room; what was there before is as it was.
    """
    atomic_write_bytes(path, save(_apart(tensors), metadata=dict(header)))


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, none of which shares its memory with another."""
    found: dict[str, Tensor] = {}
    known: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        place = plain.untyped_storage().data_ptr()
        found[name] = plain.clone() if place in known else plain
        known.add(place)
    return found
