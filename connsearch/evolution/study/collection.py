"""Python's garbage collection, postponed while very many objects are created."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collected_later() -> Generator[None]:
    """Postpones garbage collection: it would take more than half of the time to read a long study.

    It would examine all objects repeatedly, and none of them can be freed.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
