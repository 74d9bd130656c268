"""The golden formats, one file each in ``formats/``, told by what stands in ``index.json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from connsearch.registry import Registry
from tests.golden.folder import Folder, GoldenError


@dataclass(frozen=True)
class Check:
    """One thing to be tested about an entry of an index.

    Attributes:
        name: of the entry and what is looked at, such as ``2c_object_stem-float64``.
        run: raises AssertionError where numbers differ.
        slow: takes more than a few seconds; runs all the same when a folder was asked for.
        missing: of what kind the case is and what connsearch does not have yet; else empty.
    """

    name: str
    run: Callable[[], None] = lambda: None
    slow: bool = False
    missing: str = ""


class Format(Protocol):
    """How golden files of one origin are told from others, and tested.

    Attributes:
        known_by: how an entry of ``index.json`` shows that it is one, in words.
    """

    known_by: str

    def owns(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Returns whether an entry of an index is of this format."""
        ...

    def checks(self, folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
        """Returns what is to be tested about it; at least one check, if only a skipped one."""
        ...


FORMATS: Registry[Format] = Registry("golden format", "tests.golden.formats")
"""No ``__init__.py`` there: pytest would import its files a second time under other names."""


def checks_of(folder: Folder) -> list[Check]:
    """Returns everything that can be tested about a folder, in the order of its index.

    Raises:
        GoldenError: an entry is of no known format.
    """
    found: list[Check] = []
    for name, entry in folder.index.items():
        owners = [FORMATS[key] for key in FORMATS if FORMATS[key].owns(name, entry)]
        if len(owners) != 1:
            known = "\n".join(f"    {key}: {FORMATS[key].known_by}" for key in FORMATS)
            raise GoldenError(
                f"{folder.path / 'index.json'}: {name!r} is of no known golden format\n"
                f"  read:    {json.dumps(entry)[:200]}\n  allowed:\n{known}"
            )
        found += owners[0].checks(folder, name, entry)
    return found


def parameter(check: Check, *, asked: bool) -> Any:
    """Returns a check as pytest takes it.

    Args:
        check: what to run.
        asked: whether its folder was asked for; then it runs, whatever is left out by default.
    """
    marks = [pytest.mark.slow] if check.slow and not asked else []
    return pytest.param(check, id=check.name, marks=marks)
