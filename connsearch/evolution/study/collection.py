"""Python's search for unused cycles, held back while very many objects are made at once."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collected_later() -> Generator[None]:
    """Holds the search back meanwhile: reading a long study, it takes more than half of the time.

    It looks at everything there is again and again, and nothing of it can go.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
