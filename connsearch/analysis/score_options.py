"""Settings of how connections are scored. Free of torch, so the command line can read them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connsearch.flags import flag

ScoreKind = Literal["weight", "ablation", "perturbation", "gate"]
LearnedScore = Literal["weight", "gate"]
"""Kinds of scores that a run has left, so that nothing is measured."""


class ScoreOptions(BaseModel):
    """What the criterion compares."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    scores: ScoreKind = "weight"
    """What the criterion compares: the learned weight; ablation (how much the loss on val rises if
    this connection alone is multiplied by zero); perturbation (the same, node after node, with
    fine-tuning in between); or gate (the weight times the share of val for which the temporal gate
    of the connection is open). All but the weight need the run of a search, ablation and
    perturbation its data too."""
    score_steps: int = Field(default=10, ge=0)
    """Training steps after each node (only for scores perturbation)."""
    score_seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the order of nodes and clips (only for scores perturbation)."""

    @property
    def slug(self) -> str:
        """The kind, and after it what is not default: for names of files and directories.

        >>> ScoreOptions(scores="perturbation", score_steps=5).slug
        'perturbation-steps-5'
        """
        changed = self.model_dump(exclude_defaults=True, exclude={"scores"})
        parts = (f"{name.removeprefix('score_')}-{value}" for name, value in changed.items())
        return "-".join([self.scores, *parts])

    @model_validator(mode="after")
    def _consistent(self) -> ScoreOptions:
        for name in ("score_steps", "score_seed"):
            value, usual = getattr(self, name), ScoreOptions.model_fields[name].default
            if self.scores != "perturbation" and value != usual:
                raise ValueError(
                    f"{flag(name)} {value} has no effect with --scores {self.scores}; "
                    "give --scores perturbation too, or omit it"
                )
        return self
