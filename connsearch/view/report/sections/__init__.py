"""The sections of a run's report: every file registers its own, with their places on the page.

A section answers the question that the one before it raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from connsearch.registry import Registry
from connsearch.view.report.section import SectionMaker

if TYPE_CHECKING:
    from connsearch.runs.formats.form import Form
    from connsearch.view.report.findings import Findings
    from connsearch.view.report.material import Material
    from connsearch.view.report.section import Section

    Make = Callable[[Material, Findings], Section | None]

SECTIONS: Registry[SectionMaker] = Registry("section of the report", package=__name__)


def section(name: str, place: int, *, summary: type[Form] | None = None) -> Callable[[Make], Make]:
    """Returns a decorator that files a function as what makes a section.

    Args:
        name: of the section: its anchor.
        place: on the page, from the top; gaps are left for others.
        summary: the form of ``RUN/name/summary.json``, where it shows an analysis; it is read, and
            given as ``material.summary(name, form)``.
    """

    def file(make: Make) -> Make:
        SECTIONS.register(name)(SectionMaker(name, place, make, summary))
        return make

    return file
