"""How far several searches agree, written down: a table, a consensus, a picture."""

from __future__ import annotations

from pathlib import Path

from connsearch.analysis.stability import Found
from connsearch.graph.files import write_structure
from connsearch.pruning.pruner import Pruned
from connsearch.runs.formats.tables import StabilityRow
from connsearch.runs.logs import write_table
from connsearch.runs.names import CONSENSUS, STABILITY, table
from connsearch.workflows.listening import Listener
from connsearch.workflows.pictures import draw_structure


def write_agreement(
    found: Found, place: Path, listener: Listener, *, what: str
) -> tuple[Pruned, Path, list[Path]]:
    """Returns the consensus, its file, and the pictures of how often each connection is kept.

    Args:
        found: of several searches of one space.
        place: the directory of all of them.
        listener: hears of a picture that cannot be made.
        what: the searches are, as people call them: searches, folds.
    """
    consensus = found.consensus()
    write_table(place / table(STABILITY), StabilityRow, found.rows())
    write_structure(consensus.structure, place / CONSENSUS)
    title = f"{found.space.name}: share of {len(found.kept)} {what} that keep a connection"
    pictures = draw_structure(found.frequencies(), place / STABILITY, listener, title=title)
    return consensus, place / CONSENSUS, pictures
