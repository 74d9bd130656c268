"""``predictions.csv``: the answer to every clip that was tested, with all probabilities.

Of multi-label data it has the log odds, too: a probability ends at 1, where confident clips become
equal, and average precision is about their order.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from connsearch.errors import RunError
from connsearch.files.disk import atomic_write_text, open_text, reason
from connsearch.files.text import csv_text, from_cell
from connsearch.runs.formats.folds import PredictionRow
from connsearch.runs.formats.form import columns

_P = "p "
"""Before the name of a class, in the name of the column of its probability."""

_ODDS = "log odds "
"""Before the name of a class, in the name of the column of its log odds."""


@dataclass(frozen=True, slots=True)
class FoldAnswer:
    """The answer to one clip, by a network that has not learned from it.

    Attributes:
        path: of the video.
        clip: its name in the data set.
        label: its class; in multi-label data its classes with ``|`` between them.
        group: that it belongs to; "": itself.
        fold: it is tested in, from 1.
        predicted: the first answer.
        probability: of that answer.
        probabilities: by class name.
        log_odds: by class name, of multi-label data; otherwise empty.
    """

    path: str
    clip: str
    label: str
    group: str
    fold: int
    predicted: str
    probability: float
    probabilities: Mapping[str, float]
    log_odds: Mapping[str, float] = field(default_factory=dict[str, float])


def write_predictions(
    path: Path, rows: Iterable[FoldAnswer], classes: Sequence[str], *, multi_label: bool
) -> Path:
    """Returns ``path`` after writing the table there, at once or not at all.

    Numbers are written in full: they read back as the same.

    Args:
        path: of the file.
        rows: of the table.
        classes: names, in their order.
        multi_label: the rows have log odds.

    Raises:
        DiskFullError: there is no room.
    """
    names = columns(PredictionRow)
    cells = (
        {name: getattr(row, name) for name in names}
        | {_P + name: row.probabilities[name] for name in classes}
        | {_ODDS + name: row.log_odds[name] for name in classes if multi_label}
        for row in rows
    )
    further = (_P, _ODDS) if multi_label else (_P,)
    wanted = [*names, *(before + name for before in further for name in classes)]
    atomic_write_text(path, csv_text(wanted, cells))
    return path


def read_predictions(path: Path) -> Iterator[FoldAnswer]:
    """Yields the rows of the table.

    Raises:
        RunError: it cannot be read, or a value is of another kind.
    """
    names = columns(PredictionRow)
    try:
        with open_text(path, newline="") as file:
            for line in csv.DictReader(file):
                row = {from_cell(k): from_cell(v) for k, v in line.items() if v and k}
                known = {name: value for name, value in row.items() if name in names}
                found = PredictionRow.model_validate(known)
                given = {name: value for name, value in row.items() if name not in names}
                yield FoldAnswer(
                    **found.to_json(),
                    probabilities=_by_class(given, _P),
                    log_odds=_by_class(given, _ODDS),
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path}: cannot be read: {reason(error)}") from None
    except (ValidationError, ValueError, TypeError, AttributeError):
        raise RunError(
            f"{path}: is not a table of predictions that connsearch wrote\n"
            "  cure: remove it and rerun the command that wrote it"
        ) from None


def _by_class(given: Mapping[str, str], before: str) -> dict[str, float]:
    """The numbers of the columns whose names begin so, by class name."""
    return {k.removeprefix(before): float(v) for k, v in given.items() if k.startswith(before)}
