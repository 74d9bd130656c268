"""Peer attention by itself: other features say which channels of these are let through."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from connsearch.graph.spec import Connection
from connsearch.nn.attention import PeerAttention
from connsearch.nn.modules.ranks import as_clip, as_rank, check_features, means_over
from connsearch.nn.modules.wiring import check_given, check_widths, fusion_plan


class PeerGate(nn.Module):
    r"""Gates the channels of one tensor by a learned mixture of others (AssembleNet++, 3.2).

    .. math:: y = \sigma\Bigl(D \sum_k c_k\, F_k\, \bar x_k\Bigr)\, x

    ``F_k`` projects the spatial mean of peer k, ``c`` is a softmax of learned logits, ``D`` goes to
    the channels of x. A peer may have any axes and any size; gates are per frame where x has a time
    axis (a peer without one says the same to every frame), per clip where it has none.

    Args:
        width: channels of what is gated.
        peers: channels of what gates it, by name; name x itself to let it take part.
        attention_width: channels peers are projected to. None: those of the widest.

    Raises:
        SettingsError: no peer, or a width below 1.

    >>> import torch
    >>> gate = PeerGate(8, {"audio": 4})
    >>> gate(torch.rand(2, 8, 6, 6), {"audio": torch.rand(2, 4, 100)}).shape
    torch.Size([2, 8, 6, 6])
    """

    def __init__(
        self, width: int, peers: Mapping[str, int], *, attention_width: int | None = None
    ) -> None:
        super().__init__()
        check_widths("tensor", {"width": width})
        check_widths("peer", peers)
        self.width, self.peers = width, dict(peers)
        widths = dict(enumerate((width, *peers.values())))
        numbers = tuple(range(1, len(widths)))
        plan = fusion_plan(
            (0,), (), width, widths=widths, candidates=numbers, attention_width=attention_width
        )
        self.attention = PeerAttention([Connection(0)], plan, widths, soft=True)

    @property
    def logits(self) -> nn.Parameter:
        """The mixture before the softmax ``(1, P)``, in the order of the peers."""
        assert self.attention.logits is not None
        return self.attention.logits

    def coefficients(self) -> dict[str, Tensor]:
        """Returns how much every peer says: 0-d, float32; they add up to 1."""
        return dict(zip(self.peers, self.attention.coefficients()[0].unbind(), strict=True))

    def gate(self, x: Tensor, peers: Mapping[str, Tensor]) -> Tensor:
        """Returns the gate in (0, 1), float32, that broadcasts over ``x``: 1 along H and W.

        Raises:
            UnknownNameError: a peer that is not declared.
            DataError: a tensor is missing, or has another width or number of clips than it should.
        """
        check_features("the gated tensor", x, self.width)
        check_given("peer", peers, tuple(self.peers))
        for name, width in self.peers.items():
            check_features(
                f"peer {name!r}", peers[name], width, clips=x.shape[0]
            )  # len() settles it
        frames = as_clip(x).shape[2]
        means = {i: means_over(peers[n], frames) for i, n in enumerate(self.peers, start=1)}
        found = self.attention(0, self.attention.open(means))
        return as_rank(found.expand(-1, -1, frames, -1, -1), x.dim())

    def forward(self, x: Tensor, peers: Mapping[str, Tensor]) -> Tensor:
        """Returns ``x`` times its gate, of the shape and precision of ``x``.

        Args:
            x: ``(B, C)``, ``(B, C, T)``, ``(B, C, H, W)`` or ``(B, C, T, H, W)``.
            peers: every declared peer, by name; any of these layouts.

        Raises:
            UnknownNameError: a peer that is not declared.
            DataError: a tensor is missing, or has another width or number of clips than it should.
        """
        return x * self.gate(x, peers).to(x.dtype)

    def extra_repr(self) -> str:
        """Returns what stands in the brackets when the module is printed."""
        return f"{', '.join(f'{name} {width}' for name, width in self.peers.items())}"
