"""When the temporal gates of a network decide, and how often each of them is open meanwhile.

At first all gates always fuse: a recurrent cell that has learned nothing never agrees with what it
reads, and while its gate is shut it has no gradient to learn from. From a share of the training on
they decide, clip by clip. Any module may hold gates; nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.models.document import ModelDocument
from connsearch.models.gates import decides, described, temporal_gates
from connsearch.nn.temporal_gate import DecidingGate
from connsearch.runs.events import Event, GatesEvent, NoteEvent
from connsearch.runs.formats.gates import GateCounts, GateRow
from connsearch.runs.formats.tables import Row
from connsearch.runs.names import GATES
from connsearch.runs.run import Run
from connsearch.training.hooks import Hook
from connsearch.training.options import GATE_START, GateOptions, TrainOptions

Start = float | Literal["none"]
"""A share of the training, or never."""


def gate_start(network: nn.Module, options: GateOptions, *, name: str) -> Start | None:
    """Returns when the gates of a network begin to decide; None: it has none.

    Args:
        network: as its training begins.
        options: what was asked for.
        name: of the network, for the message.

    Raises:
        SettingsError: it has no gates, and a moment is given.
    """
    asked = options.gate_start
    if not temporal_gates(network):
        if asked == "auto":
            return None
        raise SettingsError(
            f"gate_start {'none' if asked is None else asked}: has no effect, because {name} has "
            "no temporal gates\n"
            "  cure: leave --gate-start out, or train a network with gates, such as "
            "srtg_r2plus1d_18; a search gets them with --post srtg or --gated-connections streams"
        )
    if asked is None:
        return "none"
    if asked == "auto":
        usual = getattr(network, "decides_by_default", True)
        return 0.0 if decides(network) else GATE_START if usual else "none"
    return asked


def of_its_own(options: TrainOptions, network: nn.Module, *, learned: bool) -> TrainOptions:
    """Returns how a network is trained by the options that another training was given.

    When gates begin to decide says nothing where there are none; and where they have learned, they
    go on as they are.

    Args:
        options: of the other training.
        network: with its first weights.
        learned: whether these come from a training.
    """
    if not temporal_gates(network):
        return options.with_values(gate_start="auto")
    if learned:
        return options.with_values(gate_start=0.0 if decides(network) else None)
    return options


@dataclass(slots=True)
class _Counted:
    """Clips that were counted in one state of the gates, and are not logged yet.

    Attributes:
        deciding: whether the gates decided.
        step: done when the state ended; None: it lasts.
        counts: gate -> for how many clips it was open, of how many.
    """

    deciding: bool
    step: int | None = None
    counts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


class GateStart(Hook):
    """Makes the gates of a network decide from some step on, and logs how often they are open.

    Counts stay on the device until they are logged: a step waits for none.

    Args:
        network: that has gates.
        start: share of the training after which they decide.
        frames: that each gate sees of a full clip, as far as it is known.
    """

    name = "gates"
    tables: ClassVar[Mapping[str, type[Row]]] = {GATES: GateRow}

    def __init__(self, network: nn.Module, start: Start, frames: Mapping[str, int]) -> None:
        self._gates: Mapping[str, DecidingGate] = temporal_gates(network)
        self._start, self._frames = start, frames
        self._deciding: bool | None = None  # of the last step; None: there was none
        self._unlogged: list[_Counted] = []

    def switch(self, total: int) -> int | None:
        """Returns after how many steps of ``total`` the gates decide; None: never."""
        return round(self._start * total) if isinstance(self._start, float) else None

    def begin(self, step: int, total: int) -> None:
        """Makes the gates decide, or not, in this step, and count."""
        switch = self.switch(total)
        deciding = switch is not None and step >= switch
        if self._deciding not in (None, deciding):
            self._take()
            if self._unlogged:
                self._unlogged[-1].step = step
        self._deciding = deciding
        for gate in self._gates.values():
            gate.gated, gate.watched = deciding, True

    def pause(self) -> None:
        """Counts no more until the next step."""
        self._take()
        for gate in self._gates.values():
            gate.watched = False

    def notes(self, total: int) -> Iterator[Event]:
        """Yields what the gates will do in a training of so many steps."""
        switch, of = self.switch(total), f"temporal gates ({len(self._gates)})"
        if switch is None:
            said = f"{of}: always fuse, and never decide (--gate-start none)"
        elif switch == 0:
            said = f"{of}: decide from the first step on"
        else:
            said = f"{of}: always fuse in the first {switch} of {total} steps, then decide"
        one = [name for name, frames in self._frames.items() if frames == 1]
        if one:
            said += (
                f"\n  always open, because they see 1 frame of a clip: {', '.join(one)} (more "
                "--frames, and they see more)"
            )
        yield NoteEvent(said)

    def log(self, run: Run, step: int, epoch: int) -> Iterator[Event]:
        """Writes how often each gate was open since the last time, and yields the same."""
        self._take()
        for counted in self._unlogged:
            end = step if counted.step is None else counted.step
            run.log(GATES, *self._rows(end, epoch, "train", counted.deciding, counted.counts))
            several = {n: c for n, c in counted.counts.items() if self._frames.get(n) != 1}
            yield GatesEvent(end, counted.deciding, several)
        self._unlogged = []

    def judged(self, run: Run, step: int, epoch: int, split: str, found: GateCounts) -> None:
        """Writes how often each gate was open for the clips of a split."""
        counts = {name: (gate.opened, gate.clips) for name, gate in found.gates.items()}
        run.log(GATES, *self._rows(step, epoch, split, found.deciding, counts))

    def learned(self, document: ModelDocument) -> ModelDocument:
        """Returns the document with whether the gates decide, as they do now."""
        return described(document, gated=any(gate.gated for gate in self._gates.values()))

    def state(self) -> Mapping[str, Any]:
        """Returns what was counted and is not logged yet."""
        self._take()
        return {
            "unlogged": [
                [counted.deciding, counted.step, {n: [*c] for n, c in counted.counts.items()}]
                for counted in self._unlogged
            ]
        }

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`state` gave."""
        self._unlogged = [
            _Counted(deciding, step, {name: (opened, clips) for name, (opened, clips) in c.items()})
            for deciding, step, c in state["unlogged"]
        ]

    def _take(self) -> None:
        """Adds what the gates have counted to what is not logged yet."""
        taken = {name: gate.take_count() for name, gate in self._gates.items()}
        if self._deciding is None or not any(count.clips for count in taken.values()):
            return
        last = self._unlogged[-1] if self._unlogged else None
        if last is None or last.deciding != self._deciding or last.step is not None:
            last = _Counted(self._deciding)
            self._unlogged.append(last)
        for name, (opened, clips) in taken.items():
            before = last.counts.get(name, (0, 0))
            last.counts[name] = (before[0] + opened, before[1] + clips)

    def _rows(
        self,
        step: int,
        epoch: int,
        split: str,
        deciding: bool,
        counts: Mapping[str, tuple[int, int]],
    ) -> Iterator[dict[str, Any]]:
        for name in self._gates:  # a resumed run knows them in the order of their names
            if name not in counts:
                continue
            opened, clips = counts[name]
            yield GateRow(
                step=step,
                epoch=epoch,
                split=split,
                gate=name,
                deciding=int(deciding),
                frames=self._frames.get(name),
                opened=opened,
                clips=clips,
            ).to_json()
