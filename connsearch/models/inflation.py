"""Kernels over images made into kernels over clips (I3D: Carreira and Zisserman, arXiv 1705.07750).

A kernel ``(O, I, H, W)`` becomes one of T taps, ``(O, I, T, H, W)``: ``mean`` has it at every tap,
divided by T; ``centre`` has it at the middle tap, and 0 elsewhere. What is said of a still clip,
each frame of which is the same image, for a network that is all else alike:

* ``centre``: every frame of every feature map is the map of the image, at the borders as well, and
  so are the logits.
* ``mean``: so is every frame that no zero padding in time reaches. A convolution of T taps that is
  padded with zeros sees less at the T // 2 frames next to either end of its input, so its output is
  weaker there; each further layer carries that inwards by the frames it looks at. In short clips of
  a deep network that is every frame, so the logits are not those of the image.

Shape letters: O and I channels, T taps, H W pixels of a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn

from connsearch.errors import WeightsError
from connsearch.models.document import ModelDocument
from connsearch.models.taken import TakenWeights, few, put, taken
from connsearch.models.weights import Publication

Inflation = Literal["mean", "centre"]
"""How the taps of a kernel over clips are filled."""

OVER_IMAGES = {"resnet3d": "resnet2d"}
"""Kinds of networks over clips, and the kind over images whose layers have the same names."""
FILLED = frozenset({"r3d", "mc3"})
"""Convolutions of a ``resnet3d`` that are those of a ``resnet2d`` with an axis of time."""
WIDENS = 4
"""How many times as wide as it is inside a bottleneck over images ends."""
INFLATE_THEM = (
    "the kernels of the file are over images: inflate them, mean or centre (--inflate, inflate=)"
)


@dataclass(frozen=True, slots=True)
class Inflated:
    """Weights with kernels over clips.

    Attributes:
        how: the taps were filled.
        state: the weights, by the names they had.
        kernels: our names of the kernels that have several taps now, and how many.
        single: our names of those that have one: the same numbers with a further axis.
    """

    how: Inflation
    state: Mapping[str, Tensor]
    kernels: Mapping[str, int]
    single: tuple[str, ...]

    def notes(self) -> Iterator[str]:
        """Yields sentences for the user: what was inflated, and how."""
        if self.kernels:
            taps = " or ".join(map(str, sorted(set(self.kernels.values()))))
            filled = {
                "mean": f"the same at each of the {taps} taps, divided by their number",
                "centre": f"at the middle one of {taps} taps, the others are 0",
            }
            yield (
                f"{len(self.kernels)} kernels over images were inflated ({self.how}: "
                f"{filled[self.how]}): {few(list(self.kernels))}"
            )
        if self.single:
            yield f"{len(self.single)} kernels over images have one tap in time: unchanged"


def inflated_kernel(kernel_OIHW: Tensor, taps: int, how: Inflation) -> Tensor:
    """Returns a kernel over images as one over ``taps`` frames, ``(O, I, T, H, W)``.

    >>> import torch
    >>> inflated_kernel(torch.full((1, 1, 1, 1), 6.0), 3, "mean").flatten().tolist()
    [2.0, 2.0, 2.0]
    >>> inflated_kernel(torch.full((1, 1, 1, 1), 6.0), 3, "centre").flatten().tolist()
    [0.0, 6.0, 0.0]
    """
    if how == "mean":
        return (kernel_OIHW / taps).unsqueeze(2).repeat(1, 1, taps, 1, 1)
    centred = kernel_OIHW.new_zeros((*kernel_OIHW.shape[:2], taps, *kernel_OIHW.shape[2:]))
    centred[:, :, taps // 2] = kernel_OIHW
    return centred


def inflated(
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    how: Inflation,
    *,
    theirs: Callable[[str], str] = str,
) -> Inflated:
    """Returns weights whose kernels over images are kernels over clips where a network has those.

    Only kernels that differ in nothing but the axis of time are made new: whatever else there is
    stays as it is, and fits or does not.

    Args:
        state: the weights; they stay as they are.
        own: the ``state_dict`` of the network; only shapes are read.
        how: the taps are filled.
        theirs: from one of our names, the name in the weights.
    """
    filled, kernels, single = dict(state), dict[str, int](), list[str]()
    for name, entry in own.items():
        kernel = state.get(theirs(name))
        if kernel is None or not inflatable(kernel, entry):
            continue
        taps = entry.shape[2]
        filled[theirs(name)] = inflated_kernel(kernel, taps, how)
        if taps > 1:
            kernels[name] = taps
        else:
            single.append(name)
    return Inflated(how, filled, kernels, tuple(single))


def inflatable(kernel: Tensor, entry: Tensor) -> bool:
    """Returns whether a kernel differs from an entry of a network only by the axis of time."""
    shape = entry.shape
    return kernel.dim() == 4 and entry.dim() == 5 and kernel.shape == shape[:2] + shape[3:]


def over_images(state: Mapping[str, Tensor]) -> bool:
    """Returns whether weights are of a network over images: with kernels, and none over clips."""
    return max((tensor.dim() for tensor in state.values()), default=0) == 4


def part_over_images(listed: Publication, document: ModelDocument) -> Publication | None:
    """Returns what a publication has over images for a network over clips; None: it has nothing.

    Args:
        listed: the publication.
        document: of the network over clips.
    """
    whose = listed.of(OVER_IMAGES.get(document.kind, ""))
    if whose is None:
        return None
    widened = document.settings.get("block") == "bottleneck"
    wider = {"expansion": WIDENS} if widened else {}
    return replace(
        whose,
        kind=document.kind,
        needs={**whose.needs, "convolution": FILLED, **wider},
        expects={**whose.expects, "stem_pool": True, **wider},
        others=(),
    )


def inflate_into(
    network: nn.Module, state: Mapping[str, Tensor], how: Inflation, *, partial: bool = False
) -> tuple[TakenWeights, Inflated]:
    """Returns what a network of one's own took of weights of images by name, and what was inflated.

    Args:
        network: has the names of the weights, and kernels over clips; changed in place.
        state: a ``state_dict``, such as ``read_weight_file(path).state``.
        how: taps are filled.
        partial: take what fits by name and shape, and leave the rest as it is.

    Raises:
        WeightsError: other entries than the network's, or with ``partial`` none of it; or no kernel
            was to be inflated. The network is as it was.
    """
    own = network.state_dict()
    clips = inflated(state, own, how)
    found = taken(clips.state, own)
    if not clips.kernels:
        raise WeightsError(
            f"no kernel of these weights differs from the network's only by time\n{found}\n"
            "  cure: give both the same names, or load the weights without inflation"
        )
    if not found.complete and not partial:
        raise WeightsError(
            f"these are not the weights of this network in two dimensions\n{found}\n"
            "  cure: partial=True takes what fits"
        )
    put(found, clips.state, own)
    return found, clips
