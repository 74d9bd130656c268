"""An answer that is the sum of what two networks answer (AdaFocusV2 for clips).

Shape letters: B clips, t places in time, D numbers of a vector, K classes.
"""

from __future__ import annotations

from torch import Tensor, nn

STD = 0.001
"""Of the first values of its classifiers, and of those that only a training needs."""


class SumOfNetworks(nn.Module):
    """A classifier for each network. They learn on what the networks see, and not the networks.

    Args:
        glance_width: D of the glance network.
        local_width: D of the local network.
        num_classes: K.
    """

    def __init__(self, glance_width: int, local_width: int, num_classes: int) -> None:
        super().__init__()
        self.glance = small_dense(glance_width, num_classes)
        self.local = small_dense(local_width, num_classes)

    def glanced(self, vectors_BtD: Tensor) -> Tensor:
        """Returns the part ``(B, K)`` of the answer that the glance network has."""
        return self.glance(vectors_BtD.detach()).mean(1)

    def looked(self, vectors_BtD: Tensor) -> Tensor:
        """Returns the part ``(B, K)`` of the answer that the local network has."""
        return self.local(vectors_BtD.detach()).mean(1)


def small_dense(in_width: int, out_width: int) -> nn.Linear:
    """Returns a dense layer with bias; first values N(0, .001) and 0."""
    layer = nn.Linear(in_width, out_width)
    nn.init.normal_(layer.weight, std=STD)
    nn.init.zeros_(layer.bias)
    return layer
