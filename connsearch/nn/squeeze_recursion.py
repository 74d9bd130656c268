"""Squeeze and recursion (Stergiou & Poppe 2021, arXiv 2006.08247).

The spatial means of features go through a recurrent cell over the frames, and what it puts out
scales the channels of every frame. Nothing here decides (``nn.temporal_gate``), and nothing here
knows the network it stands in.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.graph.spec import GateFusion
from connsearch.nn.attention import frame_means
from connsearch.nn.fused_gates import in_training, means, scaled
from connsearch.nn.given import told
from connsearch.nn.recurrent import recur
from connsearch.registry import suggest

Cell = Literal["lstm", "gru"]


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


class Recurring(nn.Module):
    """A recurrent cell over the spatial means of features, and what its states multiply by.

    Args:
        width: channels of the features, and of the cell.
        cell: ``lstm`` or ``gru``.
        layers: cells one above the other.
        fusion: by what features are multiplied: ``product``: s; ``one_plus``: 1 + s; ``sigmoid``:
            that of s.

    Raises:
        SettingsError: a width or a number of layers below 1, or no whole number.
        UnknownNameError: another cell or fusion.
    """

    def __init__(
        self, width: int, *, cell: Cell = "lstm", layers: int = 2, fusion: GateFusion = "product"
    ) -> None:
        super().__init__()
        _require_word("fusion", fusion, get_args(GateFusion))
        self.width, self.fusion = width, fusion
        self.recursion = _cell(width, cell, layers)

    def squeezed(self, x_BCTHW: Tensor) -> Tensor:
        """Returns the means over the pixels ``(B, C, T)``, in the type of the cell.

        Raises:
            DataError: no floating point tensor of five axes and the width of the cell.
        """
        _require_features(x_BCTHW, self.width)
        return _squeeze(x_BCTHW, self.recursion, lean=in_training(self))

    def states(self, u_BCT: Tensor) -> Tensor:
        """Returns what the cell makes of means: ``(B, C, T)``."""
        return _recurred(self.recursion, u_BCT)

    def factor(self, s_BCT: Tensor) -> Tensor:
        """Returns what features are multiplied by: ``(B, C, T)``."""
        if self.fusion == "product":
            return s_BCT
        return 1 + s_BCT if self.fusion == "one_plus" else s_BCT.sigmoid()

    def times(self, x_BCTHW: Tensor, factor_BCT: Tensor) -> Tensor:
        """Returns features times a factor, in their type."""
        factor = factor_BCT[..., None, None]
        if in_training(self):
            return scaled(x_BCTHW, factor)
        return x_BCTHW * factor.to(x_BCTHW.dtype)

    def extra_repr(self) -> str:
        """Returns what stands in the brackets when the module is printed."""
        return f"{self.width}, fusion={self.fusion}"


class RecurrentScaling(Recurring):
    r"""Scales features by what a recurrent cell says, in every clip: no gate decides.

    .. math:: y = f(s)\,x, \quad s = \mathrm{LSTM}(\bar x)

    Its arguments and errors are those of :class:`Recurring`.
    """

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps features ``(B, C, T, H, W)`` to the same shape and type; x stays as it is.

        Raises:
            DataError: no floating point tensor of this shape.
        """
        s_BCT = self.states(self.squeezed(x_BCTHW))
        return self.times(x_BCTHW, self.factor(s_BCT))


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
