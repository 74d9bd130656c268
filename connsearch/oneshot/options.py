"""Settings of the one-shot search, by concern. Free of torch.

A new option is a field of :class:`RelaxationOptions` and a file in ``oneshot/hooks``. It is None
where it is not given, as earlier runs do not record it, and ``examples=[value]`` is what the tests
try it with. Only what a method chooses is in :class:`Relaxed`, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from connsearch.flags import flag
from connsearch.graph.gating import Gating
from connsearch.graph.spec import Post
from connsearch.settings.nesting import BASIC, Options
from connsearch.training.options import ScheduleOptions, TrainOptions

Method = Literal["connsearch", "assemblenet"]
Discreteness = Literal["none", "zero_one", "entropy"]
Level = Literal["single", "bilevel"]


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What a search does beyond the published one, every choice made; the defaults are published.

    Attributes: see the options of the same names in :class:`RelaxationOptions`.
    """

    level: Level = "single"
    temperature: float = 1.0
    path_dropout: float = 0.0
    normalise_inputs: bool = False
    discreteness_penalty: Discreteness = "none"
    discreteness_weight: float = 0.3
    hard_share: float | None = None
    macs_penalty: float = 0.0
    anneal_start: float = 0.5
    patience: int | None = None
    stable: float = 0.95


METHODS: dict[Method, Relaxed] = {
    "connsearch": Relaxed(temperature=0.1),
    "assemblenet": Relaxed(),
}
"""What each method chooses where no option says otherwise (``benchmarks/search_options.md``)."""


class SearchSchedule(ScheduleOptions):
    """How long a search is, and how the learning rate changes meanwhile."""

    epochs: int = Field(default=16, ge=1, json_schema_extra=BASIC)
    """Number of passes over the training split."""


class SpaceOptions(Options, title="search space"):
    """Which connections are searched, where their weights start, and which temporal gates."""

    over_connect: bool = True
    """First connect each block with all blocks of lower levels; otherwise search only the
    connections that the structure has."""
    warm_start: bool = False
    """Start from the connection weights that are stored in the structure; by default all start at
    0.5."""
    post: Post | None = None
    """What follows every block: nothing (none), squeeze and recursion (sr), or the same behind a
    temporal gate (srtg). By default as the structure has it."""
    gated_connections: Gating | None = None
    """Which connections get a temporal gate: streams: those between streams; all: all but the first
    input of each block; none. By default those of the structure."""


class RelaxationOptions(Options, title="search method"):
    """How a search computes with connection weights, and how it makes them decide."""

    method: Method = Field(default="connsearch", json_schema_extra=BASIC)
    """Sets the defaults of the options below: assemblenet is the published search, connsearch what
    worked best in our measurements (benchmarks/search_options.md)."""
    level: Level | None = None
    """single: all training clips teach filters and connections; bilevel: one half of them teaches
    the filters, the other half the connections. By default single."""
    temperature: float | None = Field(
        default=None, gt=0, le=1, allow_inf_nan=False, json_schema_extra=BASIC
    )
    """Last temperature: from --anneal-start on, logits are divided by a temperature that falls from
    1 to this, which moves connection weights towards 0 and 1. With 1 nothing changes. By default
    0.1 (assemblenet: 1)."""
    path_dropout: float | None = Field(default=None, ge=0, lt=1)
    """Probability that a connection is left out of a training step; it rises from 0 to this after
    --anneal-start. By default 0."""
    normalise_inputs: bool | None = None
    """Batch-normalise each input of a block, without parameters, before it is weighted; the found
    network keeps this. By default off."""
    discreteness_penalty: Discreteness | None = None
    """After --anneal-start, add to the loss how undecided the connection weights are: by their
    squared distance from 0 and 1 (zero_one), or by their entropy. By default none."""
    discreteness_weight: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Weight of --discreteness-penalty at the end of the search; the penalty itself is 1 if all
    weights are 0.5, and 0 if all are decided. By default 0.3."""
    hard_share: float | None = Field(default=None, gt=0, le=1)
    """Compute each block from this share of its inputs only, the strongest; the logits of the
    others still learn. By default all inputs are used."""
    macs_penalty: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Add to the loss this factor times the expected share of multiply-accumulates that remains.
    By default 0."""
    anneal_start: float | None = Field(default=None, ge=0, lt=1)
    """Share of the steps after which temperature, path dropout and penalty begin to change; by
    default 0.5."""
    patience: int | None = Field(default=None, ge=1)
    """End the search if the ranking of the inputs of every block has been stable for this many
    epochs after --anneal-start; by default it never ends early."""
    stable: float | None = Field(default=None, gt=0, le=1)
    """Smallest Kendall tau, over all pairs of inputs of a block, that counts as stable for
    --patience; by default 0.95."""

    @property
    def relaxed(self) -> Relaxed:
        """Every choice made: the method's where no option says otherwise."""
        chosen = METHODS[self.method]
        names = Relaxed.__dataclass_fields__
        given = {name: getattr(self, name) for name in names}
        return Relaxed(
            **{n: getattr(chosen, n) if value is None else value for n, value in given.items()}
        )

    @model_validator(mode="after")
    def _options_consistent(self) -> RelaxationOptions:
        chosen = self.relaxed
        needs = {
            "discreteness_weight": ("discreteness_penalty", chosen.discreteness_penalty != "none"),
            "stable": ("patience", chosen.patience is not None),
        }
        for name, (other, given) in needs.items():
            if getattr(self, name) is not None and not given:
                raise ValueError(
                    f"{flag(name)} {getattr(self, name)}: has no effect without "
                    f"{flag(other)}; give "
                    "that too, or leave it out"
                )
        return self


class SearchOptions(TrainOptions, title="search"):
    """How connections are searched: everything of training, and what is asked of connections."""

    schedule: SearchSchedule = SearchSchedule()  # pyright: ignore[reportIncompatibleVariableOverride] (frozen)
    space: SpaceOptions = SpaceOptions()
    relaxation: RelaxationOptions = RelaxationOptions()
