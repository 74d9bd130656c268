"""What a network takes of weights by name and shape, and what stays as it was: one table.

Weights are compared by names and shapes here, not by ``load_state_dict``: that takes a missing
count of batches for an old file where a dictionary was copied entry by entry (torch 2.13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from connsearch.files.text import visible
from connsearch.models.weight_file import COUNTER, SHOWN


@dataclass(frozen=True, slots=True)
class OtherShape:
    """An entry that both have, in another shape or of another kind of number.

    Attributes:
        name: of ours.
        theirs: its name in the weights.
        read: its shape there, and its type where that is the fault.
        here: likewise in the network.
    """

    name: str
    theirs: str
    read: str
    here: str

    def __str__(self) -> str:
        return f"{self.theirs} {self.read}, here {self.here}"


@dataclass(frozen=True, slots=True)
class TakenWeights:
    """What a network took of weights: every entry of both is in one of the lists.

    Attributes:
        loaded: our names of entries that have the values now.
        other_name: names in the weights that no entry of the network has.
        other_shape: entries that both have and that do not fit.
        missing: the names that the weights would have for what they lack.
        left_out: our names of entries that were not to be taken.
        elements: numbers that were loaded.
        of: numbers the network has.
        counters: our names of counts of batches that the weights lack; they change nothing.
        unused: names in the weights that nothing has read where they were trained.
    """

    loaded: tuple[str, ...]
    other_name: tuple[str, ...] = ()
    other_shape: tuple[OtherShape, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    elements: int = 0
    of: int = 0
    counters: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, and nothing is of another name or shape."""
        return not (self.other_name or self.other_shape or self.missing)

    @property
    def empty(self) -> bool:
        """Whether nothing was loaded but counts."""
        return all(name.endswith(COUNTER) for name in self.loaded)

    @property
    def hardly_any(self) -> bool:
        """Whether less than a tenth of the numbers of the network was loaded."""
        return self.elements * 10 < self.of

    def rows(self) -> list[tuple[str, int, Sequence[str]]]:
        """Returns the table: what became of entries, how many, and their names."""
        return [
            ("loaded", len(self.loaded), self.loaded),
            ("skipped by name", len(self.other_name), self.other_name),
            ("skipped by shape", len(self.other_shape), [str(one) for one in self.other_shape]),
            ("missing", len(self.missing), self.missing),
            ("left out", len(self.left_out), self.left_out),
        ]

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.other_shape) + len(self.missing) + len(self.left_out)
        share = f"{self.elements:,} of {self.of:,} numbers"
        lines = [f"loaded {len(self.loaded)} of {total + len(self.counters)} entries ({share})"]
        lines += [f"  {what:17}{count:>5}  {few(names)}" for what, count, names in self._others()]
        return "\n".join(lines)

    def _others(self) -> Iterator[tuple[str, int, Sequence[str]]]:
        yield from (row for row in self.rows()[1:] if row[1])


def few(names: Sequence[str], most: int = SHOWN) -> str:
    """Returns the first names, each on one line, and how many more there are.

    >>> few(["a", "b", "c"], most=2)
    'a, b, and 1 more'
    """
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(visible, names[:most])) + more


def taken(
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    *,
    theirs: Callable[[str], str] = str,
    left_out: Sequence[str] = (),
    unused: Sequence[str] = (),
) -> TakenWeights:
    """Returns what a network could take of weights; nothing is changed.

    Args:
        state: the weights.
        own: the ``state_dict`` of the network; only shapes and types are read.
        theirs: from one of our names, the name in the weights.
        left_out: our names of entries that are not to be taken, whatever the weights have.
        unused: names in the weights that nothing has read where they were trained.
    """
    skipped = set(left_out)
    names = {name: theirs(name) for name in own if name not in skipped}
    found = {name: state.get(there) for name, there in names.items()}
    absent = [name for name, tensor in found.items() if tensor is None]
    shapes = [
        OtherShape(name, names[name], *_forms(tensor, own[name]))
        for name, tensor in found.items()
        if tensor is not None and not _fits(name, tensor, own[name])
    ]
    misfits = {one.name for one in shapes}
    loaded = [name for name in names if name not in misfits and name not in set(absent)]
    known = {*names.values(), *(theirs(name) for name in skipped), *unused}
    return TakenWeights(
        loaded=tuple(loaded),
        other_name=tuple(name for name in state if name not in known),
        other_shape=tuple(shapes),
        missing=tuple(names[name] for name in absent if not name.endswith(COUNTER)),
        left_out=tuple(name for name in own if name in skipped),
        elements=sum(own[name].numel() for name in loaded),
        of=sum(tensor.numel() for tensor in own.values()),
        counters=tuple(name for name in absent if name.endswith(COUNTER)),
        unused=tuple(name for name in unused if name in state),
    )


def put(
    found: TakenWeights,
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    *,
    theirs: Callable[[str], str] = str,
) -> None:
    """Copies what can be taken into a network, in place; other float types are converted.

    Args:
        found: what :func:`taken` said of the same arguments.
        state: the weights.
        own: the ``state_dict`` of the network.
        theirs: from one of our names, the name in the weights.
    """
    with torch.no_grad():
        for name in found.loaded:
            own[name].copy_(state[theirs(name)])


def _fits(name: str, tensor: Tensor, entry: Tensor) -> bool:
    """Whether a tensor can be taken for an entry; averages of weights have counts as fractions."""
    kind = name.endswith(COUNTER) or _of_kind(tensor, entry)
    return tensor.shape == entry.shape and kind


def _of_kind(tensor: Tensor, entry: Tensor) -> bool:
    """Whether both are fractions, or both are counts: others would be read as something else."""
    return tensor.is_floating_point() == entry.is_floating_point()


def _forms(tensor: Tensor, entry: Tensor) -> tuple[str, str]:
    if _of_kind(tensor, entry):
        return str(list(tensor.shape)), str(list(entry.shape))
    return _typed(tensor), _typed(entry)


def _typed(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
