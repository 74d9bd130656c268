"""The tiny data set of every source, made once for all tests of a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.data.datasets.formats import FORMATS, Maker, Tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tiny]:
    """Returns the tiny data set of a member, made once."""
    made: dict[str, Tiny] = {}

    def of(name: str) -> Tiny:
        if name not in made:
            made[name] = FORMATS[name](tmp_path_factory.mktemp(name), Maker())
        return made[name]

    return of
