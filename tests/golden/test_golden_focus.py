"""A few golden files of focus models lie in ``focus/``; ``--golden-dir`` runs all of a folder.

``python -m tests.golden.focus.report DIR`` prints the worst error of every case.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from connsearch.nn import focus_policy, running_max
from tests.golden.cupboard import Check, checks_of, parameter
from tests.golden.focus import measure, policies
from tests.golden.folder import HERE, Folder

FOLDER = Folder.read(HERE / "focus")
CHECKS = checks_of(FOLDER)


@pytest.mark.parametrize("check", [parameter(check, asked=False) for check in CHECKS])
def test_golden_focus(check: Check) -> None:
    if check.missing:
        pytest.skip(check.missing)
    check.run()
