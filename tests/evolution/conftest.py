"""Databases that a test has opened are closed after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connsearch.evolution.study import databases as databases_module


@pytest.fixture(autouse=True)
def _databases_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Otherwise their connections are closed when they are collected, with a warning."""
    opened: list[Any] = []
    make = databases_module._database

    def remembered(url: str, **how: Any) -> Any:
        opened.append(make(url, **how))
        return opened[-1]

    monkeypatch.setattr(databases_module, "_database", remembered)
    yield
    for storage in opened:
        storage.engine.dispose()
