"""Does the pruned network compute what the hard-masked original computes? Bit for bit, measured."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from connsearch.errors import PruneError
from connsearch.graph.spec import Modality
from connsearch.models.gates import decides, let_decide, listening
from connsearch.models.inherit import check_kinship, parent_name
from connsearch.models.structure import Network
from connsearch.nn.mask import Mask
from connsearch.pruning.pruner import Pruned


@dataclass(frozen=True, slots=True)
class GateAgreement:
    """What the temporal gates of two networks decide, clip by clip.

    Attributes:
        equal: whether every decision is the same.
        gates: number of gates.
        decisions: clips times gates.
        opened: how many of them are to open, in the pruned network; also where gates do not decide.
    """

    equal: bool
    gates: int
    decisions: int
    opened: int

    def __str__(self) -> str:
        gates = "1 temporal gate" if self.gates == 1 else f"{self.gates} temporal gates"
        if not self.equal:
            return f"{gates}: decisions differ"
        return f"{gates}: decisions equal, open {self.opened} of {self.decisions}"


@dataclass(frozen=True, slots=True)
class Exactness:
    """The two networks side by side on the same clips.

    Attributes:
        equal: whether every number is the same, in the logits and in the features of every
            surviving node (rounding that the head averages away shows there), and every decision of
            a surviving temporal gate.
        max_abs_difference: the largest difference among them, as far as they have the same shape
            (published shapes may not); NaN where one is not finite.
        max_abs_logit_difference: the largest difference of a logit.
        first_difference: the first node, by its old number, whose features differ; None if none.
        nodes: number of nodes compared.
        largest_logit: the largest logit of the masked original, for scale.
        clip: (frames, height, width).
        batch: number of clips.
        seed: seed of the clips.
        device: where it was computed; equality is promised on CPU.
        threads: CPU threads, the same on both sides.
        gates: the temporal gates that are left; None: there is none.
    """

    equal: bool
    max_abs_difference: float
    max_abs_logit_difference: float
    first_difference: int | None
    nodes: int
    largest_logit: float
    clip: tuple[int, int, int]
    batch: int
    seed: int
    device: str
    threads: int
    gates: GateAgreement | None = None

    def __str__(self) -> str:
        size = "x".join(map(str, self.clip))
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return (
            f"largest difference of a logit: {self.max_abs_logit_difference} ({self._verdict()}; "
            f"largest logit {self.largest_logit:.3g}; {self.batch} clips {size}, fp32, "
            f"{self.device}, {threads}, seed {self.seed})"
        )

    def _verdict(self) -> str:
        """What is said of the features of the nodes, which a head may average away."""
        gates = "" if self.gates is None else f"; {self.gates}"
        if self.equal:
            return f"bit-equal, as are the features of all {self.nodes} nodes{gates}"
        where = "" if self.first_difference is None else f" from node {self.first_difference} on"
        return (
            f"NOT equal{where}: the features of {self.nodes} nodes differ by up to "
            f"{self.max_abs_difference}{gates}"
        )


def exactness(
    parent: Network,
    child: Network,
    pruned: Pruned,
    *,
    clip: tuple[int, int, int] = (8, 64, 64),
    batch: int = 2,
    seed: int = 0,
) -> Exactness:
    """Returns how far the pruned network is from its original with the rest multiplied by zero.

    Two code paths are compared in float32 and evaluation mode: the whole original, in which a
    :class:`Mask` silences what is gone, and the small network, in which it does not exist. With
    shapes pinned and weights inherited they are equal on CPU. Published shapes are another
    function. Where temporal gates decide, the two are also compared with all gates open.

    Args:
        parent: the network whose structure was pruned; any mask it carries is lifted.
        child: the network of ``pruned.structure`` with inherited weights.
        pruned: the account of the pruning.
        clip: (frames, height, width) of the random clips.
        batch: number of clips.
        seed: seed of the clips.

    Raises:
        PruneError: the networks are not the parent and the child of this pruning, or have another
            number of classes.
    """
    check_kinship(child, parent, pruned)
    if parent.num_classes != child.num_classes:
        raise PruneError(
            f"{parent.num_classes} classes in the original, {child.num_classes} in the pruned "
            "network: their logits cannot be compared"
        )
    device = next(parent.parameters()).device
    drawn = random_streams(parent, clip=clip, batch=batch, seed=seed)
    streams = {name: stream.to(device) for name, stream in drawn.items()}
    found = _compared(parent, child, pruned, streams)
    sides = [found]
    if decides(child):  # what a shut gate would add is computed, and seen, only where all are open
        with _fusing(parent), _fusing(child):
            sides.append(_compared(parent, child, pruned, streams))
    same = [all(equal) for equal in zip(*(side.same for side in sides), strict=True)]
    differences = torch.tensor([side.differences for side in sides])
    *nodes_same, _ = same
    differing = (node for node, equal in zip(pruned.node_map, nodes_same, strict=True) if not equal)
    gates = found.gates
    return Exactness(
        equal=all(same) and (gates is None or gates.equal),
        max_abs_difference=float(differences.max()),  # unlike max(), keeps a NaN
        max_abs_logit_difference=float(differences[:, -1].max()),
        first_difference=next(differing, None),
        nodes=len(nodes_same),
        largest_logit=found.largest_logit,
        clip=clip,
        batch=batch,
        seed=seed,
        device=device.type,
        threads=torch.get_num_threads(),
        gates=gates,
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """One pass of both networks: node by node, the logits last."""

    same: list[bool]
    differences: list[float]
    largest_logit: float
    gates: GateAgreement | None


def _compared(
    parent: Network, child: Network, pruned: Pruned, streams: Mapping[str, Tensor]
) -> _Compared:
    parent.mask(Mask.of(pruned))
    try:
        wanted, theirs = _run(parent, streams, pruned.node_map)
    finally:
        parent.mask(None)
    found, decisions = _run(child, streams, pruned.node_map.values())
    old = {new: before for before, new in pruned.node_map.items()}
    alike = [torch.equal(theirs[parent_name(n, old) or ""], d) for n, d in decisions.items()]
    pairs = list(zip(wanted, found, strict=True))
    agreement = GateAgreement(
        equal=all(alike),
        gates=len(decisions),
        decisions=sum(map(len, decisions.values())),
        opened=sum(int(open_B.sum()) for open_B in decisions.values()),
    )
    return _Compared(
        same=[torch.equal(a, b) for a, b in pairs],
        differences=[float((a - b).abs().max()) for a, b in pairs if a.shape == b.shape],
        largest_logit=float(wanted[-1].abs().max()),
        gates=agreement if decisions else None,
    )


@contextmanager
def _fusing(network: Network) -> Generator[None]:
    """No gate of the network decides inside."""
    before = decides(network)
    let_decide(network, gated=False)
    try:
        yield
    finally:
        let_decide(network, gated=before)


def _run(
    network: Network, streams: Mapping[str, Tensor], nodes: Iterable[int]
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The features of the named nodes, then the logits; and what each gate decides, by its path.

    In float32 and evaluation mode.
    """
    features: dict[int, Tensor] = {}

    def keep(index: int) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _module, _inputs, output: features.__setitem__(index, output)

    hooks = [network.nodes[index].register_forward_hook(keep(index)) for index in nodes]
    try:
        with (
            torch.no_grad(),
            torch.autocast(next(iter(streams.values())).device.type, enabled=False),
            _evaluating(network),
            listening(network) as heard,
        ):
            logits = network(streams)
    finally:
        for hook in hooks:
            hook.remove()
    decisions = {path: torch.cat(passes) for path, passes in heard.items() if passes}
    return [*(features[index] for index in sorted(features)), logits], decisions


def random_streams(
    network: Network, *, clip: tuple[int, int, int], batch: int, seed: int
) -> Mapping[str, Tensor]:
    """Returns random clips ``(B, C, T, H, W)`` for every stream the network reads.

    RGB and flow are normal, objects uniform in [0, 1). The numbers depend only on the seed.
    """
    generator = torch.Generator().manual_seed(seed)
    channels = network.structure.network.stream_width
    streams: dict[str, Tensor] = {}
    for modality in network.structure.modalities():
        shape = (batch, channels(modality), *clip)
        draw = torch.rand if modality is Modality.OBJECT else torch.randn
        streams[modality] = draw(shape, generator=generator)
    return streams


@contextmanager
def _evaluating(network: Network) -> Generator[None]:
    """Evaluation mode inside, whatever it was outside."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
