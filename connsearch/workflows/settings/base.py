"""What all settings have in common: made from flat keywords, with every fault named at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from connsearch.errors import SHOWN, SettingsError
from connsearch.settings.nesting import merged, nested, usual_values


class WorkflowSettings(BaseModel):
    """The settings of one workflow."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Settings (dotted) that nobody sets by themselves: they follow from others."""

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings to start from, before those given; ``values`` has both.

        Work on a run takes what the run recorded.
        """
        return {}

    @classmethod
    def of(cls, **given: Any) -> Self:
        """Returns the settings that flat keywords ask for: ``frames=16, lr=0.003``.

        Raises:
            SettingsError: there is no such setting, or values cannot be used; all are named.
        """
        asked = nested(cls, given)
        usual = usual_values(cls)
        start = merged(usual, cls.recorded(merged(usual, asked)))
        try:
            return cls.model_validate(merged(start, asked))
        except ValidationError as error:
            raise SettingsError(_explained(error)) from None


def _explained(error: ValidationError) -> str:
    """Every fault with the keyword it is about, what was read, and what is allowed."""
    faults = error.errors(include_url=False)
    lines = [f"{len(faults):,} setting{'s' if len(faults) != 1 else ''} cannot be used"]
    for fault in faults[:SHOWN]:
        name = str(fault["loc"][-1]) if fault["loc"] else "settings"
        message = fault["msg"].removeprefix("Value error, ")
        if not isinstance(fault["input"], Mapping) and not message.startswith("read "):
            message = f"read {fault['input']!r:.200}; {message}"
        lines.append(f"  {name}: {message}")
    if len(faults) > SHOWN:
        lines.append(f"  and {len(faults) - SHOWN:,} more")
    return "\n".join(lines)
