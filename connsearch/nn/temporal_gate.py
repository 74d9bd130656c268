"""Squeeze and recursion with temporal gates (Stergiou & Poppe 2021, arXiv 2006.08247).

The spatial means of features go through a recurrent cell over the frames, and what it puts out
scales the channels of every frame. A gate may decide, clip by clip, whether that happens: only
where the means and what the cell made of them agree (``nn.cycle_consistency``). Nothing here knows
the network it stands in.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.nn.attention import frame_means
from connsearch.nn.cycle_consistency import GateTest, consistent
from connsearch.nn.fused_gates import in_training, means, scaled
from connsearch.nn.given import told
from connsearch.nn.recurrent import recur
from connsearch.registry import suggest

__all__ = ["GateTest", "OpenCount", "SqueezeRecursion", "TemporalGate", "consistent"]

Cell = Literal["lstm", "gru"]
Fusion = Literal["product", "one_plus", "sigmoid"]


class OpenCount(NamedTuple):
    """How often a gate was open.

    Attributes:
        opened: clips whose gate was open, or would have been while nothing was gated.
        clips: all clips that were counted.
    """

    opened: int
    clips: int

    @property
    def rate(self) -> float | None:
        """The share of open gates, 0 to 1; None where no clip was counted."""
        return self.opened / self.clips if self.clips else None


class SqueezeRecursion(nn.Module):
    """What a recurrent cell says about every frame and channel, from the spatial means.

    It starts from zeros and returns the state of its last layer at every frame: numbers in (-1, 1).
    The means are taken and the cell runs in the type of its weights (float32), also under autocast.

    Args:
        width: channels of the features, and of the cell.
        cell: ``lstm`` or ``gru``.
        layers: cells one above the other.

    Raises:
        SettingsError: a width or a number of layers below 1, or no whole number.
        UnknownNameError: another cell.
    """

    def __init__(self, width: int, cell: Cell = "lstm", layers: int = 2) -> None:
        super().__init__()
        self.width = width
        self.recursion = _cell(width, cell, layers)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps features ``(B, C, T, H, W)`` to ``(B, C, T)``.

        Raises:
            DataError: no floating point tensor of this shape.
        """
        _require_features(x_BCTHW, self.width)
        return _recurred(self.recursion, _squeeze(x_BCTHW, self.recursion))


def _cell(width: int, cell: Cell, layers: int) -> nn.LSTM | nn.GRU:
    _require_count("width", width)
    _require_count("layers", layers)
    _require_word("cell", cell, get_args(Cell))
    return (nn.LSTM if cell == "lstm" else nn.GRU)(width, width, num_layers=layers)


def _squeeze(x_BCTHW: Tensor, cell: nn.LSTM | nn.GRU, *, lean: bool = False) -> Tensor:
    """The mean over the pixels of every frame and channel ``(B, C, T)``, in the cell's type."""
    dtype = cast(Tensor, cell.weight_ih_l0).dtype
    found_BTC = means(x_BCTHW, dtype) if lean else frame_means(x_BCTHW.to(dtype))
    return found_BTC.transpose(1, 2)


def _recurred(cell: nn.LSTM | nn.GRU, u_BCT: Tensor) -> Tensor:
    """The states of the last layer at every frame ``(B, C, T)``."""
    return recur(cell, u_BCT.permute(2, 0, 1)).permute(1, 2, 0)


