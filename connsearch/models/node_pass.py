"""Clips on their way through the nodes of a structure, as far as one wants.

Shape letters: B clips, C channels, T frames, H W places.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from torch import Tensor

from connsearch.graph.plan import Plan, StemPlan
from connsearch.graph.spec import Modality
from connsearch.nn.attention import frame_means


class NodePass:
    """Computes node after node; features that are not read again are freed at once.

    Args:
        nodes: computes each node.
        shapes: of the nodes.
        ready: the streams that stems read, each ``(B, C, T, H, W)``.
        last_use: the nodes whose features are not read after a node.
        peers: nodes whose means others look at.

    Attributes:
        features: (B, C, T, H, W) of the nodes that are still read, by number.
    """

    def __init__(
        self,
        nodes: Sequence[Callable[..., Tensor]],
        shapes: Plan,
        ready: Mapping[Modality, Tensor],
        *,
        last_use: Mapping[int, Sequence[int]],
        peers: Collection[int],
    ) -> None:
        self._nodes, self._shapes, self._ready = nodes, shapes.nodes, dict(ready)
        self._last_use, self._peers = last_use, peers
        frames, height, width = next(iter(ready.values())).shape[2:]
        self._clip = (frames, height, width)
        self._means: dict[int, Tensor] = {}
        self._done = 0
        self.features: dict[int, Tensor] = {}

    def advance(self, end: int, pooled: Collection[int] = ()) -> dict[int, Tensor]:
        """Computes all nodes below ``end``; returns means ``(B, C)`` over T, H, W of some of them.

        Args:
            end: one more than the last node that is computed.
            pooled: the nodes whose means are asked for.
        """
        found: dict[int, Tensor] = {}
        for index in range(self._done, end):
            shape, node = self._shapes[index], self._nodes[index]
            if isinstance(shape, StemPlan):
                self.features[index] = node(self._ready[shape.modality])
            else:
                # No name for the inputs: it would keep the last block's alive under the head.
                self.features[index] = node(
                    {s: self.features[s] for s in shape.sources}, self._clip, self._means
                )
            if index in self._peers:
                self._means[index] = frame_means(self.features[index])
            if index in pooled:
                found[index] = self.features[index].mean((2, 3, 4))
            for done in self._last_use.get(index, ()):
                del self.features[done]
        self._done = max(self._done, end)
        return found

    def keep(self, goes_on_B: Tensor) -> None:
        """Goes on with some of the clips only, bool ``(B,)``."""
        if goes_on_B.all():
            return
        self._ready = {m: x[goes_on_B] for m, x in self._ready.items()}
        self._means = {n: x[goes_on_B] for n, x in self._means.items()}
        self.features = {n: x[goes_on_B] for n, x in self.features.items()}
