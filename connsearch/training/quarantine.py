"""Clips of a run that could not be read: each listed once, and too many of them stop the work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connsearch.data.loading.first_look import refuse_too_many
from connsearch.data.loading.load import DataSplits
from connsearch.runs.events import WarningEvent
from connsearch.runs.names import QUARANTINE
from connsearch.runs.run import Run


class Quarantine:
    """What could not be read so far, in the order it was met.

    Args:
        data: the splits; each remembers in ``quarantined`` what it could not read.
        run: ``quarantine.csv`` in its directory gets a row a clip.
    """

    def __init__(self, data: DataSplits, run: Run) -> None:
        self._data, self._run = data, run
        self._entries: list[dict[str, Any]] = []
        self._known: set[tuple[str, int]] = set()
        # What was found before any work was said then.
        self._said = {(split, index) for split, dataset in data.parts() for index in dataset.faults}

    def new(self, step: int) -> Iterator[WarningEvent]:
        """Yields a warning for every clip met since the last call that nobody has warned of.

        Raises:
            DataError: more than the allowed share of all clips cannot be read; all are named.
        """
        before = len(self._entries)
        for split, dataset in self._data.parts():
            for index, reason in dataset.quarantined.items():
                if (split, index) not in self._known:
                    self._known.add((split, index))
                    self._entries.append(_entry(split, index, dataset, reason, step))
                    self._run.log(QUARANTINE, self._entries[-1])
        for entry in self._entries[before:]:
            if (entry["split"], entry["index"]) in self._said:
                continue
            yield WarningEvent(f"quarantined ({entry['split']}): {entry['reason']}")
        if len(self._entries) > before:
            refuse_too_many(
                self._data.name,
                [entry["reason"] for entry in self._entries],
                sum(len(dataset) for _, dataset in self._data.parts()),
                self._data.train.options.bad_share,
            )

    def state(self) -> list[list[Any]]:
        """Returns what a checkpoint keeps."""
        lasting = {
            (split, index) for split, dataset in self._data.parts() for index in dataset.faults
        }
        return [
            [e["split"], e["index"], e["reason"], e["step"], (e["split"], e["index"]) in lasting]
            for e in self._entries
        ]

    def restore(self, state: list[list[Any]]) -> None:
        """Puts back what :meth:`state` gave: what is not tried again is not tried again."""
        datasets: dict[str, Any] = dict(self._data.parts())
        for split, index, reason, step, lasting in state:
            self._known.add((split, index))
            self._entries.append(_entry(split, index, datasets[split], reason, step))
            if lasting:
                datasets[split].faults[index] = reason

    def listed(self) -> list[dict[str, Any]]:
        """Returns split, name, reason and step of every clip, for the result."""
        return list(self._entries)


def _entry(split: str, index: int, dataset: Any, reason: str, step: int) -> dict[str, Any]:
    name = dataset.records[index].name
    return {"split": split, "index": index, "name": name, "reason": reason, "step": step}
