"""A part of the report: a heading, a template, and the values that go into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the page.

    Attributes:
        anchor: its place in the page, and the name of its template.
        title: its heading.
        values: what the template shows.
        badge: a word or two beside the heading in the list of contents.
    """

    anchor: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value, and what it means where that is not plain."""

    name: str
    value: str
    hint: str = ""
