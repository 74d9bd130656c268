"""Outputs of a network in the order of the classes of some data: matched by name, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from connsearch.errors import SettingsError

_SAME = "  two names are the same but for capitals, spaces, _ and -"


def order_of(
    known: Sequence[str], outputs: int, wanted: Sequence[str], where: str | Path
) -> list[int]:
    """Returns for every class of the data the output of the network that stands for it.

    Names are compared without regard to capitals, and to spaces, ``_`` and ``-``, unless they are
    the same to the letter: classes may be called ``A`` and ``a``.

    Args:
        known: names of the classes in the order of the outputs; none: they are not known, and the
            first output is taken for the first class of the data.
        outputs: of the network.
        wanted: those of the data, in its order.
        where: the network, for the message.

    Raises:
        SettingsError: they are not the same classes; three of each side are named.

    >>> order_of(["run", "high jump"], 2, ["High_jump", "run"], "weights")
    [1, 0]
    >>> order_of(["a", "A"], 2, ["A", "a"], "weights")
    [1, 0]
    """
    if not known and outputs == len(wanted):
        return list(range(outputs))
    exact = {name: place for place, name in enumerate(known)}
    if len(exact) == len(known) and sorted(exact) == sorted(wanted):
        return [exact[name] for name in wanted]
    places = {_plain(name): place for place, name in enumerate(known)}
    asked = [_plain(name) for name in wanted]
    if len(places) == len(known) and sorted(asked) == sorted(places):
        return [places[name] for name in asked]
    here = [name for name in wanted if _plain(name) not in places]
    there = [name for name in known if _plain(name) not in set(asked)]
    told = [("the data alone has", here), ("the network alone has", there)]
    lines = [f"  {what} {len(names)}: {', '.join(names[:3])}" for what, names in told if names]
    raise SettingsError(
        "\n".join(
            [
                f"{where}: its {outputs} classes are not the {len(wanted)} of the data",
                *(lines or [_SAME] if known else []),
                "  cure: the data of its classes; or convert the weights again, with --classes "
                f"for other names, or with --num-classes {len(wanted)} for a new classifier to "
                "train",
            ]
        )
    )


def in_order(
    tensors: Mapping[str, Tensor], order: Sequence[int], classifier: Sequence[str]
) -> dict[str, Tensor]:
    """Returns a ``state_dict`` with the outputs of its classifier in another order.

    Args:
        tensors: all weights.
        order: for every output its place before.
        classifier: names of the sub-modules that make the classifier; of their entries those with
            a row for every output are sorted.
    """
    rows = torch.tensor(order)
    return {
        name: tensor.index_select(0, rows)
        if name.startswith(tuple(f"{part}." for part in classifier))
        and tensor.ndim
        and tensor.shape[0] == len(order)
        else tensor
        for name, tensor in tensors.items()
    }


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
