"""An answer after every step of a clip, from the largest of each feature so far.

Shape letters: B clips, S steps, D features, K classes.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn

from connsearch.nn.layers import dense


class RunningMax(nn.Module):
    """A shared layer, the running maximum over the steps, and a classifier a step.

    As in FrameExit (arXiv 2104.13400) and AdaFocusV2.

    Args:
        width: D of the features.
        neurons: width of the shared layer (published: 4096).
        steps: S.
        num_classes: K.
        dropout: drop rate before each classifier.
    """

    def __init__(
        self, width: int, neurons: int, steps: int, num_classes: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dense = nn.Linear(width, neurons)
        self.norm = nn.BatchNorm1d(neurons)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(dense(neurons, num_classes) for _ in range(steps))

    def forward(self, features_BSD: Tensor) -> Tensor:
        """Maps the features of all steps to the answers after each, ``(B, S, K)``."""
        clips, steps = features_BSD.shape[:2]
        x = self.norm(self.dense(features_BSD.flatten(0, 1))).relu()
        largest_BSN = _running_max(x.unflatten(0, (clips, steps)))
        answers = [
            head(self.dropout(x_BN))
            for head, x_BN in zip(self.heads, largest_BSN.unbind(1), strict=True)
        ]
        return torch.stack(answers, 1)

    def step(
        self, features_BD: Tensor, number: int, largest_BN: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the answers after a step ``(B, K)``, and the largest features so far.

        Args:
            features_BD: of this step.
            number: of the step, from 0.
            largest_BN: as it was returned for the step before; None: this is the first.
        """
        x_BN = self.norm(self.dense(features_BD)).relu()
        now_BN = x_BN if largest_BN is None else torch.maximum(largest_BN, x_BN)
        return self.heads[number](self.dropout(now_BN)), now_BN


def _running_max(x_BSN: Tensor) -> Tensor:
    """The largest of each feature so far; ONNX has no operator for it."""
    if not torch.compiler.is_exporting():
        return x_BSN.cummax(1).values
    return torch.stack(list(accumulate(x_BSN.unbind(1), torch.maximum)), 1)
