"""Settings of the learning rates of single parts of a network. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import Field, field_validator

from connsearch.flags import Flag
from connsearch.settings.nesting import Options

FINE_TUNE = 0.6
"""What ``--fine-tune`` alone leaves of the learning rate of all but classifier and recurrence."""


class RateOptions(Options, title="rates"):
    """Which parts of a network learn faster or slower than others."""

    fine_tune: Annotated[float | None, Flag(bare=str(FINE_TUNE), metavar="[X]")] = Field(
        default=None, ge=0, le=1, allow_inf_nan=False
    )
    """Learn as in fine-tuning: the classifier with the whole learning rate, recurrent layers with
    half of it, the rest with X of it (alone: 0.6; 0: the rest is frozen)."""
    rate: Annotated[tuple[str, ...] | None, Flag(repeats=True, metavar="PATTERN=X")] = None
    """Learn parameters whose name fits PATTERN (a glob: stage1.*, or the name of a part: stage1)
    with X of the learning rate; 0: they are frozen. Give it several times for several; the last
    one that fits a name counts, and before --fine-tune."""

    @field_validator("fine_tune", mode="before")
    @classmethod
    def _true_is_usual(cls, value: Any) -> Any:
        """``fine_tune=True`` is what ``--fine-tune`` is, and no rate of 1."""
        if isinstance(value, bool):
            return FINE_TUNE if value else None
        return value

    @field_validator("rate", mode="before")
    @classmethod
    def _as_texts(cls, value: Any) -> Any:
        """A mapping ``{"stage1.*": 0.1}`` as the texts of the command line."""
        if isinstance(value, str):
            return (value,)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[Any, Any]", value)
            return tuple(f"{pattern}={factor}" for pattern, factor in pairs.items())
        return value

    @field_validator("rate")
    @classmethod
    def _readable(cls, texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        found = dict[str, float]()
        for text in texts or ():
            pattern, factor = rate_of(text)
            found.pop(pattern, None)  # given again: it counts where it stands last
            found[pattern] = factor
        return tuple(f"{pattern}={_written(factor)}" for pattern, factor in found.items()) or None

    @property
    def patterns(self) -> dict[str, float]:
        """The factor of every pattern, in their order: the last one that fits counts."""
        return dict(map(rate_of, self.rate or ()))

    @property
    def given(self) -> bool:
        """Whether anything learns at another rate than the rest."""
        return self.fine_tune is not None or bool(self.rate)


def _written(factor: float) -> str:
    """The number as it is read again, 1 for 1.0."""
    return str(int(factor)) if factor.is_integer() else repr(factor)


def rate_of(text: str) -> tuple[str, float]:
    """Returns pattern and factor of ``PATTERN=X``.

    Raises:
        ValueError: it is something else, or no factor from 0 to 1000.

    >>> rate_of("stage1.*=0.1")
    ('stage1.*', 0.1)
    """
    pattern, equals, number = text.rpartition("=")
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not equals or not pattern.strip() or not 0 <= factor <= 1000:
        raise ValueError(
            f"read {text!r}; allowed: PATTERN=X with X from 0 (frozen) to 1000, such as "
            "stage1.*=0.1 or head=2"
        )
    return pattern.strip(), factor
