"""The cupboard of data sets: one file each, a function from options to a :class:`Source`."""

from __future__ import annotations

from collections.abc import Callable

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.registry import Registry

DatasetReader = Callable[[str, DataOptions], Source]
"""Reads what stands after the name of the data set: ``reader(rest, options)``."""

DATASETS: Registry[DatasetReader] = Registry("data set", __name__)
