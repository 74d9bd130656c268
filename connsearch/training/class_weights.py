"""Weights of classes: from how many clips have each, or from a file."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from connsearch.data.sources.lists import Faults, read_text
from connsearch.errors import DataError
from connsearch.files.text import from_cell
from connsearch.training.options import BALANCED, TrainOptions

Labels = Sequence[tuple[int, ...]]
"""The classes of every clip, by number."""


def given_weights(asked: str, classes: Sequence[str], labels: Labels, *, binary: bool) -> Tensor:
    """Returns the weights of the classes, ``(K,)`` float64, as they are defined or as they stand.

    ``balanced`` is what scikit-learn calls so, clips / (classes x clips of the class), over the
    classes that have clips; for a loss of every class for itself what torch calls ``pos_weight``,
    clips without the class / clips with it. A class that no clip has, or every clip for itself,
    weighs 1.

    Args:
        asked: ``balanced``, or a file.
        classes: their names.
        labels: of the training clips.
        binary: the loss judges every class for itself.

    Raises:
        DataError: the file cannot be used; all of its faults are named.
    """
    if asked != BALANCED:
        known = read_weights(asked, classes)
        return torch.tensor([known[name] for name in classes], dtype=torch.float64)
    counts = class_counts(labels, len(classes), shared=not binary)
    if binary:
        found = [(len(labels) - n) / n if 0 < n < len(labels) else 1.0 for n in counts]
    else:
        occur = sum(n > 0 for n in counts)
        found = [sum(counts) / (occur * n) if n else 1.0 for n in counts]
    return torch.tensor(found, dtype=torch.float64)


def class_counts(labels: Labels, classes: int, *, shared: bool = False) -> list[float]:
    """Returns how many clips have each class.

    Args:
        labels: of the clips.
        classes: how many.
        shared: a clip of several classes counts as one clip, in equal parts: it is shown as one
            of them each time.
    """
    counts = [0.0] * classes
    for some in labels:
        for label in some:
            counts[label] += 1 / len(some) if shared else 1
    return counts


def read_weights(path: str | Path, classes: Sequence[str] | None = None) -> dict[str, float]:
    """Returns the weight of every class from a CSV file with the columns ``label`` and ``weight``.

    Args:
        path: of the file.
        classes: every one must be named once, and no other; None: not known yet.

    Raises:
        DataError: it is no such file, or rows cannot be used; all are named with their lines.
    """
    path = Path(path)
    faults = Faults(path, "a line label,weight for every class, with numbers from 0")
    found: dict[str, float] = {}
    lines: dict[str, int] = {}
    last = 1
    for last, label, text in _rows(path, faults):
        if label in lines:
            faults.add(last, f"{label[:80]} is already on line {lines[label]}")
        elif classes is not None and label not in classes:
            faults.add(last, _unknown(label, classes))
        lines.setdefault(label, last)
        value = _number(text)
        if value is None:
            faults.add(last, f"weight {text[:40]!r} of {label[:80]}; allowed: a number from 0")
        found.setdefault(label, 0.0 if value is None else value)
    missing = [name for name in classes or () if name not in lines]
    if missing:
        few = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        faults.add(last + 1, f"the file ends, without a line for {few}")
    if not faults.found and not any(found.values()):
        faults.add(2, f"all {len(found)} weights are 0")
    faults.refuse()
    return found


def filed_weights(options: TrainOptions) -> dict[str, dict[str, float]]:
    """Returns the weights in the file that options name, as work of several trainings records them.

    They are read before any clip is. Without a file there are none, and nothing is recorded.

    Raises:
        DataError: the file cannot be used.
    """
    asked = options.balance.class_weights
    return {} if asked in (None, BALANCED) else {"class_weights": read_weights(asked)}


def _rows(path: Path, faults: Faults) -> Iterator[tuple[int, str, str]]:
    """Yields line number, label and weight of every row; what is none goes to the faults.

    Raises:
        DataError: it is not a CSV file with these two columns.
    """
    try:
        text = read_text(path)
    except DataError as error:
        raise DataError(
            f"class_weights: {error}\n  allowed: balanced, or a CSV file label,weight\n"
            "  cure: --class-weights balanced, or the path of the file"
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error}); cure: save it as one") from error
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if sorted(header) != ["label", "weight"]:
        raise DataError(
            f"{path}: class weights need the columns label and weight\n"
            f"  read: {','.join(header)[:200] or 'an empty file'}\n"
            "  cure: a first line label,weight, then one line for every class, with commas"
        )
    for line, row in rows[1:]:
        if len(row) != 2:
            faults.add(line, f"{len(row)} values, 2 columns; read: {','.join(row)[:80]}")
            continue
        cells = dict(zip(header, (from_cell(cell.strip()) for cell in row), strict=True))
        yield line, cells["label"], cells["weight"]


def _unknown(label: str, classes: Sequence[str]) -> str:
    near = difflib.get_close_matches(label, classes, n=1)
    hint = f", did you mean {near[0]!r}?" if near else f"; classes: {', '.join(classes[:5])}"
    return f"no class {label[:80]!r}{hint}{' ...' if not near and len(classes) > 5 else ''}"


def _number(text: str) -> float | None:
    """A finite number that is not negative; None: the text is something else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def described(weights: Mapping[str, float], *, limit: int = 12) -> str:
    """Returns classes and weights in one line.

    >>> described({"walk": 0.5, "fall": 2.25})
    'walk 0.5, fall 2.25'
    """
    few = ", ".join(f"{name} {value:.4g}" for name, value in list(weights.items())[:limit])
    return few if len(weights) <= limit else f"{few}, and {len(weights) - limit} more"
