"""A temporal gate on a connection: it adds features only in the clips where they belong.

What a block's inputs without a gate come to together is compared with what a recurrent cell makes
of the features that would be added (``nn.cycle_consistency``). Shape letters: B clips, C channels,
T frames, H W pixels.
"""

from __future__ import annotations

from torch import Tensor

from connsearch.nn.temporal_gate import DecidingGate


class ConnectionGate(DecidingGate):
    r"""Scales the features of one connection by what a recurrent cell says of them, or by zero.

    .. math:: y = f(s)\,x \text{ where open, else } 0, \quad s = \mathrm{LSTM}(\bar x)

    It is open in the clips in which s agrees with the means u of what the features are added to.
    While ``gated`` is False it is always open. No gradient goes through the decision, and none
    reaches cell or features from a clip in which it is shut.

    Its arguments, attributes and errors are those of :class:`DecidingGate`. The place of the cell
    in the network is the connection; its width is that of the fusion.

    >>> import torch
    >>> gate = ConnectionGate(8, fusion="one_plus", gated=True)
    >>> x = torch.rand(2, 8, 4, 6, 6)
    >>> bool(gate(x, torch.rand(2, 8, 4)).any())  # nothing is learned, so nothing agrees
    False
    """

    def forward(self, x_BCTHW: Tensor, u_BCT: Tensor) -> Tensor:
        """Returns what is added: ``(B, C, T, H, W)``, in the type of the features.

        Args:
            x_BCTHW: features of the connection, as they would be added without a gate.
            u_BCT: spatial means of what they are added to, in the type of the cell.

        Raises:
            DataError: no floating point tensor of this shape, or means of another.
        """
        s_BCT = self.states(self.squeezed(x_BCTHW))
        factor_BCT = self.decided(u_BCT, s_BCT, self.factor(s_BCT), shut=0.0)
        return self.times(x_BCTHW, factor_BCT)
