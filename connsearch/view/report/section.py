"""A part of a report: a heading, a template, and the values that go into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connsearch.registry import Registry
from connsearch.runs.formats.form import Form


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the page.

    Attributes:
        anchor: its place in the page, and the name of its template.
        title: its heading.
        values: what the template shows.
        badge: a word or two beside the heading in the list of contents.
        template: the Jinja text of its body; empty: the file of its anchor in ``templates/``.
    """

    anchor: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    badge: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value, and what it means where that is not plain."""

    name: str
    value: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SectionMaker:
    """What makes a section.

    Attributes:
        name: of the section: its anchor, where notes about what cannot be read belong.
        place: on the page, from the top; gaps are left for others.
        make: returns it, or None where there is nothing to say.
        summary: the form of the ``summary.json`` it shows, of the folder called like it.
    """

    name: str
    place: int
    make: Callable[..., Section | None]
    summary: type[Form] | None = None


def in_order(sections: Registry[SectionMaker]) -> list[SectionMaker]:
    """Returns the makers of a cupboard of sections, in the order of the page."""
    found = [sections[name] for name in sections]
    return sorted(found, key=lambda maker: (maker.place, maker.name))
