"""The state of a training on disk: the newest one to resume from, and those kept by epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from connsearch.errors import RunError
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.runs.checkpoint import Checkpoint, part, under
from connsearch.runs.epochs import keep_state
from connsearch.runs.events import CheckpointEvent, NoteEvent
from connsearch.runs.files import put_weights, refuse_unusable
from connsearch.runs.names import CHECKPOINTS, EPOCHS, STATE
from connsearch.runs.run import Run
from connsearch.training.counters import Stopwatch, Tally
from connsearch.training.hooks import Hook
from connsearch.training.optimisers import Optimisers
from connsearch.training.quarantine import Quarantine


class Saving:
    """Writes and puts back everything that a training is between two steps.

    Args:
        network: its weights.
        optimisers: what they remember.
        hooks: what they keep.
        quarantine: the clips that could not be read.
        clock: the time that was spent; it is told when something was saved.
        run: where it goes.
    """

    def __init__(
        self,
        network: Model,
        optimisers: Optimisers,
        hooks: Sequence[Hook],
        quarantine: Quarantine,
        clock: Stopwatch,
        run: Run,
    ) -> None:
        self._network, self._optimisers, self._hooks = network, optimisers, hooks
        self._quarantine, self._clock, self._run = quarantine, clock, run

    def restore(self, found: Checkpoint, total: int) -> tuple[Tally, str | None]:
        """Returns the right answers so far and why the training has ended, if it has.

        Everything else is put back.

        Args:
            found: what was saved.
            total: steps of the whole training.

        Raises:
            RunError: it is of another network or other settings.
        """
        try:
            return self._put_back(found, total)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise RunError(
                f"{self._run.directory}: its checkpoint of step {found.step} does not fit this "
                f"network and these settings: {type(error).__name__}: {error}\n"
                "  cure: use the version that made the run, or start again in another "
                "directory (--run)"
            ) from None

    def _put_back(self, found: Checkpoint, total: int) -> tuple[Tally, str | None]:
        model, place = part(found.tensors, "model"), self._run.directory / CHECKPOINTS
        refuse_unusable(place, model)
        put_weights(self._network, model, place)
        self._optimisers.restore(part(found.tensors, "optimiser"))
        self._quarantine.restore(found.state["quarantine"])
        kept, earlier = found.state.get("hooks", {}), found.state.get("guide", {})
        for hook in self._hooks:
            hook.restore(part(found.tensors, hook.name), kept.get(hook.name, earlier))
            if found.step:  # the network as its last step left it: no other may follow
                hook.begin(found.step - 1, total)
        self._clock.before = found.notes["seconds"]
        return Tally(**found.state["tally"]), found.state["ended"]

    def save(
        self, step: int, tally: Tally, ended: str | None, document: ModelDocument
    ) -> CheckpointEvent:
        """Returns the event of a checkpoint, once it is on disk; the one before it is kept."""
        begin = time.perf_counter()
        path = self._run.save(self._checkpoint(step, tally, ended, document))
        self._clock.saved(begin)
        return CheckpointEvent(step, path)

    def keep(
        self, epochs: int, step: int, tally: Tally, ended: str | None, document: ModelDocument
    ) -> int:
        """Returns the bytes of the state after so many epochs, once it is on disk to stay."""
        state = self._checkpoint(step, tally, ended, document)
        run = self._run
        place = keep_state(run.directory, document.name, epochs, state, run.config)
        self._clock.skip()
        return (place / STATE).stat().st_size

    def _checkpoint(
        self, step: int, tally: Tally, ended: str | None, document: ModelDocument
    ) -> Checkpoint:
        tensors = {
            **under("model", self._network.state_dict()),
            **under("optimiser", self._optimisers.tensors()),
        }
        for hook in self._hooks:
            tensors |= under(hook.name, hook.tensors())
        state: Mapping[str, Any] = {
            "tally": asdict(tally),
            "quarantine": self._quarantine.state(),
            "hooks": {hook.name: dict(hook.state()) for hook in self._hooks},
            "ended": ended,
            **document.entry(),
        }
        return Checkpoint(step, tensors, state, {"seconds": self._clock.seconds(), "logs": {}})


def disk_note(size: int, every: int, count: int) -> NoteEvent:
    """Returns what kept states take on disk, for people.

    Args:
        size: bytes of one.
        every: epochs from one to the next.
        count: how many there will be in all.
    """
    period = "epoch" if every == 1 else f"{every} epochs"
    return NoteEvent(
        f"save_every {every}: a state of {_size(size)} is kept in {EPOCHS}/ after every {period}: "
        f"{count} in all, about {_size(size * count)}"
    )


def nothing_kept(every: int, steps: int) -> NoteEvent:
    """Returns that a training of so many steps is over before a state is kept."""
    number = "the first epoch" if every == 1 else f"epoch {every}"
    return NoteEvent(
        f"save_every {every}: no state is kept, because the training ends after {steps} steps, "
        f"before {number} is over"
    )


def _size(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
