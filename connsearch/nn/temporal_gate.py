"""Temporal gates (Stergiou & Poppe 2021, arXiv 2006.08247): they decide clip by clip.

Squeeze and recursion (``nn.squeeze_recursion``) happens only where the means of the features and
what the cell made of them agree (``nn.cycle_consistency``). Nothing here knows the network it
stands in.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor

from connsearch.errors import SettingsError
from connsearch.graph.spec import GateFusion
from connsearch.nn.cycle_consistency import GateTest, consistent
from connsearch.nn.given import told
from connsearch.nn.squeeze_recursion import Cell, Recurring


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


class DecidingGate(Recurring):
    """What decides, clip by clip, by whether means and the states of a cell agree.

    Args:
        width: channels.
        test: by which it decides.
        cell: ``lstm`` or ``gru``.
        layers: of the cell.
        fusion: what an open gate multiplies by.
        gated: whether it decides from the beginning.

    Attributes:
        gated: whether it decides; set it at any time. No entry of the state_dict.
        watched: while True a forward counts open gates for :meth:`take_count`, also while nothing
            is gated.
        listener: is told in every forward for which clips the gate is open, bool ``(B,)``, also
            while nothing is gated; None: nobody.

    Raises:
        SettingsError: a width or a number of layers below 1, or a test that is no ``GateTest``.
        UnknownNameError: another cell or fusion.
    """

    def __init__(
        self,
        width: int,
        *,
        test: GateTest = GateTest(),  # noqa: B008 - it is frozen
        cell: Cell = "lstm",
        layers: int = 2,
        fusion: GateFusion = "product",
        gated: bool = False,
    ) -> None:
        if not isinstance(cast(object, test), GateTest):
            raise SettingsError(f"test of a temporal gate: got {told(test)}; wanted: a GateTest")
        super().__init__(width, cell=cell, layers=layers, fusion=fusion)
        self.test, self.gated = test, gated
        self.watched = False
        self.listener: Callable[[Tensor], None] | None = None
        self._opened: Tensor | None = None
        self._clips = 0

    def decided(self, u_BCT: Tensor, s_BCT: Tensor, factor_BCT: Tensor, *, shut: float) -> Tensor:
        """Returns the factor, or ``shut`` in the clips whose gate is shut.

        It decides by means ``u`` and states ``s``, and only where somebody asks.
        """
        if not (self.gated or self.watched or self.listener):
            return factor_BCT
        open_B = consistent(u_BCT, s_BCT, self.test)
        if self.watched:
            self._count(open_B)
        if self.listener is not None:
            self.listener(open_B)
        return torch.where(open_B[:, None, None], factor_BCT, shut) if self.gated else factor_BCT

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
        return f"{super().extra_repr()}, gated={self.gated}"


class TemporalGate(DecidingGate):
    r"""Scales features by what a recurrent cell says, in the clips whose gate is open.

    .. math:: y = s\,x \text{ where open, else } x, \quad s = \mathrm{LSTM}(\bar x)

    While ``gated`` is False every gate is open ("squeeze and recursion" only). Train so at first: a
    cell that has learned nothing never agrees with its input, and while its gate is shut it has no
    gradient to learn from. No gradient goes through the decision.

    Its arguments, attributes and errors are those of :class:`DecidingGate`; ``fusion`` is by
    default ``product`` as published; ``one_plus``: 1 + s instead of s; ``sigmoid``: of s.

    >>> import torch
    >>> gate = TemporalGate(8)
    >>> gate(torch.rand(2, 8, 4, 6, 6)).shape
    torch.Size([2, 8, 4, 6, 6])
    >>> gate.gated = gate.watched = True
    >>> x = torch.rand(2, 8, 4, 6, 6)
    >>> torch.equal(gate(x), x), gate.take_count()
    (True, OpenCount(opened=0, clips=2))
    """

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps features ``(B, C, T, H, W)`` to the same shape and type; x stays as it is.

        Raises:
            DataError: no floating point tensor of this shape.
        """
        u_BCT = self.squeezed(x_BCTHW)
        s_BCT = self.states(u_BCT)
        factor_BCT = self.decided(u_BCT, s_BCT, self.factor(s_BCT), shut=1.0)  # the very same x
        return self.times(x_BCTHW, factor_BCT)
