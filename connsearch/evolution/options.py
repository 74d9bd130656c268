"""Settings of an evolution: who becomes a parent, how it changes, what is judged, when it ends."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connsearch.errors import ConnsearchError
from connsearch.evolution.limits import MOST_BLOCKS, MOST_STEMS
from connsearch.evolution.mutations import find
from connsearch.evolution.objectives import ObjectiveName
from connsearch.evolution.population import Removal
from connsearch.pruning.budget import parse_budgets

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


class EvolutionOptions(BaseModel):
    """How structures evolve. Everything here decides the result; joining workers must agree."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strategy: Strategy = "guided"
    """How a child's wiring comes from its parent's: guided by the weights the parent learned;
    uniform, a third of the connections at random; nodes, not at all. Random makes every child anew,
    without a parent."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Guided: connections with a greater weight stay. By default a new number between 0 and 1 is
    drawn for every connection."""
    mutations: int = Field(default=4, ge=0, le=100)
    """Most mutations of nodes a child; 0 to so many are drawn."""
    operators: tuple[str, ...] = NODE_MUTATIONS
    """The mutations they are drawn from; assemblenet's are dilation, split and merge."""
    population: int = Field(default=20, ge=2, le=100_000)
    """Structures that can become parents; as many are made at random first."""
    tournament: int = Field(default=5, ge=1, le=100_000)
    """Members drawn for each child; the best of them is its parent."""
    removal: Removal = "worst"
    """Who leaves a population that is full: the worst of all, or the oldest."""
    include_start: bool = True
    """The structure it starts from is the first child; otherwise only random ones are."""
    objectives: tuple[ObjectiveName, ...] = ("accuracy",)
    """What counts; accuracy is mAP for multi-label data. Several are compared by Pareto rank."""
    budget: tuple[str, ...] = ()
    """Refuse children that cost more before they are trained, such as "macs<=80%" (of the start) or
    params<=100k."""
    elites: int = Field(default=0, ge=0, le=1000)
    """So many of the best members are judged again, with other seeds, against lucky ones."""
    evaluations: int = Field(default=3, ge=2, le=1000)
    """How often an elite is judged in all."""
    rungs: tuple[float, ...] = ()
    """Shares of a training at which hopeless children end early, such as 0.25 0.5; the first
    children, which fill the population, never do."""
    survivors: float = Field(default=0.5, gt=0, lt=1)
    """Share of the children at a rung that go on."""
    inherit: bool = False
    """A child starts from its parent's weights where shapes allow."""
    attempts: int = Field(default=3, ge=1, le=100)
    """How often a child is tried whose worker dies, runs out of memory or time, or whose loss is
    not finite; then it is marked and left."""
    most_blocks: int = Field(default=MOST_BLOCKS, ge=1, le=1000)
    """Most blocks of a level, where the start has no more."""
    most_stems: int = Field(default=MOST_STEMS, ge=1, le=100)
    """Most RGB stems and most flow stems, where the start has no more."""

    @field_validator("operators")
    @classmethod
    def _operators_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                find(name)
            except ConnsearchError as error:
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
                "latency is measured after a training; make it one of the objectives instead"
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
        if self.tournament > self.population:
            raise ValueError(
                f"tournament {self.tournament}: a population of {self.population} has no so many"
            )
        if self.threshold is not None and self.strategy != "guided":
            raise ValueError(f"threshold says nothing with the strategy {self.strategy}")
        if self.elites > self.population:
            raise ValueError(f"elites {self.elites}: more than the population, {self.population}")
        if self.mutations and not self.operators:
            raise ValueError("no operators to draw mutations from; name some, or say mutations 0")
        if self.strategy == "nodes" and not self.mutations:
            raise ValueError("strategy nodes without mutations changes nothing")
        return self

    @property
    def wiring(self) -> str | None:
        """The operator of the wiring step, or None where the strategy has none."""
        if self.strategy == "guided" and self.threshold is not None:
            return f"guided:{self.threshold:g}"
        return self.strategy if self.strategy in ("guided", "uniform") else None


class StopOptions(BaseModel):
    """When an evolution ends. Nothing here changes a result; the same study can go on further."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rounds: int = Field(default=40, ge=1)
    """Children in all, the random ones at the start included."""
    hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Begin no child after so many hours of this worker; by default there is no limit."""
    stagnation: int | None = Field(default=None, ge=1)
    """End when so many children in a row were no better; by default that is no reason."""
    child_minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Minutes after which an evaluation is stopped, which costs it one attempt; by default
    none."""
