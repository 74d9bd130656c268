"""A picture of a structure: :func:`draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connsearch.files.disk import is_folder
from connsearch.files.places import place_of
from connsearch.graph.spec import Structure
from connsearch.runs.run_files import RunFiles
from connsearch.view.structures.draw import render
from connsearch.workflows.beside import home_of
from connsearch.workflows.given import StructureLike, name_of
from connsearch.workflows.settings.draw import DrawSettings
from connsearch.workflows.targets import open_structure, structure_of_focus


def draw(structure: StructureLike, output: str | Path | None = None, **settings: Any) -> Path:
    """Returns the picture of a structure: SVG, PNG or PDF.

    Columns are levels, colours are streams, the width of a line is its learned weight. Of a run
    with temporal gates it says how often each is open on ``val``, as last evaluated. Of a run of a
    focus model it is the local network, or the glance network where that one is no structure.

    Args:
        structure: a value, a name, a file, a run, a pruned network or a checkpoint.
        output: the file; by default NAME.svg in the directory of the run, or beside the file, that
            it is drawn from; else in this directory.
        settings: ``threshold`` (connections with a smaller weight are dashed; 0.5) and ``title``.

    Raises:
        UserError: there is no such structure, or the file cannot be written.
    """
    place = None if output is None else Path(output)
    asked = DrawSettings.of(structure=name_of(structure), output=place, **settings)
    return run_draw(asked, structure if isinstance(structure, Structure) else None)[1]


def run_draw(asked: DrawSettings, structure: Structure | None = None) -> tuple[Structure, Path]:
    """Returns what was drawn, and the picture.

    Args:
        asked: all settings.
        structure: to draw; None: as the settings name it.

    Raises:
        UserError: as for :func:`draw`.
    """
    rates: dict[str, float] = {}
    title = asked.title
    if structure is None:
        part = structure_of_focus(asked.structure)
        structure = open_structure(asked.structure) if part is None else part[1]
        if part is not None:
            title = (
                title or f"{structure.name}, the {part[0]} network of {Path(asked.structure).name}"
            )
        elif is_folder(asked.structure):
            rates = RunFiles(Path(asked.structure)).open_rates
    path = asked.output
    if path is None:
        path = home_of(asked.structure) / (structure.name.replace("/", "-") + ".svg")
    with place_of(path):
        render(structure, path, threshold=asked.threshold, title=title, open_rates=rates)
    return structure, path
