"""A few golden files of focus models lie in ``focus/``; ``--golden-dir`` runs all of a folder.

``python -m tests.golden.focus.report DIR`` prints the worst error of every case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import Tensor

from connsearch.errors import WeightsError
from connsearch.models.weights.adafocus import MODULES, PUBLICATIONS
from connsearch.nn.focus_policy import RecurrentPolicy
from connsearch.nn.running_max import RunningMax
from connsearch.runs import metrics
from tests.golden.cupboard import Check, checks_of, parameter
from tests.golden.focus import clipwise, data
from tests.golden.folder import HERE, Folder

CHECKS = checks_of(Folder.read(HERE / "focus"))


@pytest.mark.parametrize("check", [parameter(check, asked=False) for check in CHECKS])
def test_golden_focus(check: Check) -> None:
    if check.missing:
        pytest.skip(check.missing)
    check.run()


def refused(start: str) -> None:
    """Every check of these entries sees that something is wrong."""
    found = [c for c in CHECKS if c.name.startswith(start) and not (c.slow or c.missing)]
    assert found
    for check in found:
        with pytest.raises((AssertionError, WeightsError)):
            check.run()


def test_a_policy_that_looks_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = RecurrentPolicy.forward
    monkeypatch.setattr(
        RecurrentPolicy, "forward", lambda self, x: [y.flip(1) for y in real(self, x.flip(1))]
    )
    refused("b_policy_recurrent")


def test_a_shift_the_other_way_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = clipwise.temporal_shift
    monkeypatch.setattr(
        clipwise, "temporal_shift", lambda x, frames: real(x.flip(0), frames).flip(0)
    )
    refused("e_shift")


def test_a_classifier_without_a_running_maximum_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def last_alone(self: RunningMax, features_BSD: Tensor) -> Tensor:
        flipped: Tensor = real(self, features_BSD.flip(1))
        return flipped.flip(1)

    real: Any = RunningMax.forward
    monkeypatch.setattr(RunningMax, "forward", last_alone)
    refused("c_classifier")


def test_precisions_of_absent_classes_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_average_precision", lambda *_: 0.0)
    refused("g_map")


def test_a_swapped_name_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "adafocus" in PUBLICATIONS
    monkeypatch.setitem(MODULES, "policy.squeeze", "policy_stn.encoder.2")
    refused("i_names_mn2_r50 fits")


def test_frames_of_segments_in_another_order_of_operations_are_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rounded_otherwise(count: int, frames: int, **_: Any) -> list[int]:
        """Exact fractions: differs for some lengths, and for short videos."""
        return [(2 * n + 1) * count // (2 * frames) for n in range(frames)]

    monkeypatch.setattr(data, "clip_ticks", rounded_otherwise)
    refused("f_sampling")


def test_ties_that_stop_in_another_order_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = np.argsort
    monkeypatch.setattr(np, "argsort", lambda x, **_: real(x[::-1], kind="stable")[::-1])
    refused("g_exit_ties")
