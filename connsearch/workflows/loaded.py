"""Data that Python callers give loaded, or described by its options, in place of a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.workflows.given import Place

DataLike = Place | DataOptions | DataSplits
"""Data that is loaded, or what :func:`~connsearch.workflows.load.load_data` finds it by."""


def given_data(value: DataLike | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keywords of a workflow together with those that its data stands for.

    Args:
        value: the data; None: what the workflow takes by default.
        settings: all other keywords.
    """
    if value is None:
        return dict(settings)
    if isinstance(value, DataSplits):
        value = value.options
    if not isinstance(value, DataOptions):
        return {**settings, "source": os.fspath(value)}
    known = value.split.seed
    seed = {} if known == settings.get("seed", 0) else {"data_seed": known}
    return {**settings, **seed, "data": value.model_dump()}


def splits_in(value: DataLike | None) -> DataSplits | None:
    """Returns the data that was given loaded; None: it is named."""
    return value if isinstance(value, DataSplits) else None
