"""An answer after a glance at a clip, and another one after a close look at it.

Shape letters: B clips, D numbers of a vector, N neurons, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from connsearch.nn.layers import dense


class GlanceThenLook(nn.Module):
    """Two answers, from the largest of each feature so far; see ``nn.running_max``.

    The first is of the glance alone; for the second both vectors go through a layer of their own.

    Args:
        glance_width: D of the glance.
        look_width: D of the look.
        neurons: N of both layers.
        num_classes: K.
        dropout: drop rate before each classifier.
    """

    def __init__(
        self,
        glance_width: int,
        look_width: int,
        neurons: int,
        num_classes: int,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = (glance_width, glance_width + look_width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, neurons), nn.BatchNorm1d(neurons), nn.ReLU())
            for width in widths
        )
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(dense(neurons, num_classes) for _ in widths)

    def glanced(self, glance_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the answers ``(B, K)`` after a glance, and its features ``(B, N)``."""
        found_BN = self.layers[0](glance_BD)
        return self.heads[0](self.dropout(found_BN)), found_BN

    def looked(self, glance_BD: Tensor, look_BD: Tensor, glanced_BN: Tensor) -> Tensor:
        """Returns the answers ``(B, K)`` after the look.

        Args:
            glance_BD: as :meth:`glanced` had it.
            look_BD: what was seen closely.
            glanced_BN: as :meth:`glanced` gave it.
        """
        both_BN = self.layers[1](torch.cat([glance_BD, look_BD], 1))
        return self.heads[1](self.dropout(torch.maximum(glanced_BN, both_BN)))
