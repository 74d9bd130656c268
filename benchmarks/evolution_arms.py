"""What ``evolution_strategies.py`` compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connsearch.evolution.options import EvolutionOptions

NOISES = (0.0, 0.02, 0.05, 0.1)

SETTINGS_NOISES = (0.02, 0.05, 0.1)
"""Where removal and elites are compared; the other settings at the middle one only."""

SETTINGS_INFORMATIVE = 0.5
"""Settings are compared where learned weights say something, but not nearly everything."""


class HalfUniform(EvolutionOptions):
    """The uniform baseline at the strength of guiding whose weights say nothing: about a half."""

    @property
    def wiring(self) -> str:
        """The operator of the wiring step."""
        return "uniform:0.5"


@dataclass(frozen=True)
class Arm:
    """One way to evolve.

    Attributes:
        name: in the tables.
        options: what differs from the defaults.
        informative: how much learned weights say.
        noises: standard deviations of an evaluation it is tried with.
        kind: class of the options.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    informative: float = 1.0
    noises: tuple[float, ...] = NOISES
    kind: type[EvolutionOptions] = EvolutionOptions


def strategies() -> Iterator[Arm]:
    """Yields the strategies; where weights are not looked at, what they say does not matter."""
    fixed = {"threshold": 0.5}
    yield Arm("guided")
    yield Arm("guided, threshold .5", fixed)
    yield Arm("guided, weights say half", informative=0.5, noises=(0.02,))
    yield Arm("guided, threshold .5, weights say half", fixed, 0.5, (0.02,))
    yield Arm("guided, weights say nothing", informative=0.0)
    yield Arm("guided, threshold .5, weights say nothing", fixed, 0.0, (0.02,))
    yield Arm("uniform, a third", {"strategy": "uniform"})
    yield Arm(
        "uniform, a half", {"strategy": "uniform"}, noises=(0.0, 0.02, 0.05), kind=HalfUniform
    )
    yield Arm("nodes only", {"strategy": "nodes"}, noises=(0.0, 0.02, 0.05))
    yield Arm("random search", {"strategy": "random"})


def settings() -> Iterator[Arm]:
    """Yields the present defaults and what differs from them in one setting, or two."""
    half, middle = SETTINGS_INFORMATIVE, (SETTINGS_NOISES[1],)
    yield Arm("defaults", {}, half, SETTINGS_NOISES)
    yield Arm("removal oldest", {"removal": "oldest"}, half, SETTINGS_NOISES)
    yield Arm("elites 3", {"elites": 3}, half, SETTINGS_NOISES)
    both = {"removal": "oldest", "elites": 3}
    yield Arm("removal oldest, elites 3", both, half, SETTINGS_NOISES)
    for name, values in (
        ("mutations", (0, 2, 8)),
        ("population", (10, 40)),
        ("tournament", (2, 10)),
    ):
        for value in values:
            yield Arm(f"{name} {value}", {name: value}, half, middle)
    yield Arm("rungs .25 .5", {"rungs": (0.25, 0.5)}, half, middle)


def confirmed() -> Iterator[Arm]:
    """Yields what looked better than the defaults, to be tried on seeds that had no part in that.

    The first row of a table is a winner's curse: among many arms the luckiest leads.
    """
    half, middle = SETTINGS_INFORMATIVE, (SETTINGS_NOISES[1],)
    yield Arm("defaults", {}, half, middle)
    yield Arm("threshold .5", {"threshold": 0.5}, half, middle)
    yield Arm("elites 3", {"elites": 3}, half, middle)
    yield Arm("threshold .5, elites 3", {"threshold": 0.5, "elites": 3}, half, middle)


FRESH = 1000
"""Seeds of what is confirmed begin here."""

PARTS = {"strategies": strategies, "settings": settings, "confirmed": confirmed}
