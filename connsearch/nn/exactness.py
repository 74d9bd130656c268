"""Does the pruned network compute what the hard-masked original computes? Bit for bit, measured."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from connsearch.graph.spec import Modality
from connsearch.nn.mask import Mask
from connsearch.nn.network import Network
from connsearch.prune.pruner import Pruned


@dataclass(frozen=True, slots=True)
class Exactness:
    """The two networks side by side on the same clips.

    Attributes:
        equal: whether every logit is the same number.
        max_abs_difference: the largest difference of a logit; NaN where one is not finite.
        largest_logit: the largest logit of the masked original, for scale.
        clip: (frames, height, width).
        batch: number of clips.
        seed: seed of the clips.
        device: where it was computed; equality is promised on CPU.
        threads: CPU threads, the same on both sides.
    """

    equal: bool
    max_abs_difference: float
    largest_logit: float
    clip: tuple[int, int, int]
    batch: int
    seed: int
    device: str
    threads: int

    def __str__(self) -> str:
        verdict = "bit-equal" if self.equal else "NOT equal"
        size = "x".join(map(str, self.clip))
        return (
            f"max |difference| = {self.max_abs_difference} ({verdict}; largest logit "
            f"{self.largest_logit:.3g}; {self.batch} clips {size}, fp32, {self.device}, "
            f"{self.threads} threads, seed {self.seed})"
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
    function, and so is peer attention that nobody searched: its softmax spreads over fewer nodes.

    Args:
        parent: the network whose structure was pruned; any mask it carries is lifted.
        child: the network of ``pruned.structure`` with inherited weights.
        pruned: the account of the pruning.
        clip: (frames, height, width) of the random clips.
        batch: number of clips.
        seed: seed of the clips.
    """
    parameter = next(parent.parameters())
    streams = random_streams(parent, clip=clip, batch=batch, seed=seed)
    streams = {name: stream.to(parameter.device) for name, stream in streams.items()}
    mask = Mask(pruned.edges, frozenset(pruned.finals), pruned.peers)
    with torch.no_grad(), torch.autocast(parameter.device.type, enabled=False):
        with _evaluating(parent):
            parent.mask(mask)
            try:
                wanted = parent(streams)
            finally:
                parent.mask(None)
        with _evaluating(child):
            found = child(streams)
    return Exactness(
        equal=torch.equal(wanted, found),
        max_abs_difference=float((wanted - found).abs().max()),
        largest_logit=float(wanted.abs().max()),
        clip=clip,
        batch=batch,
        seed=seed,
        device=parameter.device.type,
        threads=torch.get_num_threads(),
    )


def random_streams(
    network: Network, *, clip: tuple[int, int, int], batch: int, seed: int
) -> Mapping[str, Tensor]:
    """Returns random clips ``(B, C, T, H, W)`` for every stream the network reads.

    RGB and flow are normal, objects uniform in [0, 1). The numbers depend only on the seed.
    """
    generator = torch.Generator().manual_seed(seed)
    channels = {
        Modality.RGB: 3,
        Modality.FLOW: 2,
        Modality.OBJECT: network.structure.network.object_classes,
    }
    streams: dict[str, Tensor] = {}
    for modality in network.structure.modalities():
        shape = (batch, channels[modality], *clip)
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
