"""The sections of an evolution's report: every file registers its own, with their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from connsearch.registry import Registry
from connsearch.view.report.section import SectionMaker

if TYPE_CHECKING:
    from connsearch.view.evolution.story import Story
    from connsearch.view.report.section import Section

    Make = Callable[[Story], Section | None]

EVOLUTION_SECTIONS: Registry[SectionMaker] = Registry(
    "section of an evolution's report", package=__name__
)


def section(name: str, place: int) -> Callable[[Make], Make]:
    """Returns a decorator that files a function as what makes the section of that name.

    ``place`` is where it stands on the page, from the top; gaps are left for others.
    """

    def file(make: Make) -> Make:
        EVOLUTION_SECTIONS.register(name)(SectionMaker(name, place, make))
        return make

    return file
