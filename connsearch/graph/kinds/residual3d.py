"""3D and (2+1)D residual blocks, with a temporal gate at one of six places or without, and stems.

As in the code published with Squeeze-and-Recursion (Stergiou & Poppe 2021, arXiv 2006.08247), after
R3D and R(2+1)D (Tran et al. 2018, arXiv 1711.11248): a bottleneck does not widen its output, and
the first module carries the strides, also in time. A kind with ``srtg_`` has a gate; where it is
stands behind the name, unless it is the published place, ``final``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from connsearch.graph.factorised import STEM_MIDDLE, middle_width
from connsearch.graph.kinds import BlockModule, StemModule, block_kind, stem_kind
from connsearch.graph.layers import (
    INPUT,
    Activation,
    Convolution,
    Gate,
    Layer,
    Norm,
    Pool,
    Sum,
)
from connsearch.graph.spec import Modality

Place = Literal["start", "top", "mid", "end", "res", "final"]
"""Where the gate of a module is: see ``nn.residual3d.Place``."""

_MOMENTUM = 0.1
"""Share of a batch in running statistics; the other kinds have the published .01 of AssembleNet."""


def norm(name: str) -> Norm:
    """Returns batch normalisation with the constants of these networks."""
    return Norm(name, momentum=_MOMENTUM)


@dataclass(frozen=True)
class _Residual:
    """What the modules of one kind have in common."""

    factorised: bool
    place: Place | None

    def basic(self, module: BlockModule) -> Iterator[Layer]:
        """Two 3x3x3, the first with the strides, each followed by a normalisation."""
        (width,), middle = module.filters, middle_width(module.in_width, module.filters[0])
        yield from self._at("start")
        first = "gate" if self.place == "start" else INPUT
        yield from self._full("conv1", module, module.in_width, width, middle, first)
        yield norm("bn1")
        yield Activation(name="middle")
        yield from self._at("top", "mid")
        still = replace(module, stride=1, temporal_stride=1)
        yield from self._full("conv2", still, width, width, middle, None)
        yield norm("bn2")
        yield from self._closed(module, "bn2", width, first)

    def bottleneck(self, module: BlockModule) -> Iterator[Layer]:
        """1x1x1, 3x3x3 with the strides, 1x1x1, each followed by a normalisation."""
        (width,), middle = module.filters, middle_width(module.in_width, module.filters[0])
        yield from self._at("start")
        first = "gate" if self.place == "start" else INPUT
        yield Convolution("conv1", module.in_width, width, reads=first)
        yield norm("bn1")
        yield Activation()
        yield from self._at("top")
        yield from self._full("conv2", module, width, width, middle, None)
        yield norm("bn2")
        yield Activation()
        yield from self._at("mid")
        yield Convolution("conv3", width, width)
        yield norm("bn3")
        yield from self._closed(module, "bn3", width, first)

    def _at(self, *places: Place) -> Iterator[Layer]:
        """The gate, if it is at one of these places."""
        if self.place in places:
            yield Gate("gate")

    def _full(
        self,
        name: str,
        module: BlockModule,
        in_width: int,
        width: int,
        middle: int,
        reads: str | None,
    ) -> Iterator[Layer]:
        """A 3x3x3 with the strides of a module, whole or as 1x3x3, norm, ReLU and 3x1x1."""
        stride, time, dilation = module.stride, module.temporal_stride, module.dilation
        if not self.factorised:
            yield Convolution(
                name,
                in_width,
                width,
                temporal=3,
                spatial=3,
                stride=stride,
                dilation=dilation,
                temporal_stride=time,
                reads=reads,
            )
            return
        yield Convolution(f"{name}_space", in_width, middle, spatial=3, stride=stride, reads=reads)
        yield norm(f"{name}_bn")
        yield Activation()
        yield Convolution(
            f"{name}_time", middle, width, temporal=3, dilation=dilation, temporal_stride=time
        )

    def _closed(self, module: BlockModule, last: str, width: int, first: str) -> Iterator[Layer]:
        """The addition of the way past the module, and the last ReLU."""
        yield from self._at("end")
        added = "gate" if self.place == "end" else last
        past = first
        strides = (module.stride, module.temporal_stride)
        if module.in_width != width or strides != (1, 1):
            stride, time = strides
            yield Convolution(
                "shortcut", module.in_width, width, stride=stride, temporal_stride=time, reads=first
            )
            yield norm(past := "shortcut_bn")
        if self.place == "res":
            yield Gate("gate", reads=past)
            past = "gate"
        yield Sum((added, past))
        yield Activation()
        yield from self._at("final")


def _file(form: Literal["basic", "bottleneck"], factorised: bool, place: Place | None) -> None:
    """Files the kind of one form, convolution and place."""
    name = f"{'r2plus1d' if factorised else 'r3d'}_{form}"
    if place is not None:
        name = f"srtg_{name}" if place == "final" else f"srtg_{name}_{place}"
    residual = _Residual(factorised, place)
    layers: Callable[[BlockModule], Iterator[Layer]] = getattr(residual, form)
    block_kind(name, out_width=lambda filters: filters[0])(layers)


for _form in ("basic", "bottleneck"):
    for _factorised in (False, True):
        for _place in (None, *get_args(Place)):
            _file(_form, _factorised, _place)


@stem_kind("r3d")
def r3d(stem: StemModule) -> Iterator[Layer]:
    """Yields a 3x7x7 of stride 2 in space, and a 3x3x3 max pool of stride 2, also in time.

    Object maps are only pooled, in space, and pass on their channels.
    """
    yield from _stem(stem, factorised=False)


@stem_kind("r2plus1d")
def r2plus1d(stem: StemModule) -> Iterator[Layer]:
    """Yields the same with a 1x7x7, norm, ReLU and 3x1x1 in place of the 3x7x7."""
    yield from _stem(stem, factorised=True)


def _stem(stem: StemModule, *, factorised: bool) -> Iterator[Layer]:
    if stem.modality is Modality.OBJECT:
        yield Pool(window=4, stride=4)
        return
    before, width, dilation = stem.in_width, stem.width, stem.dilation
    if factorised:
        yield Convolution("conv1_space", before, STEM_MIDDLE, spatial=7, stride=2)
        yield norm("conv1_bn")
        yield Activation()
        yield Convolution("conv1_time", STEM_MIDDLE, width, temporal=3, dilation=dilation)
    else:
        yield Convolution("conv1", before, width, 3, 7, stride=2, dilation=dilation)
    yield norm("bn1")
    yield Activation()
    yield Pool(window=3, stride=2, temporal=3, temporal_stride=2, centred=True)
