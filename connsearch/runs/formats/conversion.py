"""``conversion.json``, which makes a directory one of converted weights; and a table of weights."""

from __future__ import annotations

from typing import Any, ClassVar

from connsearch.runs.formats.config import Facts, Settings
from connsearch.runs.formats.form import Form


class OtherShapeRecord(Form):
    """An entry that does not fit: its name in the weights, its shape there, and in the network."""

    name: str
    read: str
    here: str


class TakenRecord(Form):
    """What a network took of weights by name and shape; see ``models.taken``.

    Attributes:
        loaded: entries of the network that have the values.
        elements: numbers that were loaded.
        of: numbers the network has.
        skipped_by_name: names in the weights that the network does not have.
        skipped_by_shape: entries of another shape.
        missing: entries that the weights lack, by their names there.
        left_out: entries of the network that were not to be taken.
        counters: counts of batches that the weights lack.
        unused: names in the weights that nothing read where they were trained.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"unused"})

    loaded: int
    elements: int
    of: int
    skipped_by_name: list[str] = []
    skipped_by_shape: list[OtherShapeRecord] = []
    missing: list[str] = []
    left_out: list[str] = []
    counters: int = 0
    unused: list[str] = []


class SourceFileRecord(Form):
    """The file that weights come from.

    Attributes:
        path: as it was named.
        bytes: its size.
        sha256: of its content.
        entry: the key in it under which the weights were; None: they were the file.
        prefix: that was removed from all names.
    """

    path: str
    bytes: int | None = None
    sha256: str
    entry: str | None = None
    prefix: str = ""


class ConversionRecord(Form):
    """``conversion.json``.

    Attributes:
        command: that wrote it.
        connsearch: its version.
        model: name of the network.
        publication: whose names and shapes the file has.
        source: the file.
        weights_sha256: of the weight file that was written.
        taken: what became of every entry.
        notes: what was said.
        line: what decides what was written.
        settings: how clips are read, as far as it is known: their frames and size.
        facts: names of the classes, where they are known.
    """

    command: str
    connsearch: str
    model: str
    publication: str
    source: SourceFileRecord
    weights_sha256: str
    taken: TakenRecord
    notes: list[str] = []
    line: dict[str, Any]
    settings: Settings = Settings()
    facts: Facts = Facts()
