"""The cupboard of data sets: one file each, a function from options to a :class:`Source`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.registry import Registry

DatasetReader = Callable[[str, DataOptions], Source]
"""Reads what stands after the name of the data set: ``reader(rest, options)``."""

DATASETS: Registry[DatasetReader] = Registry("data set", __name__)


def dataset(name: str, *uses: str) -> Callable[[DatasetReader], DatasetReader]:
    """Returns a decorator that files a reader in the cupboard.

    Args:
        name: of the data set, as in ``--data NAME:PATH``.
        uses: which options of ``effects.BOUND`` the reader looks at; any other one that a person
            sets is refused, as it would change nothing. A source that says so itself (because one
            reader has several forms) is left as it is.
    """

    def file(reader: DatasetReader) -> DatasetReader:
        @wraps(reader)
        def read(rest: str, options: DataOptions) -> Source:
            source = reader(rest, options)
            return source if source.uses is not None else replace(source, uses=frozenset(uses))

        return DATASETS.register(name)(read)

    return file
