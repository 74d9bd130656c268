"""What a search can be asked for."""

from __future__ import annotations

from typing import Annotated, ClassVar

from connsearch.flags import Flag
from connsearch.oneshot.options import SearchOptions
from connsearch.workflows.settings.folds import FoldedSettings


class SearchSettings(FoldedSettings):
    """What :func:`~connsearch.workflows.search.search` can be asked for."""

    NAMED: ClassVar[tuple[str, ...]] = ("structure", "folds")

    structure: Annotated[str, Flag(positional=True)] = "starter"
    """The name of a structure (see `connsearch models`), a structure file, or an earlier run."""
    training: SearchOptions = SearchOptions()
