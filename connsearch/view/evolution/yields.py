"""What an operator, or a change of a block, has brought, as a row of a table."""

from __future__ import annotations

import math

from connsearch.evolution.review.operator_stats import Yield


def yield_row(row: Yield, title: str) -> dict[str, object]:
    """Returns a row: what it is (under that title), how often, better, entered, best, change."""
    return {
        title: row.operator,
        "children": row.used,
        "better": f"{row.better} of {row.judged}",
        "entered": row.entered,
        "best": row.best,
        "mean change": change_text(row),
    }


def change_text(row: Yield) -> str:
    """Returns the mean change an operator brought, with its standard error if it has one."""
    if not row.judged:
        return "-"
    error = f" ± {row.error:.2g}" if math.isfinite(row.error) else ""
    return f"{row.change:+.3g}{error}"
