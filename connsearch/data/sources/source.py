"""From the name of a data set to its records: :func:`read_source`."""

from __future__ import annotations

from pathlib import Path

from connsearch.data.media.rates import with_media_rate
from connsearch.data.options import DataOptions
from connsearch.data.reading import FIRST, READING
from connsearch.data.records import Source
from connsearch.data.sources.datasets import DATASETS
from connsearch.data.sources.effects import refuse_without_effect
from connsearch.errors import DataError
from connsearch.files.disk import is_folder, is_there, require_plain
from connsearch.registry import suggest

LISTS = (".txt", ".lst", ".list")
"""How files end that are lists without a header."""


def read_source(options: DataOptions, *, reading: int = READING) -> Source:
    """Returns the records of the data set the options name, not yet split.

    Args:
        options: name the data set.
        reading: a run of reading 1 may have options without effect, which were not refused then.

    Raises:
        DataError: the name is neither a data set nor a folder nor a list, or an option has no
            effect on it.
        UnreadableError: it is a pipe or a device, or cannot be read.
        UnknownNameError: no such kind of data set.
    """
    source = with_media_rate(_read_source(options), options.source.media_fps)
    if reading > FIRST:
        refuse_without_effect(source, options)
    return source


def _read_source(options: DataOptions) -> Source:
    asked = options.source.source
    kind, colon, rest = asked.partition(":")
    path = Path(asked).expanduser()
    if colon and kind in DATASETS:
        return DATASETS[kind](rest, options)
    if is_folder(path):
        return DATASETS["folder"](str(path), options)
    if is_there(path):
        require_plain(path)
        suffix = path.suffix.lower()
        if suffix != ".csv" and suffix not in LISTS:
            raise DataError(
                f"{path}: a data set is a folder or a list ({', '.join(('.csv', *LISTS))}), read "
                f"{path.suffix!r}"
            )
        return DATASETS["csv" if suffix == ".csv" else "list"](str(path), options)
    near = suggest("data set", kind, sorted(DATASETS)) if colon else "no such folder or list"
    if kind in DATASETS:
        near = f"add the path of its files: {kind}:PATH"
    raise DataError(
        f"{asked}: {near}\n  allowed: a folder of class folders, a CSV file with the "
        "columns path and label, NAME:PATH for a published list, synthetic:TASK" + _elsewhere(path)
    )


def _elsewhere(path: Path) -> str:
    """The cure where the path may be right in another folder, as that of a run is."""
    if path.is_absolute():
        return ""
    return (
        f"\n  cure: a relative path begins in the folder you are in, {Path.cwd()}; that of a run "
        "is also looked for from the folders that the run is in"
    )
