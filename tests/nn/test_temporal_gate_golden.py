"""Squeeze and recursion give the published numbers, gates the decisions of the definition.

A few cases that lie in ``tests/golden/srtg``; ``--golden-dir`` runs all of a folder.
"""

from __future__ import annotations

from typing import Any

import pytest

from connsearch.nn import cycle_consistency, squeeze_recursion
from tests.golden.folder import Folder
from tests.golden.srtg import gates
from tests.golden.srtg.rule import HERE

FOLDER = Folder.read(HERE)
CHECKS = {
    check.name: check
    for name, entry in FOLDER.index.items()
    if entry["kind"] in gates.KINDS
    for check in gates.checks(FOLDER, name)
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_golden_numbers_are_met(name: str) -> None:
    CHECKS[name].run()


FAULTS: dict[str, tuple[Any, str, Any]] = {
    "means over the longer side only": (
        squeeze_recursion,
        "frame_means",
        lambda x: x.mean(-1)[..., 0].transpose(1, 2),
    ),
    "the cell reads backwards": (
        squeeze_recursion,
        "recur",
        lambda cell, x: cell(x.flip(0))[0].flip(0),
    ),
    "the last state for all frames": (
        squeeze_recursion,
        "recur",
        lambda cell, x: cell(x)[0][-1:].expand(len(x), -1, -1),
    ),
    "distances that are no squares": (
        cycle_consistency,
        "_squared_distances",
        lambda a, b: (a.unsqueeze(2) - b.unsqueeze(1)).abs().sum(3),
    ),
    "far frames weigh most": (
        cycle_consistency,
        "_returns",
        lambda a, b, d, test, right=cycle_consistency._returns: right(a, b, -d, test),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, wrong = FAULTS[fault]
    monkeypatch.setattr(place, name, wrong)
    kind = "s2_gate" if place is cycle_consistency else "s1_sr_c8_t3_4x7"
    with pytest.raises(AssertionError):
        CHECKS[f"{kind}-float64"].run()
