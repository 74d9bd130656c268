"""What a data set is made of: :func:`data_stats`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connsearch.data.loading.load import load_data
from connsearch.data.tools.summary import Summary, describe
from connsearch.workflows.settings.data_stats import DataStatsSettings


def data_stats(source: str | Path = "synthetic:mix", **settings: Any) -> Summary:
    """Returns what a data set is made of: clips by class and list, lengths, sizes, rates, faults.

    Videos are opened; what cannot be read is listed and stops nothing.

    Args:
        source: what ``load_data`` finds the data by.
        settings: any option of ``connsearch data stats`` by its name: ``val_share=0.2``.

    Raises:
        UserError: a setting or the data cannot be used.
    """
    return run_data_stats(DataStatsSettings.of(source=str(source), **settings))


def run_data_stats(asked: DataStatsSettings) -> Summary:
    """Returns what was found.

    Raises:
        UserError: as for :func:`data_stats`.
    """
    always = {"seed": asked.seed, "bad_share": 1.0, "check_files": True}
    return describe(load_data(asked.data.with_values(**always)))
