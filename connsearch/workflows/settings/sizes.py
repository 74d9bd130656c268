"""The size of clips, as settings have it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Size = Annotated[int, Field(ge=1, le=4096)]
"""Frames, or pixels of one side, of a clip."""
