"""What all commands have in common: settings that a command line is made from, and how they run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from connsearch.cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Flag:
    """How a setting appears on the command line, where that is not plain from its name and type.

    Attributes:
        name: of the option, without dashes; None takes the setting's name.
        positional: an argument without a name.
        metavar: what stands for its value in the help; None takes the type.
        switch: a yes/no setting without a ``--no-`` twin.
        short: a one-letter name, such as ``-o``.
    """

    name: str | None = None
    positional: bool = False
    metavar: str | None = None
    switch: bool = False
    short: str | None = None


class Command(BaseModel, ABC):
    """One command with its settings; a subclass's docstring is its help page's text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Settings (dotted) that no option of their own sets."""

    json_line: Annotated[bool, Flag(name="json", switch=True)] = False
    """Print one JSON object as the last line of standard output; all else goes to the error
    stream."""
    debug: Annotated[bool, Flag(switch=True)] = False
    """Show the traceback of an error."""

    @abstractmethod
    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Does the work, shows it to people, and returns the JSON object for scripts."""

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings to start from before the flags are read; ``values`` holds both.

        A command that works on a run takes what the run recorded.
        """
        return {}
