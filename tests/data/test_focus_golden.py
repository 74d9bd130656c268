"""Frames, crops, sizes and rates are those of AdaFocusV2's code; the numbers are in the folder."""

from __future__ import annotations

import pytest

from tests.golden.focus import data
from tests.golden.folder import HERE, Folder

FOLDER = Folder.read(HERE / "focus")


@pytest.mark.parametrize("name", sorted(data.CASES))
def test_published_numbers(name: str) -> None:
    (check,) = data.checks(FOLDER, name, FOLDER.index[name])
    check.run()
