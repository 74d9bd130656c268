"""What every source of the cupboard promises, tried on its example or that of formats.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connsearch.data.records import Source
from connsearch.data.sources.datasets import DATASETS
from connsearch.errors import DataError
from tests.data.datasets.formats import FORMATS, Tiny
from tests.data.helpers import options

MEMBERS = sorted(DATASETS)


def read(name: str, tiny: Tiny) -> Source:
    return DATASETS[name](tiny.rest, options(f"{name}:{tiny.rest}", **tiny.options))


def test_every_member_has_a_tiny_example() -> None:
    assert set(MEMBERS) <= set(FORMATS)


@pytest.mark.parametrize("name", MEMBERS)
def test_an_unknown_path_is_refused_by_name(name: str, tmp_path: Path) -> None:
    gone = tmp_path / "no-such-thing"
    with pytest.raises(DataError, match="no-such-thing"):
        DATASETS[name](str(gone), options(f"{name}:{gone}"))


@pytest.mark.parametrize("name", MEMBERS)
def test_records_are_unique_and_on_disk_with_labels_of_known_classes(
    name: str, tiny: Callable[[str], Tiny]
) -> None:
    source = read(name, tiny(name))
    assert source.records
    assert len({r.name for r in source.records}) == len(source.records)
    assert all(r.path.exists() for r in source.records)
    assert all(0 <= n < len(source.classes) for r in source.records for n in r.labels)
    assert len(set(source.classes)) == len(source.classes)
    assert source.multi_label or all(len(r.labels) == 1 for r in source.records)
    labels = {span.label for r in source.records for span in r.spans}
    assert labels <= {n for r in source.records for n in r.labels}


@pytest.mark.parametrize("name", MEMBERS)
def test_the_order_of_a_directory_does_not_matter(
    name: str, tiny: Callable[[str], Tiny], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny(name)
    first = read(name, made)
    for reverse in (False, True):
        with monkeypatch.context() as patch:
            _order(patch, reverse=reverse)
            assert read(name, made) == first


def _order(patch: pytest.MonkeyPatch, *, reverse: bool) -> None:
    """Makes the system list directories by name, or the other way round."""
    scandir, listdir = os.scandir, os.listdir

    @contextmanager
    def ordered(path: Any = ".") -> Iterator[Any]:
        with scandir(path) as entries:
            yield iter(sorted(entries, key=lambda entry: entry.name, reverse=reverse))

    patch.setattr(os, "scandir", ordered)
    patch.setattr(os, "listdir", lambda path=".": sorted(listdir(path), reverse=reverse))


def test_published_lists_keep_their_official_splits_and_have_no_object_maps(
    tiny: Callable[[str], Tiny],
) -> None:
    sources = {name: read(name, tiny(name)) for name in MEMBERS}
    published = {name for name in MEMBERS if sources[name].published}
    assert not published & {"csv", "folder", "frames", "list", "synthetic"}
    assert len(published) >= 14
    for name in published:
        splits = {r.split for r in sources[name].records}
        assert (name, splits) == (name, {"train", "test"})
        assert sources[name].object_classes == 0
