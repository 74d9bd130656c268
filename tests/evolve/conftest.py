"""Databases that a test has opened are closed after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connsearch.evolve import storage as storage_module


@pytest.fixture(autouse=True)
def _databases_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Otherwise their connections are closed when they are collected, with a warning."""
    opened: list[Any] = []
    make = storage_module._database

    def remembered(url: str) -> Any:
        opened.append(make(url))
        return opened[-1]

    monkeypatch.setattr(storage_module, "_database", remembered)
    yield
    for storage in opened:
        storage.engine.dispose()
