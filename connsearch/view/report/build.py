"""A run's directory -> its report, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from connsearch.errors import Failure, UserError
from connsearch.files.paths import check_path
from connsearch.graph.files import atomic_write_text
from connsearch.registry import Registry
from connsearch.runs.names import REPORT
from connsearch.view.report.findings import find
from connsearch.view.report.material import Material
from connsearch.view.report.page import Page, Shown
from connsearch.view.report.reader import read_material
from connsearch.view.report.section import Section, SectionMaker, in_order
from connsearch.view.report.sections import SECTIONS


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written.

    Attributes:
        path: the file.
        sections: anchors of its sections.
        notes: what could not be read, by anchor.
    """

    path: Path
    sections: tuple[str, ...]
    notes: Mapping[str, list[str]]


def write_report(
    directory: str | Path,
    path: str | Path | None = None,
    *,
    sections: Registry[SectionMaker] = SECTIONS,
) -> WrittenReport:
    """Returns where the report of a run or of a pruned network is, after writing it.

    Args:
        directory: of a run, finished or not, or of a pruned network.
        path: of the report; by default ``report.html`` in the directory.
        sections: what it is made of.

    Raises:
        RunError: the directory is neither.
        UserError: the report cannot go where ``path`` says.
        Failure: it could not be written.
    """
    place = Path(directory) / REPORT if path is None else Path(path)
    check_path(place)
    makers = in_order(sections)
    summaries = {maker.name: maker.summary for maker in makers if maker.summary is not None}
    material = read_material(directory, summaries)
    if place.is_dir() or not place.parent.is_dir():
        fault = "is a directory" if place.is_dir() else f"there is no directory {place.parent}"
        raise UserError(
            f"{place}: {fault}\n  cure: name a file in a directory that exists with --output"
        )
    notes = {anchor: list(noted) for anchor, noted in material.notes.items()}
    page = Page()
    made = _sections(makers, material, page, notes)
    title = f"{Path(directory).resolve().name}: connsearch report"
    try:
        atomic_write_text(place, page.whole(title, made, notes))
    except OSError as error:
        raise Failure(f"{place}: the report could not be written: {error.strerror}") from None
    return WrittenReport(place, tuple(shown.section.anchor for shown in made), notes)


def _sections(
    makers: Sequence[SectionMaker], material: Material, page: Page, notes: dict[str, list[str]]
) -> list[Shown]:
    """Every section that has something to say, as shown; one that fails is a note in its place."""
    findings = find(material)
    made: list[Shown] = []
    for maker in makers:
        name = maker.name
        try:
            section = maker.make(material, findings)
            body = Markup("") if section is None else page.show(section)
        except Exception as error:  # a report without one of its parts is still a report
            reason = f"the section {name} could not be made: {type(error).__name__}: {error}"
            notes.setdefault(name, []).append(reason)
            section, body = None, Markup("")
        if section is None and name in notes:
            section = Section(name, name.capitalize())
        if section is not None:
            made.append(Shown(section, body))
    return made
