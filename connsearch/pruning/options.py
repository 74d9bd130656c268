"""Settings of a prune, checked before any work. Torch-free, so the command line can read them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.pruning.budget import parse_budgets
from connsearch.pruning.criteria import CRITERIA, Criterion
from connsearch.registry import suggest

Mode = Literal["pinned", "published"]
RepairRule = Literal["strongest-path", "refuse"]
PeerOnly = Literal["reassign", "keep"]


class PruneOptions(BaseModel):
    """What to prune by and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    criterion: str = "relative"
    """Which connections to keep: relative (inputs with at least 0.7 of the strongest weight of
    their block), rank (the better half of the inputs of each block), threshold, top_k or random.
    Parameters follow a colon, as in threshold:minimum=0.7 or random:number=20,seed=3; a value alone
    belongs to the first parameter, as in relative:0.5."""
    mode: Mode = "pinned"
    """pinned keeps every shape, so that the result equals the masked network bit for bit;
    published derives shapes again by the published rules and reports what that changes."""
    repair: RepairRule = "strongest-path"
    """What to do if no final node can be reached any more: restore the strongest path, or
    refuse."""
    peers: int = Field(default=1, ge=1)
    """Number of peers to keep for each connection (attention mode peer)."""
    peer_only: PeerOnly = "reassign"
    """What to do with a node that is needed only because it gates connections: reassign them to
    their strongest peer that stays anyway, so that it goes, or keep it and pay for it."""
    budget: tuple[str, ...] = Field(default=(), json_schema_extra={"repeats": True})
    """Instead of a criterion, the largest cost of the result: macs<=60%, params<=100k,
    connections<=20 or latency<=40ms (measured here); a percentage is of the unpruned network.
    Separate several by commas, or repeat the option; the result is the strongest network within all
    of them."""

    @field_validator("criterion")
    @classmethod
    def _known(cls, spec: str) -> str:
        try:
            build_criterion(spec)
        except (SettingsError, UnknownNameError) as error:
            raise ValueError(str(error)) from None
        return spec

    @field_validator("budget")
    @classmethod
    def _readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(budget) for budget in parse_budgets(texts))
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _one_way(self) -> PruneOptions:
        if self.budget and self.criterion != PruneOptions.model_fields["criterion"].default:
            raise ValueError(
                f"criterion {self.criterion} and a budget: each decides how many connections stay\n"
                "    allowed: one of them; a budget compares the weights within each block, as "
                "criterion relative does"
            )
        return self

    def changed(self) -> dict[str, str]:
        """Returns what is not default, as parts of a file name.

        >>> PruneOptions(criterion="top_k:1", peers=2).changed()
        {'criterion': 'top_k-1', 'peers': '2'}
        """
        values = self.model_dump(exclude_defaults=True)
        if self.budget:
            values["budget"] = "-".join(b.slug for b in parse_budgets(self.budget))
        return {name: str(value).replace(":", "-") for name, value in values.items()}


def build_criterion(spec: str) -> Criterion:
    """Returns the criterion that ``name`` or ``name:parameter=value,...`` describes.

    >>> build_criterion("top_k:3")
    TopK(k=3)
    >>> build_criterion("random:number=20,seed=3")
    Random(share=0.5, number=20, seed=3)

    Raises:
        UnknownNameError: no such criterion.
        SettingsError: no such parameter, a value that is not a number, or one out of range.
    """
    name, colon, given = spec.partition(":")
    kind: Any = CRITERIA[name]
    fields = [field.name for field in dataclasses.fields(kind)]
    parameters: dict[str, Any] = {}
    for part in given.split(",") if colon else ():
        key, value = part.split("=", 1) if "=" in part else (fields[0], part)
        if key not in fields:
            raise SettingsError(suggest(f"parameter of criterion {name}", key, fields))
        if key in parameters:
            raise SettingsError(f"criterion {name}: {key} is given twice; read {spec!r}")
        parameters[key] = _number(value, name, key)
    return kind(**parameters)


def criterion_at(criterion: str, value: float) -> str:
    """Returns the criterion with a value for its first parameter.

    >>> criterion_at("relative", 0.5), criterion_at("random:seed=3", 0.25), criterion_at("top_k", 2)
    ('relative:0.5', 'random:0.25,seed=3', 'top_k:2')
    """
    name, _, rest = criterion.partition(":")
    return f"{name}:{value:.12g}" + (f",{rest}" if rest else "")


def describe_criterion(spec: str) -> dict[str, Any]:
    """Returns the name and every parameter of a criterion, for a file's provenance.

    >>> describe_criterion("threshold:0.7")
    {'name': 'threshold', 'minimum': 0.7}
    """
    criterion: Any = build_criterion(spec)
    return {"name": spec.partition(":")[0], **dataclasses.asdict(criterion)}


def _number(text: str, name: str, key: str) -> int | float:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"criterion {name}: {key} is a number; read {text!r}")
    return value
