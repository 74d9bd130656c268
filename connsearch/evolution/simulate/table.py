"""A fitness that was measured before: values by structure, looked up."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from random import Random
from typing import Any, cast

from connsearch.errors import DataError
from connsearch.evolution.child import Outcome, Task
from connsearch.files.disk import read_plain
from connsearch.seeds import derive

_FORM = "{structure hash: [[a value per objective], one such list per evaluation]}"

Measured = Mapping[str, tuple[tuple[float, ...], ...]]
"""By structure hash all evaluations, each with a value for every objective."""


@dataclass(frozen=True)
class FitnessTable:
    """Looks structures up by their hash; an ``Evaluate``.

    Of several evaluations the seed of the task chooses one. Connections have no learned weights
    here: structures of one hash may number their nodes differently.

    Attributes:
        values: what was measured.
        noise: standard deviation that is added to the first objective.
        name: of its file, for messages.
    """

    values: Measured
    noise: float = 0.0
    name: str = "table"

    @classmethod
    def load(cls, path: Path, *, objectives: int = 1, noise: float = 0.0) -> FitnessTable:
        """Returns the table of a JSON file: by structure hash a list of evaluations.

        An evaluation is a list of one value per objective; for a single one the number is enough.

        Raises:
            DataError: the file is missing, is not such a table, or has other objectives.
        """
        try:
            read: object = json.loads(read_plain(path))
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise DataError(f"{path}: is not JSON ({error}); a table is {_FORM}") from None
        if not isinstance(read, dict) or not read:
            raise DataError(f"{path}: contains no structures; a table is {_FORM}")
        rows = cast(dict[str, object], read)
        values = {key: _evaluations(path, key, row, objectives) for key, row in rows.items()}
        return cls(values, noise, str(path))

    def __call__(self, task: Task) -> Generator[Any, None, Outcome]:
        """Returns what was measured, without any event on the way.

        Raises:
            DataError: this structure is not in the table.
        """
        known = self.values.get(task.child.hash)
        if known is None:
            raise DataError(
                f"{self.name}: has no entry for child {task.child.number}, structure hash "
                f"{task.child.hash}; it has {len(self.values)} structures\n"
                "  cure: use a table that covers the whole search space, or use --simulate "
                "planted, or train"
            )
        rng = Random(derive(task.seed, "table"))
        values = list(rng.choice(known))
        values[0] += self.noise * rng.gauss(0.0, 1.0)
        return Outcome(tuple(values), facts={"seconds": 0.0})
        yield  # a generator, as every evaluation is


def _evaluations(
    path: Path, key: str, row: object, objectives: int
) -> tuple[tuple[float, ...], ...]:
    if not isinstance(row, list) or not row:
        raise DataError(f"{path}: structure {key}: read {row!r}; a table is {_FORM}")
    found: list[tuple[float, ...]] = []
    for evaluation in cast(list[object], row):
        values = cast(list[object], evaluation if isinstance(evaluation, list) else [evaluation])
        numbers = [v for v in values if _is_number(v)]
        if len(numbers) < len(values):
            raise DataError(f"{path}: structure {key}: read {evaluation!r}; a table is {_FORM}")
        if len(values) != objectives:
            raise DataError(
                f"{path}: structure {key}: an evaluation has {len(values)} values, but the study "
                f"{objectives} objectives; use those that the table was measured for"
            )
        found.append(tuple(float(cast(float, number)) for number in numbers))
    return tuple(found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
