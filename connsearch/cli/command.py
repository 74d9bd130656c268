"""What all commands have in common: settings that a command line is made from, and how they run."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from connsearch.cli.terminal import Terminal
from connsearch.flags import Flag


class Command(BaseModel, ABC):
    """One command with its settings; a subclass's docstring is its help page's text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Settings (dotted) that no option of their own sets."""

    BASIC: ClassVar[frozenset[str]] = frozenset()
    """Options by name that ``--help`` shows; none named: the command's own that are not ``rare``,
    and those in groups that are marked (``settings.nesting.BASIC``)."""

    FAILURE: ClassVar[int] = 1
    """Exit code of work that went wrong; another one where 1 is an answer."""

    json_line: Annotated[bool, Flag(name="json", switch=True)] = False
    """Print one JSON object as the last line of standard output; everything else goes to standard
    error."""
    debug: Annotated[bool, Flag(switch=True, rare=True)] = False
    """Show the Python traceback of an error."""

    @classmethod
    def about(cls) -> str:
        """Returns the text of its help page: the docstring, unless there is more to list."""
        return inspect.getdoc(cls) or ""

    @abstractmethod
    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Does the work, shows it to people, and returns the JSON object for scripts."""

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns the exit code of work that is done, by what ``execute`` returned."""
        return 0

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings to start from before the flags are read; ``values`` holds both.

        A command that works on a run takes what the run recorded.
        """
        return {}
