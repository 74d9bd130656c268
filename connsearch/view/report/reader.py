"""A directory -> the material of its report; what cannot be read becomes a note, by section."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from connsearch.errors import ConnsearchError
from connsearch.files.documents import read_object
from connsearch.models.document import ModelDocument
from connsearch.runs.formats.form import Form
from connsearch.runs.formats.result import Quarantined, Result
from connsearch.runs.formats.tables import QuarantineRow
from connsearch.runs.names import (
    CONNECTIONS,
    EARLIER,
    METRICS,
    MODEL,
    QUARANTINE,
    STRUCTURE,
    SUMMARY,
)
from connsearch.runs.record import RunRecord, open_run
from connsearch.view.report.material import Branch, Material
from connsearch.view.runs.series import Series, read_column, read_curves, read_weights

T = TypeVar("T")


def read_material(directory: str | Path, summaries: Mapping[str, type[Form]]) -> Material:
    """Returns what the directory of a run or of a pruned network holds.

    Args:
        directory: of the run.
        summaries: folders of a run whose ``summary.json`` has a section of its own, and its form.

    Raises:
        RunError: it is neither.
    """
    return _Reader(open_run(directory, whole=False), summaries).material()


class _Reader:
    """Reads file by file; a fault becomes a note and the report goes on without that file."""

    def __init__(self, run: RunRecord, summaries: Mapping[str, type[Form]]) -> None:
        self._run, self._forms = run, summaries
        self._known = {*summaries, *(EARLIER[name] for name in summaries if name in EARLIER)}
        self._notes: dict[str, list[str]] = {}

    def material(self) -> Material:
        run = self._run
        model, learned = self._model()
        result = self._try("summary", lambda: run.result, None)
        recorded = self._try(
            "settings", lambda: run.recorded if run.is_finished_network else run.config, {}
        )
        return Material(
            directory=run.directory,
            kind=self._try("settings", lambda: run.kind, "search"),
            config=recorded,
            model=model,
            structure=None if model is None else model.structure,
            learned=learned,
            result=result,
            prune_record=self._try("pruned", lambda: run.prune_record, None),
            curves=self._log("curves", METRICS, read_curves, None),
            rates=self._column("learning_rate"),
            speeds=self._column("clips_per_second"),
            weights=self._log("weights", CONNECTIONS, read_weights, {}),
            gates=self._try("gates", lambda: run.gates, ()),
            terms=self._try("terms", lambda: run.terms, ()),
            quarantine=self._quarantine(result),
            evaluations=self._try("judged", lambda: run.evaluations, {}),
            branches=tuple(self._branches()),
            summaries=self._summaries(),
            others=self._others(),
            notes=self._notes,
        )

    def _note(self, anchor: str, fault: object) -> None:
        """Keeps a fault once, without the directory that every path starts with."""
        text = str(fault).replace(f"{self._run.directory}/", "")
        noted = self._notes.setdefault(anchor, [])
        if text not in noted:
            noted.append(text)

    def _try(self, anchor: str, read: Callable[[], T], missing: T) -> T:
        """What is read, or ``missing`` and a note."""
        try:
            return read()
        except ConnsearchError as error:
            self._note(anchor, error)
        except (csv.Error, ValueError, OverflowError) as error:
            self._note(anchor, f"cannot be read: {error}")
        return missing

    def _model(self) -> tuple[ModelDocument | None, bool]:
        """What was learned (so far), else where it started; and which of the two."""
        found = self._try("wiring", lambda: self._run.outcome, None)
        if found is not None or not (self._run.has(STRUCTURE) or self._run.has(MODEL)):
            return found, found is not None
        return self._try("wiring", lambda: self._run.model, None), False

    def _log(self, anchor: str, name: str, read: Callable[[Path], T], missing: T) -> T:
        if not self._run.has(name):
            return missing
        return self._try(anchor, lambda: read(self._run.path(name)), missing)

    def _column(self, name: str) -> Series:
        return self._log("curves", METRICS, partial(read_column, name=name), Series())

    def _quarantine(self, result: Result | None) -> tuple[Quarantined | QuarantineRow, ...]:
        """Of the result; of an unfinished run, of its log."""
        if result is not None:
            return tuple(result.quarantine)
        if not self._run.has(QUARANTINE):
            return ()
        read = partial(self._run.rows, QUARANTINE, QuarantineRow)
        return self._try("quarantine", lambda: tuple(read()), ())

    def _branches(self) -> list[Branch]:
        """Pruned networks, and trainings of the run or of one of them."""
        found: list[Branch] = []
        for run in self._run.below():
            place = run.directory.relative_to(self._run.directory)
            if place.parts[0] not in self._known:
                pruned = self._try("pruned", lambda run=run: run.prune_record, None)
                result = self._try("pruned", lambda run=run: run.result, None)
                evaluations = self._try("pruned", lambda run=run: run.evaluations, {})
                if pruned is not None or result is not None or evaluations:
                    found.append(Branch(place.as_posix(), pruned, result, evaluations))
        return found

    def _summaries(self) -> dict[str, Form]:
        read = self._run.summary
        found = {
            name: self._try(name, partial(read, name, kind), None)
            for name, kind in self._forms.items()
        }
        return {name: form for name, form in found.items() if form is not None}

    def _others(self) -> dict[str, Mapping[str, Any]]:
        """The entries that are a plain value, of every analysis without a section of its own."""
        found: dict[str, Mapping[str, Any]] = {}
        for path in sorted(self._run.directory.glob(f"*/{SUMMARY}")):
            name = path.parent.name
            if name in self._known:
                continue
            entries = self._try("more", partial(read_object, path), None)
            if entries is not None:
                plain = (str, int, float, bool)
                found[name] = {k: v for k, v in entries.items() if isinstance(v, plain)}
        return found
