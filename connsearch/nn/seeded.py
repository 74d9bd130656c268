"""First weights that follow from a number, whatever was drawn before."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int | None) -> Generator[None]:
    """Runs a block with torch's random numbers of a seed, and puts the global generator back.

    With None the block takes the global generator as it stands.
    """
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
