"""A directory -> the material of its report; what cannot be read becomes a note, by section."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from connsearch.errors import ConnsearchError, RunError
from connsearch.files.disk import is_folder, is_there, open_text
from connsearch.files.documents import read_object
from connsearch.files.text import from_cell
from connsearch.graph.files import read_structure
from connsearch.graph.spec import Structure
from connsearch.runs.checkpoint import load_checkpoint
from connsearch.runs.files import stored_structure
from connsearch.runs.names import CHECKPOINTS, CONFIG
from connsearch.view.report.contracts import (
    Compare,
    Curve,
    Evaluation,
    Gap,
    Part,
    PruneRecord,
    Quarantined,
    Result,
    Selftest,
)
from connsearch.view.report.material import Branch, Material
from connsearch.view.runs.series import Series, read_column, read_curves, read_weights

T = TypeVar("T")
P = TypeVar("P", bound=Part)

PRUNE_RECORD, EVALUATION, SUMMARY = "prune.json", "evaluation.json", "summary.json"

ANALYSES: Mapping[str, type[Part]] = {
    "gap": Gap,
    "curve": Curve,
    "compare": Compare,
    "selftest": Selftest,
}
"""Folders of a run whose ``summary.json`` has a section of its own."""


def gather(directory: str | Path) -> Material:
    """Returns what the directory of a run or of a pruned network holds.

    Raises:
        RunError: it is neither.
    """
    place = Path(directory)
    if not is_there(place / CONFIG) and not is_there(place / PRUNE_RECORD):
        raise RunError(
            f"{directory}: {'not a run directory' if is_folder(place) else 'no such run'}\n"
            "  allowed: a directory that search, train or prune wrote, such as runs/search-starter"
        )
    return _Reader(place).material()


class _Reader:
    """Reads file by file; a fault becomes a note and the report goes on without that file."""

    def __init__(self, directory: Path) -> None:
        self._place = directory
        self._notes: dict[str, list[str]] = {}

    def material(self) -> Material:
        pruned = is_there(self._place / PRUNE_RECORD)
        config = self._config(PRUNE_RECORD if pruned else CONFIG)
        structure, learned = self._structure()
        result = self._model("summary", self._place / "result.json", Result)
        return Material(
            directory=self._place,
            kind="prune" if pruned else "train" if config.get("command") == "train" else "search",
            config=config,
            structure=structure,
            learned=learned or pruned,
            result=result,
            prune_record=self._model("pruned", self._place / PRUNE_RECORD, PruneRecord),
            curves=self._log("curves", "metrics.csv", read_curves),
            rates=self._column("learning_rate"),
            speeds=self._column("clips_per_second"),
            weights=self._log("weights", "connections.csv", read_weights) or {},
            quarantine=self._quarantine(result),
            evaluations=self._evaluations("judged", self._place),
            branches=tuple(self._branches()),
            analyses=self._analyses(),
            others=self._others(),
            notes=self._notes,
        )

    def _note(self, anchor: str, fault: object) -> None:
        """Keeps a fault once, without the directory that every path starts with."""
        text = str(fault).replace(f"{self._place}/", "")
        noted = self._notes.setdefault(anchor, [])
        if text not in noted:
            noted.append(text)

    def _json(self, anchor: str, path: Path) -> Mapping[str, Any] | None:
        """The JSON object in a file; None without a note where there is no file."""
        try:
            return read_object(path) if is_there(path) else None
        except ConnsearchError as error:
            self._note(anchor, error)
            return None

    def _model(self, anchor: str, path: Path, kind: type[P]) -> P | None:
        found = self._json(anchor, path)
        return None if found is None else self._judge(anchor, path, kind, found)

    def _judge(self, anchor: str, path: Path, kind: type[P], found: object) -> P | None:
        try:
            return kind.model_validate(found)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "its content"
            more = error.error_count() - 1
            rest = f" and {more} more" if more else ""
            self._note(anchor, f"{path} cannot be used: {where}: {first['msg']}{rest}")
            return None

    def _config(self, name: str) -> Mapping[str, Any]:
        return self._json("settings", self._place / name) or {}

    def _structure(self) -> tuple[Structure | None, bool]:
        """What was learned (so far), else where it started; and which of the two."""
        found = self._stored("learned.json") or self._from_checkpoint()
        return (found, True) if found else (self._stored("structure.json"), False)

    def _stored(self, name: str) -> Structure | None:
        path = self._place / name
        try:
            return read_structure(path) if is_there(path) else None
        except ConnsearchError as error:
            self._note("wiring", error)
            return None

    def _from_checkpoint(self) -> Structure | None:
        """What an unfinished run has learned up to its newest checkpoint."""
        try:
            loaded = load_checkpoint(self._place / CHECKPOINTS)
            return None if loaded is None else stored_structure(loaded.path)
        except ConnsearchError as error:
            self._note("wiring", error)
            return None

    def _log(self, anchor: str, name: str, read: Callable[[Path], T]) -> T | None:
        path = self._place / name
        try:
            return read(path) if is_there(path) else None
        except ConnsearchError as error:
            self._note(anchor, error)
        except (csv.Error, ValueError, OverflowError) as error:
            self._note(anchor, f"{path} cannot be read: {error}")
        return None

    def _column(self, name: str) -> Series:
        found = self._log("curves", "metrics.csv", lambda path: read_column(path, name))
        return Series() if found is None else found

    def _quarantine(self, result: Result | None) -> tuple[Quarantined, ...]:
        """Of the result; of an unfinished run, of its log."""
        if result is not None:
            return result.quarantine
        path = self._place / "quarantine.csv"
        try:
            if not is_there(path):
                return ()
            with open_text(path, newline="") as file:
                rows = [
                    {name: from_cell(value or "") for name, value in row.items() if name}
                    for row in csv.DictReader(file)
                ]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self._note("quarantine", f"{path} cannot be read: {error}")
            return ()
        found = [self._judge("quarantine", path, Quarantined, row) for row in rows]
        return tuple(entry for entry in found if entry is not None)

    def _evaluations(self, anchor: str, place: Path) -> dict[str, Evaluation]:
        path = place / EVALUATION
        found = self._json(anchor, path) or {}
        judged = {split: self._judge(anchor, path, Evaluation, e) for split, e in found.items()}
        return {split: entry for split, entry in judged.items() if entry is not None}

    def _branches(self) -> list[Branch]:
        """Pruned networks, and trainings of the run or of one of them."""
        marks = ("*/prune.json", "*/result.json", "*/*/result.json")
        places = {path.parent for mark in marks for path in self._place.glob(mark)}
        return [
            branch
            for place in sorted(places)
            if (branch := self._branch(place)) is not None
            and place.relative_to(self._place).parts[0] not in ANALYSES
        ]

    def _branch(self, place: Path) -> Branch | None:
        name = place.relative_to(self._place).as_posix()
        pruned = self._model("pruned", place / PRUNE_RECORD, PruneRecord)
        result = self._model("pruned", place / "result.json", Result)
        evaluations = self._evaluations("pruned", place)
        empty = pruned is None and result is None and not evaluations
        return None if empty else Branch(name, pruned, result, evaluations)

    def _analyses(self) -> dict[str, Part]:
        found = {
            name: self._model(name, self._place / name / SUMMARY, kind)
            for name, kind in ANALYSES.items()
        }
        return {name: part for name, part in found.items() if part is not None}

    def _others(self) -> dict[str, Mapping[str, Any]]:
        """The entries that are a plain value, of every analysis without a section of its own."""
        found: dict[str, Mapping[str, Any]] = {}
        for path in sorted(self._place.glob(f"*/{SUMMARY}")):
            name = path.parent.name
            entries = None if name in ANALYSES else self._json("more", path)
            if entries is not None:
                plain = (str, int, float, bool)
                found[name] = {k: v for k, v in entries.items() if isinstance(v, plain)}
        return found
