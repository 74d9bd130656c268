"""First values from a seed of their own: the global random numbers stay as they were."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int | None) -> Generator[None]:
    """Runs a block with its own random numbers and puts the global generator back.

    Args:
        seed: seed of the block's numbers; None takes the global generator as it stands.
    """
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
