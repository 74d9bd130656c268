"""A written program beside its network on the same clips: how far apart their logits are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from connsearch.errors import Failure
from connsearch.graph.spec import Modality
from connsearch.models.model import Model, as_predictions

Shape = tuple[int, int, int, int]
Runner = Callable[[Mapping[str, Tensor]], Tensor]
_KINDS = ("noise", "moving", "constant")


@dataclass(frozen=True, slots=True)
class Parity:
    """An exported program compared with its network, on the same clips.

    Attributes:
        max_abs_difference: the largest difference between their logits; NaN if one is not finite.
        largest_logit: the largest absolute logit of the network.
        apart: how far the network's logits are apart between clips, the largest over the classes:
            the scale for a difference.
        clips: number of clips.
        tolerance: the largest difference allowed, as a share of the largest logit.
    """

    max_abs_difference: float
    largest_logit: float
    apart: float
    clips: int
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.max_abs_difference <= self.tolerance * self.largest_logit

    def __str__(self) -> str:
        return (
            f"largest difference of a logit: {self.max_abs_difference:.3g} (logits up to "
            f"{self.largest_logit:.3g}, up to {self.apart:.3g} apart between {self.clips} clips; "
            f"allowed: {self.tolerance:g} of the largest logit)"
        )


def compare(
    run: Runner,
    network: Model,
    inputs: Mapping[str, Shape],
    *,
    tolerance: float,
    seed: int = 0,
    lengths: Sequence[int] = (),
) -> Parity:
    """Returns how far a program's logits are from its network's.

    It is tested with one clip and with several: noise, a moving pattern, and a constant; and with
    one clip of every other length.

    Args:
        run: the program.
        network: in float32 on the CPU; evaluated in evaluation mode, as it stands.
        inputs: the shape ``(C, T, H, W)`` of every input.
        tolerance: the largest difference allowed, as a share of the largest logit.
        seed: of the clips.
        lengths: other numbers of frames to try.

    Raises:
        Failure: the difference is larger, or the program cannot be run with such clips.
    """
    wanted: list[Tensor] = []
    found: list[Tensor] = []
    for number, streams in enumerate(_clips(inputs, seed, lengths)):
        wanted.append(_evaluated(network, streams))
        found.append(run(streams))
        if found[-1].shape != wanted[-1].shape:
            raise Failure(
                f"the exported program returns {tuple(found[-1].shape)} for batch {number}, the "
                f"network {tuple(wanted[-1].shape)}; nothing was kept"
            )
    wanted_BK, found_BK = torch.cat(wanted), torch.cat(found)
    parity = Parity(
        max_abs_difference=float((wanted_BK - found_BK).abs().max()),
        largest_logit=float(wanted_BK.abs().max()),
        apart=float((wanted_BK.amax(0) - wanted_BK.amin(0)).max()),
        clips=len(wanted_BK),
        tolerance=tolerance,
    )
    if not parity.ok:
        raise Failure(
            f"the exported program differs from the network: {parity}; nothing was kept\n"
            "  cure: a larger --tolerance, if this difference is acceptable; otherwise report it"
        )
    return parity


def _evaluated(network: Model, streams: Mapping[str, Tensor]) -> Tensor:
    """The logits of a network in evaluation mode, which is then as it was."""
    training = network.training
    try:
        with torch.no_grad():
            return as_predictions(network.eval()(streams)).logits
    finally:
        network.train(training)


def _clips(
    inputs: Mapping[str, Shape], seed: int, lengths: Sequence[int]
) -> list[dict[str, Tensor]]:
    """One clip of noise; noise, a square that moves, and a constant; a square at every length."""
    generator = torch.Generator().manual_seed(seed)
    batches: list[tuple[tuple[str, ...], int | None]] = [(("noise",), None), (_KINDS, None)]
    batches += [(("moving",), frames) for frames in lengths]
    return [
        {
            name: torch.stack([_stream(name, shape, kind, generator, frames) for kind in kinds])
            for name, shape in inputs.items()
        }
        for kinds, frames in batches
    ]


def _stream(
    name: str, shape: Shape, kind: str, generator: torch.Generator, length: int | None
) -> Tensor:
    """One stream ``(C, T, H, W)``: pixels and flow in [-1, 1], object maps one-hot."""
    channels, own, height, width = shape
    frames = own if length is None else length
    numbers = torch.rand((channels, frames, height, width), generator=generator)
    if kind == "constant":
        numbers = torch.full_like(numbers, 0.25)
    if kind == "moving":
        numbers = 0.1 * numbers
        side = max(1, min(height, width) // 3)
        for frame in range(frames):
            left = (2 * frame) % max(1, width - side)
            numbers[0, frame, side : 2 * side, left : left + side] += 0.8
    if name == Modality.OBJECT:
        return nn.functional.one_hot(numbers.argmax(0), channels).permute(3, 0, 1, 2).float()
    return numbers * 2 - 1
