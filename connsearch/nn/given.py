"""What networks are called with: streams by name. Anything else is refused in words."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from connsearch.errors import DataError

COLOURS = "float (clips, 3 channels, frames, height, width) in -1..1"
"""What the stream ``rgb`` holds."""


def require_streams(streams: object, wanted: Mapping[str, str]) -> None:
    """Refuses what is no mapping of stream names to tensors.

    Args:
        streams: what a network was called with.
        wanted: name of every stream that it reads -> what that holds.

    Raises:
        DataError: it is something else; says what was read, what is wanted, and how to call it.
    """
    if isinstance(streams, Mapping):
        return
    name = next(iter(wanted), "rgb")
    allowed = ", ".join(f'"{stream}": {holds}' for stream, holds in wanted.items())
    call = ", ".join(f'"{stream}": {"x" if stream == name else stream}' for stream in wanted)
    raise DataError(
        f"a network is called with a dict of streams, read {told(streams)}\n"
        f"  wanted: {{{allowed}}}\n  cure: net({{{call}}})"
    )


def require_tensor(stream: object, name: str) -> None:
    """Refuses a stream that is no tensor.

    Raises:
        DataError: says what was read.
    """
    if not isinstance(stream, Tensor):
        raise DataError(
            f"the {name} stream must be a torch tensor, read {told(stream)}; cure: "
            "torch.as_tensor(...)"
        )


def told(value: object) -> str:
    """Returns what a value is, for a message: its type, and of arrays shape and dtype.

    >>> import torch
    >>> told(torch.zeros(2, 3)), told([1]), told(None)
    ('a tensor of shape (2, 3), float32', 'a value of the type list', 'None')
    """
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
    if value is None:
        return "None"
    shape = getattr(value, "shape", None)
    of = f" and the shape {shape}" if isinstance(shape, tuple) else ""
    return f"a value of the type {type(value).__name__}{of}"
