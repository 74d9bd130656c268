"""What a 3D residual network is made of, as its model document holds it."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connsearch.graph.spec import GateFusion
from connsearch.models.settings import Depth, Share, Spread, Width
from connsearch.nn.convolutions3d import BY_CHANNEL, Convolution
from connsearch.nn.cycle_consistency import GateTest
from connsearch.nn.residual3d import BlockForm, Place
from connsearch.nn.temporal_gate import TemporalGate

Convolutions = Literal["r3d", "r2plus1d", "ir_csn", "ip_csn", "mc3"]
"""What the 3x3x3 of a network are; only of ``mc3`` they are not all of one kind."""

CAME_LATER = frozenset(
    "expansion groups base_width legacy_dense place gated gate_test fusion".split()
)
"""Settings that a document holds only where they are not the default: those before them had none,
and a network without them has the document it had."""


class ResNet3DSettings(BaseModel):
    """What a network is made of.

    Attributes:
        block: ``basic`` (two 3x3x3) or ``bottleneck`` (1x1x1, 3x3x3, 1x1x1).
        convolution: what a 3x3x3 is: ``r3d``, one convolution; ``r2plus1d``, 1x3x3, norm, ReLU,
            3x1x1; ``ir_csn``, one in every channel by itself; ``ip_csn``, the same after a 1x1x1,
            norm and ReLU; ``mc3``, one convolution in the first stage, in the others 1x3x3 without
            a stride in time.
        depths: blocks of each of the four stages.
        widths: of each stage: output channels of a basic block; a bottleneck has ``expansion``
            times as many. The first is the stem's too.
        stem_pool: whether a 3x3x3 max pool of stride 2 follows the stem.
        dropout: drop rate before the classifier.
        mean: of red, green and blue, for pixels of 0 to 1: clips, which come in [-1, 1], are
            normalised by it inside the network. The default leaves them as they are.
        std: spread, likewise.
        expansion: output channels of a bottleneck, as a multiple of its width; 4 in torchvision and
            in the published code before June 2020.
        groups: parts of the channels that do not see each other in the second convolution of a
            block. A bottleneck is so many times wider inside.
        base_width: channels of a group of a bottleneck that is 64 wide.
        legacy_dense: groups only widen bottlenecks, as in the published code.
        place: of a temporal gate in every block (``nn.residual3d.Place``); ``none``: no gates.
        gated: whether gates decide; False lets everything through them ("squeeze and recursion").
        gate_test: by which they decide.
        fusion: what an open gate makes of features x and states s: ``product`` s x, as published;
            ``one_plus`` (1 + s) x; ``sigmoid``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    block: Literal["basic", "bottleneck"]
    convolution: Convolutions
    depths: tuple[Depth, Depth, Depth, Depth]
    widths: tuple[Width, Width, Width, Width] = (64, 128, 256, 512)
    stem_pool: bool = Field(default=True, strict=True)
    dropout: float = Field(default=0.0, strict=True, ge=0, lt=1)
    mean: tuple[Share, Share, Share] = (0.5, 0.5, 0.5)
    std: tuple[Spread, Spread, Spread] = (0.5, 0.5, 0.5)
    expansion: int = Field(default=1, strict=True, ge=1, le=16)
    groups: int = Field(default=1, strict=True, ge=1, le=1024)
    base_width: int = Field(default=64, strict=True, ge=1, le=1024)
    legacy_dense: bool = Field(default=False, strict=True)
    place: Place = "none"
    gated: bool = Field(default=False, strict=True)
    gate_test: GateTest = GateTest()
    fusion: GateFusion = "product"

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        faults = [
            (
                self.block == "basic" and self.expansion > 1,
                f"expansion {self.expansion}: only a bottleneck widens, this network has basic "
                "blocks; leave it at 1",
            ),
            (
                self.block == "basic" and self.base_width != 64,
                f"base_width {self.base_width}: only a bottleneck has one, this network has basic "
                "blocks; leave it at 64",
            ),
            (
                self.block == "basic" and self.convolution in BY_CHANNEL,
                f"convolution {self.convolution}: goes with bottlenecks only, this network has "
                "basic blocks",
            ),
            (
                self.convolution in BY_CHANNEL and self.groups > 1,
                f"groups {self.groups}: {self.convolution} has a group for every channel already; "
                "leave it at 1",
            ),
            (
                self.block == "basic" and any(w % self.form.parts for w in self.widths),
                f"groups {self.groups}: does not divide every one of the widths {self.widths}",
            ),
            (
                self.legacy_dense and self.groups == 1,
                "legacy_dense: has no effect on a network without groups; leave it out",
            ),
            (
                self.block == "bottleneck" and min(self.widths) * self.base_width < 64,
                f"base_width {self.base_width}: leaves no channel inside a bottleneck that is "
                f"{min(self.widths)} wide",
            ),
            (
                self.gated and self.place == "none",
                "gated: this network has no gates; place says where they are to be: start, top, "
                "mid, end, res or final",
            ),
            (
                self.fusion != "product" and self.place == "none",
                f"fusion {self.fusion}: this network has no gates; place says where they are to be",
            ),
        ]
        if said := [fault for wrong, fault in faults if wrong]:
            raise ValueError("\n  ".join(said))
        return self

    @property
    def form(self) -> BlockForm:
        """What the blocks of its first stage have in common."""
        return self.form_of(0)

    def form_of(self, stage: int) -> BlockForm:
        """Returns what the blocks of a stage have in common; the first is stage 0."""
        return BlockForm(
            self.convolution_of(stage),
            expansion=self.expansion,
            groups=self.groups,
            base_width=self.base_width,
            dense=self.legacy_dense,
            place=self.place,
            make_gate=self._gate,
        )

    def convolution_of(self, stage: int) -> Convolution:
        """Returns what a 3x3x3 of a stage is; the stem's convolution is as in stage 0."""
        if self.convolution == "mc3":
            return "r3d" if stage == 0 else "flat"
        return self.convolution

    @property
    def stride_in_time(self) -> int:
        """Frames of a clip for each of a feature map behind the last stage."""
        stages = 1 if self.convolution == "mc3" else 8
        return 2 * stages if self.stem_pool else stages

    def _gate(self, width: int) -> TemporalGate:
        return TemporalGate(width, test=self.gate_test, fusion=self.fusion, gated=self.gated)

    def document(self) -> dict[str, Any]:
        """Returns them as JSON values; :data:`CAME_LATER` only where they say something."""
        usual = {name: type(self).model_fields[name].default for name in CAME_LATER}
        same = {name for name, value in usual.items() if getattr(self, name) == value}
        return self.model_dump(mode="json", exclude=same)
