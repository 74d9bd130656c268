"""``initial.json`` of a run that began with the weights of a file or of another run."""

from __future__ import annotations

from connsearch.runs.formats.conversion import SourceFileRecord, TakenRecord
from connsearch.runs.formats.form import Form


class InitialRecord(Form):
    """``initial.json``.

    Attributes:
        source: the file, or the weight file of the run that was named.
        publication: whose names it has; None: ours.
        taken: what became of every entry.
        notes: what was said.
    """

    source: SourceFileRecord
    publication: str | None = None
    taken: TakenRecord
    notes: list[str] = []
