"""Thresholds by which clips stop early, as connsearch early-exit leaves them."""

from __future__ import annotations

from typing import Any

from connsearch.runs.formats.early_exit import (
    EarlyExitRow,
    EarlyExitSummary,
    Measured,
    SolvedBudget,
)


def row(planned: float, realised: float, accuracy: float, exit: float) -> EarlyExitRow:
    return EarlyExitRow(
        planned=planned,
        realised=realised,
        share=realised / 4e9,
        score=accuracy,
        low=accuracy - 0.1,
        high=accuracy + 0.1,
        accuracy=accuracy,
        mean_exit=exit,
    )


def early_exits(**changes: Any) -> EarlyExitSummary:
    """Two budgets for a network with three exits; the first was measured, and predict takes it."""
    measured = Measured(
        clips=49,
        full_seconds=9.0,
        early_seconds=6.0,
        speed_up=1.5,
        cost_ratio=1.6,
        kept=0.9375,
        others=0,
        device="cpu",
        batch_size=8,
    )
    budgets = [
        SolvedBudget(
            budget=name,
            limit=planned,
            thresholds=[0.9, None],
            leaving=[10, 5, 15],
            calibrated=planned,
            stopping=stopping,
            point=row(planned, realised, accuracy, 2.25),
            **known,
        )
        for name, planned, realised, accuracy, stopping, known in (
            ("macs<=50%", 2e9, 2.5e9, 0.625, [0.25, 0.25, 0.5], {"measured": measured}),
            ("macs<=3G", 3e9, 3.125e9, 0.75, [0.125, 0.125, 0.75], {}),
        )
    ]
    known: dict[str, Any] = {
        "run": "runs/f",
        "exits": 3,
        "costs": [1_000_000_000, 2_000_000_000, 4_000_000_000],
        "weights": "a" * 64,
        "calibration_clips": 30,
        "split": "test",
        "clips": 49,
        "measure": "accuracy",
        "chosen": "macs<=50%",
        "budgets": budgets,
        "curve": [row(1e9, 1e9, 0.5, 1.0), row(4e9, 4e9, 0.75, 3.0)],
        "area": 0.6543,
    }
    return EarlyExitSummary(**{**known, **changes})
