"""Settings of the one-shot search. Free of torch.

A new option is a field of :class:`SearchOptions` and a file in ``oneshot/hooks``. It is None where
it is not given, as earlier runs do not record it, and ``examples=[value]`` is what the tests try it
with. Only what a method chooses is in :class:`Relaxed`, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from connsearch.training.options import TrainOptions

Method = Literal["connsearch", "assemblenet"]
Commitment = Literal["none", "zero_one", "entropy"]
Level = Literal["single", "bilevel"]


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What a search does beyond the published one, every choice made; the defaults are published.

    Attributes: see the options of the same names in :class:`SearchOptions`.
    """

    level: Level = "single"
    temperature: float = 1.0
    path_dropout: float = 0.0
    normalise_inputs: bool = False
    commitment: Commitment = "none"
    commitment_weight: float = 0.3
    hard_share: float | None = None
    macs_penalty: float = 0.0
    late: float = 0.5
    patience: int | None = None
    stable: float = 0.95


METHODS: dict[Method, Relaxed] = {
    "connsearch": Relaxed(temperature=0.1),
    "assemblenet": Relaxed(),
}
"""What each method chooses where no option says otherwise (``benchmarks/search_options.md``)."""


class SearchOptions(TrainOptions):
    """How connections are searched: everything of training, and what is asked of connections."""

    epochs: int = Field(default=16, ge=1)
    """Passes over the training split."""
    over_connect: bool = True
    """First connect every node with all nodes of lower levels; otherwise the search weighs the
    connections the structure already has."""
    warm_start: bool = False
    """Connections with a stored weight start from it; otherwise all start undecided, at 0.5."""
    method: Method = "connsearch"
    """What the options below are where they are not given: assemblenet is the published search,
    connsearch what was measured to work best (benchmarks/search_options.md)."""
    level: Level | None = None
    """single: every clip teaches filters and connections; bilevel: one half of the training clips
    teaches the filters, the other half the connections. By default single."""
    temperature: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    """Logits are divided by a temperature that falls from 1 to this in the late part: connection
    weights move towards 0 and 1, peer mixtures towards one peer; 1: they are not. By default 0.1
    (assemblenet: 1)."""
    path_dropout: float | None = Field(default=None, ge=0, lt=1)
    """Chance that a connection is left out of a training step, rising from 0 to this in the late
    part of the search. By default 0."""
    normalise_inputs: bool | None = None
    """Batch-normalise every input of a block, without parameters, before it is weighted; the found
    network keeps it. By default it is not done."""
    commitment: Commitment | None = None
    """Adds to the loss, in the late part, how undecided the weights are: their distance from 0 and
    1 squared (zero_one), or their entropy. By default none."""
    commitment_weight: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """By how much, at the end; the measure itself is 1 when all weights are 0.5, and 0 at best.
    By default 0.3."""
    hard_share: float | None = Field(default=None, gt=0, le=1)
    """Compute with this share of each block's inputs alone, the strongest; the logits of the others
    still learn. By default all are computed with."""
    macs_penalty: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Adds to the loss so many times the expected share of multiply-accumulates that is left.
    By default 0."""
    late: float | None = Field(default=None, ge=0, lt=1)
    """Where the late part of the search begins, as a share of its steps; by default 0.5."""
    patience: int | None = Field(default=None, ge=1)
    """End the search when the ranking of the inputs of every block has been stable for so many
    epochs, in the late part; by default it never ends early."""
    stable: float | None = Field(default=None, gt=0, le=1)
    """Least Kendall tau, over all pairs of inputs of one block, that counts as stable; by default
    0.95."""

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
    def _options_consistent(self) -> SearchOptions:
        chosen = self.relaxed
        alone = {"commitment_weight": chosen.commitment != "none", "stable": chosen.patience}
        for name, meant in alone.items():
            if getattr(self, name) is not None and not meant:
                other = {"commitment_weight": "commitment", "stable": "patience"}[name]
                raise ValueError(
                    f"{name} {getattr(self, name)}: it says nothing without {other}; give that "
                    "too, or leave it out"
                )
        return self
