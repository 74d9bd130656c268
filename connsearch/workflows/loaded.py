"""Data that Python callers give loaded, or described by its options, in place of a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.errors import SettingsError
from connsearch.workflows.given import Place

DataLike = Place | DataOptions | DataSplits
"""Data that is loaded, or what :func:`~connsearch.workflows.load.load_data` finds it by."""


def given_data(value: DataLike | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keywords of a workflow together with those that its data stands for.

    Args:
        value: the data; None: what the workflow takes by default.
        settings: all other keywords.

    Raises:
        SettingsError: it was not loaded by its options, so a run could not record them.
    """
    if value is None:
        return dict(settings)
    if isinstance(value, DataSplits):
        if value.options is None:
            raise SettingsError(
                f"{value.name}: these splits were put together by hand, so a run cannot record "
                "where they come from\n  cure: connsearch.load_data(...)"
            )
        value = value.options
    if not isinstance(value, DataOptions):
        return {**settings, "source": os.fspath(value)}
    seed = {} if value.seed == settings.get("seed", 0) else {"data_seed": value.seed}
    return {**settings, **seed, "data": value.model_dump()}


def splits_in(value: DataLike | None) -> DataSplits | None:
    """Returns the data that was given loaded; None: it is named."""
    return value if isinstance(value, DataSplits) else None
