"""Fitnesses that need no network: to plan an evolution, to compare strategies, to test the engine.

What is random in an evaluation follows from the seed of its task, as it does in a real one.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite, log
from pathlib import Path
from random import Random
from typing import Any

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.evolution.child import Evaluate, Outcome, Rung, Task
from connsearch.evolution.objectives import Assessment, values
from connsearch.evolution.simulate.clock import Elapsed, SimulatedFailure
from connsearch.evolution.simulate.landscape import LOWEST, Landmark, Landscape, logistic
from connsearch.evolution.simulate.table import FitnessTable
from connsearch.graph.spec import Edge, Structure
from connsearch.registry import suggest
from connsearch.seeds import derive

CLEARNESS = 2.0
"""Logit of a learned weight where a connection is worth 1 and weights are fully informative."""

MACS_PER_SECOND = 1e9
"""Speed of the machine for simulated latencies, which have no noise."""


@dataclass(frozen=True)
class Planted:
    """A hidden preference (:class:`Landscape`) seen through noise; an ``Evaluate``.

    Attributes:
        landscape: decides what is preferred.
        scale: how strongly; at 0 there is nothing but noise.
        noise: standard deviation of one evaluation.
        informative: how much learned weights tell about the value of connections; at 0 nothing.
        weight_noise: standard deviation of their logits about that.
        seconds: mean duration of an evaluation.
        spread: standard deviation of its logarithm.
        sleep: whether to sleep for that time, or only to report it.
        failure: probability that an attempt fails.
        objectives: which values are reported, in this order.
        rungs: shares of an evaluation at which it reports values.
    """

    landscape: int = 0
    scale: float = 1.0
    noise: float = 0.02
    informative: float = 1.0
    weight_noise: float = 0.5
    seconds: float = 60.0
    spread: float = 0.3
    sleep: bool = False
    failure: float = 0.0
    objectives: tuple[str, ...] = ("accuracy",)
    rungs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("noise", "weight_noise", "seconds", "spread", "scale"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise SettingsError(f"planted: {name} is a number from 0; read {self._read(name)}")
        if not isfinite(self.informative):
            raise SettingsError(
                f"planted: informative is a number, negative for misleading weights; read "
                f"{self._read('informative')}"
            )
        if not 0 <= self.failure <= 1:
            raise SettingsError(
                f"planted: failure is a probability, 0 to 1; read {self._read('failure')}"
            )
        object.__setattr__(self, "_landscape", Landscape(self.landscape, self.scale))

    def _read(self, name: str) -> str:
        return f"{getattr(self, name):g}"

    def __call__(self, task: Task) -> Generator[Any, None, Outcome]:
        """Yields how far it is, and rungs; returns what a training would have found.

        Raises:
            SimulatedFailure: this attempt is one of those that fail.
        """
        known = self._known(task.child.structure)
        seconds = self._duration(task.seed)
        draw = Random(derive(task.seed, "failure", task.attempt))
        fails = draw.random() < self.failure
        ends = draw.random() if fails else 1.0
        done = 0.0
        for number, share in enumerate(self.rungs):
            if share >= ends:
                break
            yield from self._pass((share - done) * seconds, share * seconds)
            yield Rung(number, self._values(task, self._at_rung(known.fitness, share), number))
            done = share
        yield from self._pass((ends - done) * seconds, ends * seconds)
        if fails:
            raise SimulatedFailure(
                f"child {task.child.number}, attempt {task.attempt}: failed, as simulated "
                f"failures do with probability {self.failure:g}",
                ends * seconds,
            )
        return Outcome(
            values=self._values(task, known.fitness),
            weights=self._weights(task, known.gains),
            facts={"seconds": seconds, "true": known.fitness},
        )

    def true(self, structure: Structure) -> float:
        """Returns the fitness of a structure without noise."""
        return self._known(structure).fitness

    def gains(self, structure: Structure) -> Mapping[Edge, float]:
        """Returns the true value of every connection, about -2 to 2."""
        return self._known(structure).gains

    def _known(self, structure: Structure) -> Landmark:
        landscape: Landscape = getattr(self, "_landscape")  # noqa: B009
        return landscape.at(structure)

    def _pass(self, seconds: float, elapsed: float) -> Generator[Elapsed, None, None]:
        if self.sleep:
            time.sleep(seconds)
        yield Elapsed(elapsed)

    def _duration(self, seed: int) -> float:
        if self.seconds == 0:
            return 0.0
        # The mean of a lognormal is exp(mu + sigma**2 / 2).
        middle = log(self.seconds) - self.spread**2 / 2
        return Random(derive(seed, "seconds")).lognormvariate(middle, self.spread)

    def _values(self, task: Task, true: float, rung: int = -1) -> tuple[float, ...]:
        purpose = "noise" if rung < 0 else f"noise {rung}"
        seen = true + self.noise * Random(derive(task.seed, purpose)).gauss(0.0, 1.0)
        child = task.child
        found = Assessment(
            structure=child.structure,
            score=seen,
            macs=child.macs,
            parameters=child.parameters,
            latency=lambda: child.macs / MACS_PER_SECOND,
        )
        return values(self.objectives, found)

    def _at_rung(self, true: float, share: float) -> float:
        """A training that ended there would have learned less, whatever the structure."""
        return LOWEST + (true - LOWEST) * share**0.5

    def _weights(self, task: Task, gains: Mapping[Edge, float]) -> dict[Edge, float]:
        """What would have been learned; a single input has no weight to learn."""
        rng = Random(derive(task.seed, "weights"))
        clear, noise = CLEARNESS * self.informative, self.weight_noise
        return {
            edge: logistic(clear * gains[edge] + noise * rng.gauss(0.0, 1.0))
            for edge, connection in task.child.structure.connections()
            if connection.weight is not None
        }


def simulated(
    text: str, *, objectives: Sequence[str] = ("accuracy",), rungs: Sequence[float] = ()
) -> Evaluate:
    """Returns the fitness a text names: ``planted``, ``planted:noise=0.02``, ``table:FILE``.

    Args:
        text: a name, and after a colon settings of :class:`Planted` or the path of a table.
        objectives: of the study, in its order.
        rungs: shares of an evaluation at which it reports values; a table does not.

    Raises:
        UnknownNameError: no such fitness.
        SettingsError: a setting that does not exist, is repeated, or cannot be read.
        DataError: a table that cannot be used.

    >>> simulated("planted:noise=0,landscape=3").landscape
    3
    """
    name, _, rest = text.partition(":")
    if name not in ("planted", "table"):
        raise UnknownNameError(suggest("simulated fitness", name, ["planted", "table"]))
    if name == "planted":
        return Planted(**_settings(rest), objectives=tuple(objectives), rungs=tuple(rungs))
    if not rest:
        raise SettingsError(f"{text!r} does not name a file; write table:FILE")
    if rungs:
        raise SettingsError(f"{text}: a table has no values at rungs; omit --rungs, or use planted")
    return FitnessTable.load(Path(rest), objectives=len(objectives))


def _settings(text: str) -> dict[str, Any]:
    """What ``noise=0.02,landscape=3`` says, each number of the type of its setting."""
    kinds = {f.name: f.type for f in fields(Planted) if f.name not in ("objectives", "rungs")}
    found: dict[str, Any] = {}
    for part in text.split(",") if text else ():
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise SettingsError(f"planted: read {part!r}; settings look like noise=0.02,sleep=1")
        if name not in kinds:
            raise SettingsError(f"planted: {suggest('setting', name, sorted(kinds))}")
        if name in found:
            raise SettingsError(f"planted: {name} is given twice; give it once")
        found[name] = _number(name, value, str(kinds[name]))
    return found


def _number(name: str, value: str, kind: str) -> float | int | bool:
    allowed = {"bool": "0 or 1", "int": "a whole number", "float": "a number"}[kind]
    try:
        number = float(value) if kind == "float" else int(value)
    except ValueError:
        number = None
    if number is None or (kind == "bool" and number not in (0, 1)):
        raise SettingsError(f"planted: {name} is {allowed}; read {value!r}")
    return bool(number) if kind == "bool" else number
