"""Runs without their pictures: drawing takes most of the time of a tiny run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest


@contextmanager
def no_pictures() -> Generator[None]:
    """Trainings and searches of this process draw nothing; commands that draw still do."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("train", "search", "folds"):
            patched.setattr(f"connsearch.workflows.{name}.draw_run", lambda *_: None)
        yield
