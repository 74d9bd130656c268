"""The answers of a network after each of its steps, kept in parts beside its run.

Each part is on disk before the next one begins: whoever is killed goes on behind the last of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from connsearch.errors import RunError
from connsearch.files.disk import is_there
from connsearch.files.places import make_directories
from connsearch.runs.documents import read_form, write_form
from connsearch.runs.formats.early_exit import StepAnswersHead
from connsearch.runs.tensors import opened, tensors_in, write_tensors
from connsearch.settings.differences import plain

HEAD = "answers.json"


class StepAnswers(NamedTuple):
    """Answers of all steps to clips, in the order of their split.

    Attributes:
        answers: (N, S, K) logits after each step, float32.
        labels: (N,), -1 where a multi-label clip has no class.
        indices: (N,), places of the clips in their split.
        targets: (N, K) of multi-label data; None: a clip has one class.
        faults: why clips could not be read, by their places.
    """

    answers: Tensor
    labels: Tensor
    indices: Tensor
    targets: Tensor | None = None
    faults: Mapping[int, str] = {}

    @classmethod
    def joined(cls, parts: Sequence[StepAnswers]) -> StepAnswers:
        """Returns the clips of several parts as one; parts without clips have only faults."""
        faults = {place: reason for part in parts for place, reason in part.faults.items()}
        full = [part for part in parts if len(part.labels)]
        if not full:
            none = torch.zeros(0, dtype=torch.long)
            return cls(torch.zeros(0, 0, 0), none, none, None, faults)
        targets = [part.targets for part in full if part.targets is not None]
        return cls(
            torch.cat([part.answers for part in full]),
            torch.cat([part.labels for part in full]),
            torch.cat([part.indices for part in full]),
            torch.cat(targets) if targets else None,
            faults,
        )


class StepStore:
    """A folder of answers.

    Args:
        directory: of the folder; one process at a time works in it.
        facts: what decides the answers. What is there of others is thrown away.

    Attributes:
        head: what is known of the answers.
        replaced: whether answers of other facts were thrown away.
    """

    def __init__(self, directory: Path, facts: Mapping[str, Any]) -> None:
        self._directory = directory
        wanted = plain(facts)
        known = _head_of(directory)
        self.replaced = known is not None and known.facts != wanted
        if known is None or self.replaced:
            make_directories(directory)
            for path in directory.glob("*.safetensors"):
                path.unlink()
            known = StepAnswersHead(facts=wanted)
            self._keep(known)
        self.head = known

    def opened(self, when: str, times: int) -> None:
        """Takes down that the test split is opened, before any of it is answered."""
        self._keep(self.head.model_copy(update={"opened": when, "times_opened": times}))

    def read(self, name: str) -> StepAnswers | None:
        """Returns a part; None: it is not there, or cannot be read."""
        path = self._path(name)
        if not is_there(path):
            return None
        with suppress(RunError, KeyError, ValueError), opened(path) as file:
            tensors, header = tensors_in(file), file.metadata() or {}
            faults = {int(place): str(why) for place, why in json.loads(header["faults"]).items()}
            return StepAnswers(**tensors, faults=faults)
        return None

    def keep(self, name: str, part: StepAnswers) -> None:
        """Writes a part; it is on disk when this returns.

        Raises:
            DiskFullError: there is no room.
        """
        tensors = {
            "answers": part.answers,
            "labels": part.labels,
            "indices": part.indices,
            **({} if part.targets is None else {"targets": part.targets}),
        }
        header = {"faults": json.dumps({str(k): why for k, why in part.faults.items()})}
        write_tensors(self._path(name), tensors, header)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.safetensors"

    def _keep(self, head: StepAnswersHead) -> None:
        write_form(self._directory / HEAD, head)
        self.head = head


def times_opened(directory: Path) -> int:
    """Returns how often the test split was opened, as the answers in a folder have it; 0: never."""
    known = _head_of(directory)
    return 0 if known is None else known.times_opened or 0


def _head_of(directory: Path) -> StepAnswersHead | None:
    path = directory / HEAD
    if not is_there(path):
        return None
    try:
        return read_form(path, StepAnswersHead, "a record of answers")
    except RunError:
        return None
