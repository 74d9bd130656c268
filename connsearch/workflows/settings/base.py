"""What all settings have in common: made from flat keywords, with every fault named at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from connsearch.errors import SettingsError
from connsearch.settings.faults import explained, keyword
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
            raise SettingsError(explained(cls, error, partial(keyword, cls))) from None
