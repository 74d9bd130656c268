"""Runs without their pictures: drawing takes most of the time of a tiny run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest


@contextmanager
def no_pictures() -> Generator[None]:
    """Trainings, searches and prunings of this process draw nothing; all else still does."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("train", "search", "folds"):
            patched.setattr(f"connsearch.workflows.{name}.draw_run", lambda *_: None)
        patched.setattr("connsearch.workflows.prune.draw_pruning", lambda *_: None)
        yield
