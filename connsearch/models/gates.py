"""The temporal gates of any network: their names, whether they decide, how often they are open.

A network decides with all of its gates or with none. Whether it does is no weight: it stands in the
settings of the model document, as ``gated``, or in its structure, as ``gates_decide``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from connsearch.models.count import without_numbers
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model, Wrapped, gate_name
from connsearch.nn.temporal_gate import DecidingGate

GATED = "gated"
"""The setting of a model document that says that its gates decide."""


def temporal_gates(network: nn.Module) -> dict[str, DecidingGate]:
    """Returns the gates of a network by the names of where they are, such as ``stage2.0``.

    That is the path of the module that holds a gate as its ``gate``, otherwise that of the gate
    itself; a wrapped module is looked into. In the network of a structure they are named by nodes:
    ``node 8`` is what follows its modules, ``node 8 <- 3`` the gate of a connection, and
    ``node 8, module 2`` that of one of its modules.

    >>> from connsearch.nn.temporal_gate import TemporalGate
    >>> temporal_gates(nn.ModuleDict({"block": nn.ModuleDict({"gate": TemporalGate(2)})})).keys()
    dict_keys(['block'])
    """
    inside = network.module if isinstance(network, Wrapped) else network
    found = {n: m for n, m in inside.named_modules() if isinstance(m, DecidingGate)}
    name = inside.gate_name if isinstance(inside, Model) else gate_name
    return {name(path): gate for path, gate in found.items()}


def decides(network: nn.Module) -> bool:
    """Returns whether a gate of the network decides; otherwise all of them always fuse."""
    return any(gate.gated for gate in temporal_gates(network).values())


def described(document: ModelDocument, *, gated: bool) -> ModelDocument:
    """Returns the document of a network with gates that decide, or always fuse."""
    if document.structure is not None:
        return ModelDocument.of(replace(document.structure, gates_decide=gated))
    if not gated and GATED not in document.settings:
        return document
    return replace(document, settings={**document.settings, GATED: gated})


def decide_as(network: nn.Module, document: ModelDocument) -> None:
    """Makes the gates of a network decide, or always fuse, as its document says, if it does."""
    structure = document.structure
    gated = document.settings.get(GATED) if structure is None else structure.gates_decide
    if isinstance(gated, bool):
        let_decide(network, gated=gated)


def let_decide(network: nn.Module, *, gated: bool) -> None:
    """Makes the gates of a network decide, or always fuse."""
    for gate in temporal_gates(network).values():
        gate.gated = gated


class GateWatch(NamedTuple):
    """The gates of a network that are watched, by name.

    Attributes:
        gates: they count how often they are open.
        frames: that each saw last; nothing of a gate that was not reached.
    """

    gates: Mapping[str, DecidingGate]
    frames: dict[str, int]


@contextmanager
def watched(network: nn.Module) -> Generator[GateWatch]:
    """Yields the gates of a network, which count inside how often they are open, from 0."""
    gates = temporal_gates(network)
    watch, before = GateWatch(gates, {}), {name: gate.watched for name, gate in gates.items()}
    with ExitStack() as stack:
        for name, gate in gates.items():
            stack.callback(setattr, gate, "watched", before[name])
            stack.callback(gate.register_forward_pre_hook(_noting(name, watch.frames)).remove)
            gate.take_count()
            gate.watched = True
        yield watch


@contextmanager
def listening(network: nn.Module) -> Generator[Mapping[str, list[Tensor]]]:
    """Yields what each gate of a network decides inside: per pass, bool ``(B,)``, by its path.

    Also what it would decide while nothing is gated. Paths are those of sub-modules.
    """
    gates = {n: m for n, m in network.named_modules() if isinstance(m, DecidingGate)}
    heard: dict[str, list[Tensor]] = {name: [] for name in gates}
    try:
        for name, gate in gates.items():
            gate.listener = heard[name].append
        yield heard
    finally:
        for gate in gates.values():
            gate.listener = None


def gate_frames(network: nn.Module, streams: Mapping[str, Tensor]) -> dict[str, int]:
    """Returns how many frames each gate sees of a clip, by its name; the network stays as it is.

    Args:
        network: computes once, without numbers.
        streams: a clip as the network takes it; only shape and type are read.

    Returns:
        Nothing of a gate that is not reached, and nothing at all where the network asks for numbers
        on its way.
    """
    found: dict[str, int] = {}

    try:
        without = without_numbers(network).eval()
        for name, gate in temporal_gates(without).items():
            gate.watched = False
            gate.register_forward_pre_hook(_noting(name, found))
        empty = {name: torch.empty_like(s, device="meta") for name, s in streams.items()}
        with torch.no_grad():
            without(empty)
    except Exception:  # a module of one's own may ask for anything, and nothing follows from it
        return {}
    return found


def _noting(name: str, found: dict[str, int]) -> Callable[[nn.Module, tuple[Tensor]], None]:
    """A hook that keeps how many frames a gate sees."""
    return lambda _, given: found.update({name: given[0].shape[2]})
