"""The cupboard of data sets: one file each, a function from options to a :class:`Source`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.registry import Registry

DatasetReader = Callable[[str, DataOptions], Source]
"""Reads a data set from the text after its name: ``reader(rest, options)``."""

DATASETS: Registry[DatasetReader] = Registry("data set", __name__)

EXAMPLES: dict[str, Mapping[str, str]] = {}
"""By the name of a data set a small one, where its reader gives it: see :func:`dataset`."""


def dataset(
    name: str, *uses: str, example: Mapping[str, str] | None = None
) -> Callable[[DatasetReader], DatasetReader]:
    """Returns a decorator that registers a reader.

    Args:
        name: of the data set, as in ``--data NAME:PATH``.
        uses: which options of ``effects.BOUND`` the reader looks at; any other one that a person
            sets is refused, as it would change nothing. A source that says so itself (because one
            reader has several forms) is left as it is.
        example: a small data set of the form, by which the tests try the reader: path -> text of a
            file; without text it is a video. The first path is what stands after ``NAME:``, ``.``
            the folder itself. Two classes, about ten clips. A form that takes more words to show
            has its example among the tests.
    """

    def file(reader: DatasetReader) -> DatasetReader:
        @wraps(reader)
        def read(rest: str, options: DataOptions) -> Source:
            source = reader(rest, options)
            return source if source.uses is not None else replace(source, uses=frozenset(uses))

        if example is not None:
            EXAMPLES[name] = example
        return DATASETS.register(name)(read)

    return file
