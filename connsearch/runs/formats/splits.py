"""Names of splits in the files of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from connsearch.data.records import split_name

SplitName = Annotated[str, BeforeValidator(split_name)]
"""The name of a split; the validation split was called ``select``."""
