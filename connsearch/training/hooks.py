"""Hooks called during a training. The base class does nothing; a search has several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from torch import Tensor

from connsearch.models.document import ModelDocument
from connsearch.runs.events import Event
from connsearch.runs.formats.tables import Row
from connsearch.runs.run import Run


class Hook:
    """Does something at certain moments of a training.

    It may depend only on the step and on :meth:`tensors` and :meth:`state`, so that a resumed run
    ends like an uninterrupted one. A hook has the model it was made for.

    Attributes:
        name: of its part of a checkpoint; no two hooks of a training have the same.
        tables: the tables it writes into the run directory: file name -> form of a row.
    """

    name: ClassVar[str] = "hook"
    tables: ClassVar[Mapping[str, type[Row]]] = {}

    def begin(self, step: int, total: int) -> None:
        """Prepares the model for a step, counted from 0, of ``total``."""

    def pause(self) -> None:
        """Is told that what is computed until the next step teaches nothing: it evaluates."""

    def penalty(self, step: int, total: int) -> Tensor | None:
        """Returns what is added to the loss of this step, 0-d; None: nothing."""
        return None

    def observe(self) -> None:
        """Takes note of the gradients there are, before an optimiser uses them up."""

    def log(self, run: Run, step: int, epoch: int) -> Iterator[Event]:
        """Writes rows into its tables after a number of steps, and yields events.

        It is called before the first step, after every ``log_every`` steps and after the last.
        """
        yield from ()

    def epoch_done(self, step: int, total: int) -> str | None:
        """Returns why the training should end here, after a number of steps; None: it continues."""
        return None

    def finish(self) -> None:
        """Brings the model into its final form, which is evaluated and kept."""

    def learned(self, document: ModelDocument) -> ModelDocument:
        """Returns the model's document with what was learned written in."""
        return document

    def tensors(self) -> Mapping[str, Tensor]:
        """Returns the tensors that a checkpoint has to hold."""
        return {}

    def state(self) -> Mapping[str, Any]:
        """Returns what else a checkpoint has to hold, as JSON values."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`tensors` and :meth:`state` gave."""
