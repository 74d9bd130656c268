"""Multigrid schedules and samplers against tables of SRTG's published code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden.folder import Folder
from tests.golden.srtg.tables import TABLES

HERE = Folder(Path(__file__).parent, {})


@pytest.mark.parametrize("check", [check for checks in TABLES.values() for check in checks])
def test_our_numbers_are_those_of_the_golden_tables(check: Callable[[Folder], None]) -> None:
    check(HERE)
