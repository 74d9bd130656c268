"""Options of a training that gives the network of a structure exits. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, cast

from pydantic import Field, field_validator

from connsearch.flags import Flag
from connsearch.settings.nesting import Options

ALL = "all"
"""An exit after every level of blocks but the last."""


class ExitOptions(Options, title="exits"):
    """Whether the network of a structure may stop early (docs/early_exit.md)."""

    exits: Annotated[str | None, Flag(bare=ALL, metavar="[LEVEL,...]")] = None
    """Give the network of a structure an exit after these levels, such as 1,2; alone: after every
    level but the last. Its weights stay, the exits are new, and its own answer is the last one."""
    exit_neurons: int | None = Field(default=None, ge=1, le=8192)
    """Width of the layer whose largest features are classified at an exit; by default 256."""

    @field_validator("exits", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """``exits=True`` is what ``--exits`` is, and ``[1, 2]`` is ``1,2``."""
        if isinstance(value, bool):
            return ALL if value else None
        if isinstance(value, int):
            return str(value)
        if isinstance(value, Iterable) and not isinstance(value, str):
            return ",".join(map(str, cast("Iterable[Any]", value)))
        return value

    @field_validator("exits")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value in (None, ALL):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isdecimal() for part in parts):
            raise ValueError(f"read {value!r}; allowed: levels such as 1,2, or {ALL}")
        return ",".join(map(str, sorted({int(part) for part in parts})))

    @property
    def levels(self) -> tuple[int, ...] | None:
        """The levels that are named; None: all but the last."""
        if self.exits in (None, ALL):
            return None
        return tuple(map(int, self.exits.split(",")))
