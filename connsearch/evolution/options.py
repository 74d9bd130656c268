"""Settings of an evolution: who becomes a parent, how it changes, what is judged, when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field, field_validator, model_validator

from connsearch.errors import ConnsearchError, UnknownNameError
from connsearch.evolution.limits import MOST_BLOCKS, MOST_STEMS
from connsearch.evolution.mutations import find
from connsearch.evolution.objectives import ObjectiveName
from connsearch.evolution.population import Removal
from connsearch.graph.kinds import BLOCK_KINDS
from connsearch.graph.spec import Post
from connsearch.pruning.budget import parse_budgets
from connsearch.settings.nesting import BASIC, Options, usual

Strategy = Literal["guided", "uniform", "nodes", "random"]

NODE_MUTATIONS = (
    "dilation",
    "split",
    "merge",
    "filters",
    "stem_dilation",
    "add_stem",
    "remove_stem",
)


MEMBERS_DRAWN, OF_FEW = 5, 2
"""The usual tournament, and that of a population with fewer members than it."""


def usual_tournament(population: object) -> int:
    """Returns how many members are drawn for a parent, unless somebody says it.

    All of a small population would always draw its best member, and the others would have been
    trained for nothing.

    >>> usual_tournament(20), usual_tournament(5), usual_tournament(4)
    (5, 5, 2)
    """
    try:
        few = float(str(population)) < MEMBERS_DRAWN
    except ValueError:  # it is refused by name when it is read
        few = False
    return OF_FEW if few else MEMBERS_DRAWN


class EvolutionOptions(Options, title="evolution"):
    """How structures evolve. Everything here decides the result; joining workers must agree."""

    strategy: Strategy = Field(default="guided", json_schema_extra=BASIC)
    """How a child is connected: guided by the weights its parent learned; uniform: a third of the
    connections changes at random; nodes: as its parent. random makes each child without a
    parent."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """With strategy guided, keep connections with a larger weight than this; by default a random
    number is drawn for each connection."""
    mutations: int = Field(default=4, ge=0, le=100)
    """Largest number of node mutations per child; each child draws a number from 0 to this."""
    operators: tuple[str, ...] = NODE_MUTATIONS
    """Node mutations to draw from; assemblenet used dilation, split and merge. Not among the
    defaults: post and kind (of blocks); add, drop and rewire (of connections)."""
    posts: tuple[Post, ...] = tuple(Post)
    """With the operator post, what may follow a block: nothing, squeeze and recursion (sr), or the
    same behind a temporal gate (srtg)."""
    kinds: tuple[str, ...] = ()
    """With the operator kind, the kinds that blocks may change to besides those of the start
    structure, such as r3d_basic srtg_r3d_basic."""
    population: int = Field(default=20, ge=2, le=100_000, json_schema_extra=BASIC)
    """Number of structures that can become parents; the evolution begins with this many random
    ones."""
    tournament: int | None = Field(default=None, ge=1, le=100_000)
    """Number of members drawn for each child; the best of them is its parent. By default 5, or 2 in
    a population of fewer than 5."""
    removal: Removal = "worst"
    """Which member leaves a full population: the worst or the oldest."""
    include_start: bool = True
    """Use the start structure as the first child; otherwise the first children are all random."""
    objectives: tuple[ObjectiveName, ...] = Field(default=("accuracy",), json_schema_extra=BASIC)
    """What to optimise; accuracy is mAP for multi-label data. Several objectives are compared by
    Pareto rank."""
    budget: tuple[str, ...] = Field(default=(), json_schema_extra=BASIC)
    """Refuse children above these costs before any training, such as "macs<=80%" (of the start
    structure) or params<=100k."""
    elites: int = Field(default=0, ge=0, le=1000, json_schema_extra=BASIC)
    """Evaluate this many of the best members again, with other seeds, so that a lucky one does not
    win."""
    evaluations: int = Field(default=3, ge=2, le=1000)
    """Total number of evaluations of an elite."""
    rungs: tuple[float, ...] = Field(default=(), json_schema_extra=BASIC)
    """Stop weak children early, at these shares of the training, such as 0.25 0.5; the first
    children, which fill the population, are never stopped."""
    survivors: float = Field(default=0.5, gt=0, lt=1)
    """Share of the children that continue after each of --rungs."""
    inherit: bool = Field(default=False, json_schema_extra=BASIC)
    """Start each child from the weights of its parent where shapes allow it."""
    attempts: int = Field(default=3, ge=1, le=100)
    """Number of times to try a child whose worker dies, runs out of memory or time, or whose loss
    is not finite; then it is marked as failed."""
    most_blocks: int = Field(default=MOST_BLOCKS, ge=1, le=1000)
    """Largest number of blocks in a level, unless the start structure has more."""
    most_stems: int = Field(default=MOST_STEMS, ge=1, le=100)
    """Largest number of RGB stems and of flow stems, unless the start structure has more."""

    @model_validator(mode="before")
    @classmethod
    def _tournament_of_the_population(cls, values: Any) -> Any:
        """Fills in the usual tournament, so that records say which one it was."""
        if not isinstance(values, Mapping):
            return values
        known = cast("Mapping[str, Any]", values)
        if known.get("tournament") is not None:
            return known
        population = known.get("population", usual(cls, "population"))
        return {**known, "tournament": usual_tournament(population)}

    @field_validator("operators")
    @classmethod
    def _operators_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                find(name)
            except ConnsearchError as error:
                raise ValueError(str(error)) from None
        return names

    @field_validator("posts")
    @classmethod
    def _posts_once(cls, posts: tuple[Post, ...]) -> tuple[Post, ...]:
        if not posts or len(set(posts)) < len(posts):
            raise ValueError(f"{' '.join(posts) or 'none given'}: name at least one, each once")
        return posts

    @field_validator("kinds")
    @classmethod
    def _kinds_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                BLOCK_KINDS[name]
            except UnknownNameError as error:
                raise ValueError(str(error)) from None
        return names

    @field_validator("budget")
    @classmethod
    def _budgets_can_be_read(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            budgets = parse_budgets(texts)
        except ConnsearchError as error:
            raise ValueError(str(error)) from None
        if any(budget.quantity == "latency" for budget in budgets):
            raise ValueError(
                "latency is measured after a training; make it one of the --objectives instead"
            )
        return tuple(str(budget) for budget in budgets)

    @field_validator("objectives")
    @classmethod
    def _objectives_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{' '.join(names) or 'none'}: name at least one, each once")
        return names

    @field_validator("rungs")
    @classmethod
    def _rungs_rise(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)) or not all(0 < share < 1 for share in shares):
            raise ValueError(f"{shares}: rising numbers between 0 and 1, such as 0.25 0.5")
        return shares

    @model_validator(mode="after")
    def _fit_together(self) -> EvolutionOptions:
        if self.drawn > self.population:
            raise ValueError(
                f"tournament {self.drawn}: larger than a population of {self.population}; give "
                f"--tournament {self.population} at most, or a larger --population"
            )
        if self.threshold is not None and self.strategy != "guided":
            raise ValueError(
                f"threshold {self.threshold}: has no effect with strategy {self.strategy}, only "
                "with --strategy guided; omit --threshold"
            )
        if self.elites > self.population:
            raise ValueError(
                f"elites {self.elites}: more than the population, {self.population}; give "
                f"--elites {self.population} at most, or a larger --population"
            )
        if self.mutations and not self.operators:
            raise ValueError(
                "no operators to draw mutations from; name some with --operators, or give "
                "--mutations 0"
            )
        if set(self.posts) != set(Post) and not self.mutates("post"):
            raise ValueError(
                f"posts {' '.join(self.posts)}: has no effect without the mutation post; add it to "
                "--operators, or omit --posts"
            )
        if self.kinds and not self.mutates("kind"):
            raise ValueError(
                f"kinds {' '.join(self.kinds)}: has no effect without the mutation kind; add it to "
                "--operators, or omit --kinds"
            )
        if self.strategy == "nodes" and not self.mutations:
            raise ValueError(
                "strategy nodes: has no effect without mutations; give --mutations, or another "
                "--strategy"
            )
        return self

    @property
    def drawn(self) -> int:
        """Members drawn for each child, with the default filled in."""
        return usual_tournament(self.population) if self.tournament is None else self.tournament

    def mutates(self, name: str) -> bool:
        """Returns whether a mutation is among the operators, whatever number stands behind it."""
        return any(operator.partition(":")[0] == name for operator in self.operators)

    @property
    def wiring(self) -> str | None:
        """The operator of the wiring step, or None where the strategy has none."""
        if self.strategy == "guided" and self.threshold is not None:
            return f"guided:{self.threshold:g}"
        return self.strategy if self.strategy in ("guided", "uniform") else None


class StopOptions(Options, title="stopping"):
    """When an evolution ends. Nothing here changes a result; the same study can be continued."""

    rounds: int = Field(default=40, ge=1, json_schema_extra=BASIC)
    """Total number of children, including the random ones at the start."""
    hours: float | None = Field(default=None, gt=0, allow_inf_nan=False, json_schema_extra=BASIC)
    """Start no more children after this worker has run for this many hours; by default no limit."""
    stagnation: int | None = Field(default=None, ge=1)
    """Stop after this many children in a row without an improvement; by default never."""
    child_minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Stop an evaluation after this many minutes, which uses up one of its attempts; by default
    never."""
