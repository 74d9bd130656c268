"""Early exits: shares, budgets, thresholds, where clips stop, what that costs (g_*)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from connsearch.analysis.early_exit import (
    exit_shares,
    exits_of,
    expected_cost,
    mean_cost,
    solve,
    thresholds_of,
)
from connsearch.models.early_exit import CONFIDENCES, confidence
from tests.golden.cupboard import Check
from tests.golden.folder import Folder

CLOSE: Any = {"rtol": 1e-12, "atol": 1e-12}
PER_FRAME = {96: 1.10096541, 128: 1.684842018, 160: 2.435540514}
"""Of the budget table, in billions."""


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns what is to be tested about an entry."""
    rules = {"g_budget_table": _budgets, "g_exit_table": _table}
    rule = rules.get(name, _case)
    return [Check(name, lambda: rule(folder.arrays(name)))]


def _sure(logits: np.ndarray, kind: str) -> np.ndarray:
    return confidence(torch.from_numpy(logits), kind).numpy()


def _budgets(arrays: Mapping[str, np.ndarray]) -> None:
    """Columns: patch side, budget, q, planned cost."""
    for side, budget, q, planned in arrays["table"]:
        costs = [PER_FRAME[int(side)] * steps for steps in range(1, 17)]
        np.testing.assert_allclose(solve(budget, costs), q, rtol=1e-7)
        np.testing.assert_allclose(expected_cost(q, costs), planned, rtol=1e-9)


def _case(arrays: Mapping[str, np.ndarray]) -> None:
    costs, qs = arrays["cost"], arrays["q"]
    budgets = arrays["budget"]
    np.testing.assert_allclose(
        [solve(budget, costs) for budget in budgets], qs[len(qs) - len(budgets) :], rtol=1e-7
    )
    label = arrays["test/label"]
    for row, q in enumerate(qs):
        shares = exit_shares(q, len(costs))
        np.testing.assert_allclose(shares, arrays["distribution"][row], **CLOSE)
        planned = expected_cost(q, costs)
        np.testing.assert_allclose(planned, arrays["planned_cost"][row], **CLOSE)
        for kind in CONFIDENCES:
            expected = {
                key.removeprefix(f"{kind}/"): values[row]
                for key, values in arrays.items()
                if key.startswith(f"{kind}/")
            }
            sure = _sure(arrays["calibration/logits"], kind)
            found = thresholds_of(sure, shares, apart=True)
            np.testing.assert_array_equal(found.leaving, expected["leaving"])
            np.testing.assert_allclose(found.values, expected["threshold"], **CLOSE)
            stopped = np.bincount(exits_of(sure, found.values), minlength=len(costs))
            np.testing.assert_array_equal(stopped, expected["calibration_exits"])
            logits = arrays["test/logits"]
            exits = exits_of(_sure(logits, kind), found.values)
            np.testing.assert_array_equal(exits, expected["test_exit"])
            np.testing.assert_allclose(mean_cost(exits, costs), expected["realised_cost"], **CLOSE)
            right = logits[np.arange(len(exits)), exits].argmax(1) == label
            np.testing.assert_allclose(100 * right.mean(), expected["top1"], **CLOSE)


def _table(arrays: Mapping[str, np.ndarray]) -> None:
    """Columns: q, realised cost, top-1, planned cost."""
    costs = [PER_FRAME[128] * steps for steps in range(1, 17)]
    label = arrays["test/label"]
    for kind in ("logit", "probability"):
        sure = {s: _sure(arrays[f"{s}/logits"], kind) for s in ("calibration", "test")}
        for q, realised, top1, planned in arrays[f"{kind}/table"]:
            shares = exit_shares(q, 16)
            thresholds = thresholds_of(sure["calibration"], shares, apart=True).values
            exits = exits_of(sure["test"], thresholds)
            np.testing.assert_allclose(mean_cost(exits, costs), realised, rtol=1e-9)
            right = arrays["test/logits"][np.arange(len(exits)), exits].argmax(1) == label
            np.testing.assert_allclose(100 * right.mean(), top1, **CLOSE)
            np.testing.assert_allclose(expected_cost(q, costs), planned, rtol=1e-9)
