"""Clips of a run that could not be read: each listed once, and too many of them stop the work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connsearch.data.loading.first_look import refuse_too_many
from connsearch.data.loading.loader import Loader, SplitLoaders
from connsearch.data.records import split_name
from connsearch.runs.events import WarningEvent
from connsearch.runs.names import QUARANTINE
from connsearch.runs.run import Run


class Quarantine:
    """Clips that could not be read so far, in order of occurrence.

    Args:
        loaders: of the splits, fresh; each knows what it could not read.
        run: ``quarantine.csv`` in its directory gets a row per clip.
        name: what the user called the data set.
    """

    def __init__(self, loaders: SplitLoaders, run: Run, *, name: str) -> None:
        self._loaders, self._run, self._name = loaders, run, name
        self._entries: list[dict[str, Any]] = []
        self._known: set[tuple[str, int]] = set()
        # Faults found before training were reported then.
        self._said = self._lasting()

    def new(self, step: int) -> Iterator[WarningEvent]:
        """Yields a warning for every new clip since the last call.

        Raises:
            DataError: more than the allowed share of all clips cannot be read; all are named.
        """
        before = len(self._entries)
        for split, loader in self._loaders:
            for index, reason in loader.quarantined.items():
                if (split, index) not in self._known:
                    self._known.add((split, index))
                    self._entries.append(_entry(split, index, loader, reason, step))
                    self._run.log(QUARANTINE, self._entries[-1])
        for entry in self._entries[before:]:
            if (entry["split"], entry["index"]) in self._said:
                continue
            yield WarningEvent(f"quarantined ({entry['split']}): {entry['reason']}")
        if len(self._entries) > before:
            refuse_too_many(
                self._name,
                [entry["reason"] for entry in self._entries],
                sum(len(loader.dataset) for _, loader in self._loaders),
                self._loaders["train"].dataset.loading.bad_share,
            )

    def state(self) -> list[list[Any]]:
        """Returns what a checkpoint keeps."""
        lasting = self._lasting()
        return [
            [e["split"], e["index"], e["reason"], e["step"], (e["split"], e["index"]) in lasting]
            for e in self._entries
        ]

    def restore(self, state: list[list[Any]]) -> None:
        """Restores the result of :meth:`state`: lasting faults are not tried again."""
        for name, index, reason, step, lasting in state:
            split = str(split_name(name))
            loader = self._loaders[split]
            self._known.add((split, index))
            self._entries.append(_entry(split, index, loader, reason, step))
            if lasting:
                loader.leave_out({index: reason})

    def listed(self) -> list[dict[str, Any]]:
        """Returns split, name, reason and step of every clip, for the result."""
        return list(self._entries)

    def _lasting(self) -> set[tuple[str, int]]:
        """Returns (split, index) of what is not tried again."""
        return {(split, index) for split, loader in self._loaders for index in loader.faults}


def _entry(split: str, index: int, loader: Loader, reason: str, step: int) -> dict[str, Any]:
    name = loader.dataset.records[index].name
    return {"split": split, "index": index, "name": name, "reason": reason, "step": step}