class TemporalGate(nn.Module):
    r"""Scales features by what a recurrent cell says, in the clips whose gate is open.

    .. math:: y = s\,x \text{ where open, else } x, \quad s = \mathrm{LSTM}(\bar x)

    While ``gated`` is False every gate is open ("squeeze and recursion" only). Train so at first: a
    cell that has learned nothing never agrees with its input, and while its gate is shut it has no
    gradient to learn from. No gradient goes through the decision.

    Args:
        width: channels.
        test: by which a gate decides.
        cell: ``lstm`` or ``gru``.
        layers: of the cell.
        fusion: ``product`` as published; ``one_plus``: 1 + s instead of s; ``sigmoid``: of s.
        gated: whether gates decide from the beginning.

    Attributes:
        gated: whether gates decide; set it at any time. No entry of the state_dict.
        watched: while True a forward counts open gates for :meth:`take_count`, also while nothing
            is gated.

    Raises:
        SettingsError: a width or a number of layers below 1, or a test that is no ``GateTest``.
        UnknownNameError: another cell or fusion.

    >>> import torch
    >>> gate = TemporalGate(8)
    >>> gate(torch.rand(2, 8, 4, 6, 6)).shape
    torch.Size([2, 8, 4, 6, 6])
    >>> gate.gated = gate.watched = True
    >>> x = torch.rand(2, 8, 4, 6, 6)
    >>> torch.equal(gate(x), x), gate.take_count()
    (True, OpenCount(opened=0, clips=2))
    """

    def __init__(
        self,
        width: int,
        *,
        test: GateTest = GateTest(),  # noqa: B008 - it is frozen
        cell: Cell = "lstm",
        layers: int = 2,
        fusion: Fusion = "product",
        gated: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(cast(object, test), GateTest):
            raise SettingsError(f"test of a temporal gate: got {told(test)}; wanted: a GateTest")
        _require_word("fusion", fusion, get_args(Fusion))
        self.width, self.test, self.fusion, self.gated = width, test, fusion, gated
        self.watched = False
        self.recursion = _cell(width, cell, layers)
        self._opened: Tensor | None = None
        self._clips = 0

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps features ``(B, C, T, H, W)`` to the same shape and type; x stays as it is.

        Raises:
            DataError: no floating point tensor of this shape.
        """
        _require_features(x_BCTHW, self.width)
        u_BCT = _squeeze(x_BCTHW, self.recursion, lean=in_training(self))
        s_BCT = _recurred(self.recursion, u_BCT)
        factor_BCT = self._factor(s_BCT)
        if self.gated or self.watched:
            open_B = consistent(u_BCT, s_BCT, self.test)
            if self.watched:
                self._count(open_B)
            if self.gated:  # times 1 is the very same number
                factor_BCT = torch.where(open_B[:, None, None], factor_BCT, 1.0)
        factor = factor_BCT[..., None, None]
        if in_training(self):
            return scaled(x_BCTHW, factor)
        return x_BCTHW * factor.to(x_BCTHW.dtype)

    def _factor(self, s_BCT: Tensor) -> Tensor:
        if self.fusion == "product":
            return s_BCT
        return 1 + s_BCT if self.fusion == "one_plus" else s_BCT.sigmoid()

    def _count(self, open_B: Tensor) -> None:
        if torch.compiler.is_exporting():
            return
        opened = open_B.sum()
        self._opened = opened if self._opened is None else self._opened + opened
        self._clips += open_B.shape[0]

    def take_count(self) -> OpenCount:
        """Returns how many gates were open since the last call, and forgets it."""
        opened = 0 if self._opened is None else int(self._opened.item())
        count = OpenCount(opened, self._clips)
        self._opened, self._clips = None, 0
        return count

    def extra_repr(self) -> str:
        """Returns what stands in the brackets when the module is printed."""
        return f"{self.width}, fusion={self.fusion}, gated={self.gated}"


def _require_count(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingsError(
            f"{what} of a temporal gate: got {value!r}; allowed: a whole number from 1"
        )


def _require_word(what: str, word: object, known: tuple[str, ...]) -> None:
    if word not in known:
        told_of = suggest(what, str(word), list(known))
        raise UnknownNameError(f"{what} of a temporal gate: {told_of}")


def _require_features(x: object, width: int) -> None:
    if not isinstance(x, Tensor):
        raise DataError(
            f"a temporal gate reads a torch tensor, got {told(x)}; cure: torch.as_tensor(...)"
        )
    if x.dim() != 5 or x.shape[1] != width or not x.numel():
        raise DataError(
            f"a temporal gate of {width} channels: got {told(x)}; it must be (clips, {width} "
            "channels, frames, height, width), none of them 0"
        )
    if not x.is_floating_point():
        raise DataError(
            f"a temporal gate: got {told(x)}; it must hold floating point numbers (cure: .float())"
        )
