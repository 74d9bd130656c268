"""``parts.json`` of a run whose focus model began with networks of other runs or of files."""

from __future__ import annotations

from connsearch.runs.formats.conversion import SourceFileRecord
from connsearch.runs.formats.form import Form


class FocusPartRecord(Form):
    """One of the networks.

    Attributes:
        target: as it was named.
        source: the file with its weights; where it had none, that with its structure.
        weights: whether its weights were taken; otherwise it began with first values.
    """

    target: str
    source: SourceFileRecord
    weights: bool


class FocusPartsRecord(Form):
    """``parts.json``.

    Attributes:
        parts: by what they are: ``glance``, ``local``; those that are networks by name are not
            among them.
    """

    parts: dict[str, FocusPartRecord]
