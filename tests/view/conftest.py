"""A browser of the system, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture
def no_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without the drawings of their charts, which take longer than all the rest."""
    from connsearch.view.charts import inline
    from tests.view.report_files import undrawn

    monkeypatch.setattr(inline, "drawing", undrawn)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    place = next(filter(None, map(shutil.which, _NAMES)), None)
    if place is None:
        pytest.skip(f"no browser on PATH: {', '.join(_NAMES)}")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield found
        found.close()
