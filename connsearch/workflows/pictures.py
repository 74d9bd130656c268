"""The pictures a workflow leaves in its directory; one that fails costs no result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connsearch.errors import ConnsearchError, Failure
from connsearch.graph.spec import Structure
from connsearch.pruning.pruner import Pruned
from connsearch.runs.names import AFTER, BEFORE, STRUCTURE_PICTURE, TRAINING_PICTURE
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import recorded_facts
from connsearch.view.runs.chance import Chance, chance_of
from connsearch.view.runs.plots import run_pictures
from connsearch.view.structures.before_after import render_pruning
from connsearch.view.structures.draw import render
from connsearch.workflows.listening import Listener

FORMATS = (".svg", ".png")


def draw_run(run: RunRecord, listener: Listener) -> None:
    """Draws the pictures of a finished run; those that are there are not drawn again."""
    model = run.model if run.outcome is None else run.outcome
    last = run.path(STRUCTURE_PICTURE if model.structure is not None else TRAINING_PICTURE)
    if last.exists():
        return
    rates: dict[str, float] = {}
    try:
        rates = run.open_rates
        run_pictures(run.directory, model, chance=_chance(run))
    except ConnsearchError as error:  # a damaged log costs its pictures, not the result
        listener.warn(f"no curves: {error}")
    if model.structure is not None:
        draw_structure(model.structure, last, listener, open_rates=rates)


def _chance(run: RunRecord) -> Chance | None:
    """What guessing is worth on the clips that were judged, else among the classes."""
    found = run.metrics.get("val")
    classes = len(recorded_facts(str(run.directory)).get("classes", ()))
    return chance_of(classes, None if found is None else found.support)


def draw_pruning(
    structure: Structure, pruned: Pruned, directory: Path, listener: Listener
) -> list[Path]:
    """Returns the pictures of a structure before and after pruning, in every format."""
    found: list[Path] = []
    for suffix in FORMATS:
        paths = {name: directory / f"{name}{suffix}" for name in (BEFORE, AFTER)}
        try:
            found += render_pruning(structure, pruned, paths)
        except Failure as error:
            listener.warn(str(error))
    return found


def draw_structure(
    structure: Structure,
    path: Path,
    listener: Listener,
    *,
    title: str | None = None,
    open_rates: Mapping[str, float] | None = None,
) -> list[Path]:
    """Returns the pictures of a structure, in every format, beside each other."""
    found: list[Path] = []
    for suffix in FORMATS:
        try:
            place = path.with_suffix(suffix)
            found.append(render(structure, place, title=title, open_rates=open_rates))
        except Failure as error:
            listener.warn(str(error))
    return found
