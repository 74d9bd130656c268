"""Data that Python callers give loaded, or described by its options, in place of a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.errors import SettingsError
from connsearch.settings.nesting import leaves
from connsearch.workflows.given import Place, path_of

DataLike = Place | DataOptions | DataSplits
"""Data that is loaded, or what :func:`~connsearch.workflows.load.load_data` finds it by."""


_OPTIONS = frozenset(path[-1] for path in leaves(DataOptions)) - {"seed"}
"""Options of data by name; the seed of the work is another setting."""


def given_data(value: DataLike | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keywords of a workflow together with those that its data stands for.

    Args:
        value: the data; None: what the workflow takes by default.
        settings: all other keywords.

    Raises:
        SettingsError: the data is loaded already, and an option of it is given beside it; or it is
            given twice, or of another kind.
    """
    if value is None:
        return dict(settings)
    given = sorted(_OPTIONS & set(settings))
    if isinstance(value, DataSplits | DataOptions):
        options = value.options if isinstance(value, DataSplits) else value
        return {**settings, **_seed(options, settings, given), "data": options.model_dump()}
    source = path_of(value, "loaded data (connsearch.load_data), or its name or path")
    if "source" in settings:
        raise SettingsError(f"data {source!r}, source {settings['source']!r}: give one of them")
    return {**settings, "source": source}


def _seed(
    options: DataOptions, settings: Mapping[str, Any], given: Sequence[str]
) -> dict[str, int]:
    """The keyword of the seed that data was loaded with, if it is not that of the work."""
    known = options.split.seed
    wanted = settings.get("data_seed", known)
    if given or wanted != known:
        names = ", ".join(given) or f"data_seed {wanted}, and the data was loaded with {known}"
        raise SettingsError(
            f"{names}: has no effect, because the data is loaded already\n"
            "  cure: give it to connsearch.load_data(...), or name the data in place of loading it"
        )
    return {} if known == settings.get("seed", 0) else {"data_seed": known}


def splits_in(value: DataLike | None) -> DataSplits | None:
    """Returns the data that was given loaded; None: it is named."""
    return value if isinstance(value, DataSplits) else None
